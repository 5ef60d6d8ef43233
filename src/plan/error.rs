use crate::error::{Diagnose, Exit};

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// What was read are no objects that can be applied; one line a problem.
    #[error("{}", problems.join("\n"))]
    Manifests {
        /// Each with its place.
        problems: Vec<String>,
    },
    /// Another tool keeps this set of objects.
    #[error("the set of objects `{parent}` is kept by `{tool}`, not by csw")]
    ForeignSet {
        /// The parent object.
        parent: String,
        /// What its annotation names.
        tool: String,
    },
    /// Nothing is wanted, so that everything would be pruned.
    #[error("there is no object to apply: pruning would delete all {members} members of `{parent}`")]
    EmptySet {
        /// The parent object.
        parent: String,
        /// How many objects would go.
        members: usize,
    },
}

impl Diagnose for PlanError {
    fn exit(&self) -> Exit {
        Exit::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Manifests { .. } => Vec::new(),
            Self::ForeignSet { .. } => vec!["Name another set with --applyset NAME".into()],
            Self::EmptySet { .. } => {
                vec!["If that is what you want, say so with --prune --allow-empty, or run `csw cluster delete`".into()]
            }
        }
    }
}
