use std::fmt;

use crate::model::ModelName;

/// Whom a secret belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The services that all models share.
    Cluster,
    /// One model; its process gets the secret as an environment variable.
    Model(ModelName),
}

impl Scope {
    /// The key of the scope's entry in a secret manager. A model's always holds a `_`, so no model is `cluster`.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Cluster => "cluster".to_owned(),
            Self::Model(name) => name.safe_underscored(),
        }
    }

    /// How `csw` commands name the scope: `csw secrets` or `csw models -n O/T secrets`.
    pub(super) fn command(&self) -> String {
        match self {
            Self::Cluster => "csw secrets".to_owned(),
            Self::Model(name) => format!("csw models -n {name} secrets"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("the cluster"),
            Self::Model(name) => write!(f, "model {name}"),
        }
    }
}
