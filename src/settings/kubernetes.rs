use std::path::Path;

use super::Value;
use super::value::Kind;

/// Names of kubeconfig contexts; in text they stand with commas between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contexts(pub Vec<String>);

impl Value for Contexts {
    const EXPECTED: &'static str = "names of contexts, as in `staging, production`";
    const KIND: Kind = Kind::List;

    fn read(text: &str, _base: &Path) -> Option<Self> {
        let names: Vec<String> =
            text.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
        // An empty list would allow every context, which is hardly what somebody meant who wrote one.
        Some(Self(names)).filter(|c| !c.0.is_empty())
    }

    fn show(&self) -> Option<String> {
        Some(self.0.join(", ")).filter(|s| !s.is_empty())
    }
}
