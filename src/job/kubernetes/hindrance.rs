use std::time::Duration;

use crate::job::EndCause;
use crate::kube::ready::{Refusal, Trouble, refusal_words};

/// How long a container that can't be started may try: a registry that is away comes back, and a Secret that is
/// missing may be set meanwhile.
pub(super) const STARTUP_PATIENCE: Duration = Duration::from_secs(300);

/// What keeps a container from starting and may heal by itself: what of it is about its image …
const IMAGE: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "RegistryUnavailable",
    "InvalidImageName",
    "ErrImageNeverPull",
];
/// … and what about its configuration.
const CONFIGURATION: [&str; 3] = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

/// What keeps a job from ever running unless somebody does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// What it is.
    pub cause: EndCause,
    /// Whether waiting is no use.
    pub for_good: bool,
}

impl Hindrance {
    /// What a pod's trouble is worth. That it has no place is none: other jobs end, and nodes come.
    pub(super) fn of_pod(trouble: &Trouble) -> Option<Self> {
        let reason = trouble.reason.as_str();
        let why = trouble.words().split_whitespace().collect::<Vec<_>>().join(" ");
        let cause = if IMAGE.contains(&reason) {
            EndCause::Image { why }
        } else if CONFIGURATION.contains(&reason) {
            EndCause::Configuration { why }
        } else {
            return None;
        };
        Some(Self { cause, for_good: trouble.grace.is_zero() })
    }

    /// What the complaint about a Job is worth of which no pod could be made.
    pub(super) fn of_complaint(message: &str) -> Option<Self> {
        let for_good = match Refusal::of(message) {
            Refusal::ForGood => true,
            Refusal::Unmet => false,
            Refusal::ForNow => return None,
        };
        Some(Self { cause: EndCause::Refused { why: refusal_words(message) }, for_good })
    }
}
