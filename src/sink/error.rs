use crate::error::{Diagnose, Exit};
use crate::kube::KubeError;
use crate::model::{GroupVersionKind, ObjectRef};
use crate::plan::PlanError;

/// A kind that is wanted and that the cluster doesn't serve.
#[derive(Debug, Clone)]
pub struct MissingKind {
    /// The kind.
    pub gvk: GroupVersionKind,
    /// Versions in which the cluster does serve it.
    pub served_as: Vec<String>,
    /// The first object that wants it.
    pub example: ObjectRef,
}

/// Why objects did not get where they should.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The cluster.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// What was to be applied.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Kinds that the cluster doesn't serve; nothing was applied.
    #[error("the cluster does not serve {}; nothing was applied", describe(kinds))]
    MissingKinds {
        /// All of them.
        kinds: Vec<MissingKind>,
    },
    /// Objects that were to go are still there.
    #[error("still there after {seconds} s: {}", left.join(", "))]
    StillThere {
        /// How long was waited.
        seconds: u64,
        /// Each with what holds it.
        left: Vec<String>,
    },
    /// The apply ended half-way.
    #[error("{}", partial(cause, applied, not_applied))]
    Partial {
        /// What went wrong; nothing if the user interrupted.
        cause: Option<Box<KubeError>>,
        /// What was done.
        applied: Vec<ObjectRef>,
        /// What was not.
        not_applied: Vec<ObjectRef>,
    },
}

fn describe(kinds: &[MissingKind]) -> String {
    let of = |m: &MissingKind| {
        let other = if m.served_as.is_empty() {
            String::new()
        } else {
            format!(", served as {}", m.served_as.join(" and "))
        };
        format!("{} (wanted by {}{other})", m.gvk, m.example)
    };
    kinds.iter().map(of).collect::<Vec<_>>().join(", ")
}

fn partial(cause: &Option<Box<KubeError>>, applied: &[ObjectRef], not_applied: &[ObjectRef]) -> String {
    let list = |objects: &[ObjectRef]| {
        let mut names: Vec<String> = objects.iter().take(20).map(ToString::to_string).collect();
        if objects.len() > names.len() {
            names.push(format!("and {} more", objects.len() - names.len()));
        }
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let cause = cause.as_ref().map_or_else(|| "interrupted".to_owned(), ToString::to_string);
    format!(
        "{cause}\n  applied ({}): {}\n  not applied ({}): {}",
        applied.len(),
        list(applied),
        not_applied.len(),
        list(not_applied)
    )
}

impl Diagnose for SinkError {
    fn exit(&self) -> Exit {
        match self {
            Self::Kube(e) => e.exit(),
            Self::Plan(e) => e.exit(),
            Self::Partial { cause: None, .. } => Exit::Interrupted,
            Self::MissingKinds { .. } | Self::Partial { cause: Some(_), .. } => Exit::Remote,
            Self::StillThere { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Kube(e) => e.hints(),
            Self::Plan(e) => e.hints(),
            Self::MissingKinds { kinds } => kinds
                .iter()
                .map(|m| match m.served_as.first() {
                    Some(version) => format!("Write {} as {version} for this cluster", m.gvk.kind),
                    None => format!("Install what defines {} first", m.gvk.kind),
                })
                .collect(),
            Self::StillThere { .. } => {
                vec![
                    "Whoever set a finalizer has to remove it; run the command again to go on waiting".into(),
                ]
            }
            Self::Partial { cause, .. } => {
                let mut hints = cause.as_ref().map(|c| c.hints()).unwrap_or_default();
                hints.push("Run the same command again: it goes on where this run ended".into());
                hints
            }
        }
    }
}
