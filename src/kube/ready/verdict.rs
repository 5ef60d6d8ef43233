use std::time::Duration;

use serde::Serialize;

/// How far an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As far as it will get, in words: "3 of 3 available".
    Ready(String),
    /// On its way; what is missing.
    Waiting(String),
    /// Something is wrong that may heal by itself; if it lasts longer than its grace, the wait has failed.
    Troubled(Trouble),
    /// It won't get there.
    Failed(Trouble),
}

impl Verdict {
    /// Whether there is nothing left to wait for.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// What a person is told.
    pub fn words(&self) -> String {
        match self {
            Self::Ready(words) | Self::Waiting(words) => words.clone(),
            Self::Troubled(trouble) | Self::Failed(trouble) => trouble.words(),
        }
    }
}

/// What keeps an object from getting ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// One word as Kubernetes has it: `ImagePullBackOff`, `Unschedulable`, …
    pub reason: String,
    /// Kubernetes' own sentence.
    pub message: String,
    /// The container in question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<PodPlace>,
    /// How long it may last.
    #[serde(skip)]
    pub grace: Duration,
}

impl Trouble {
    /// Trouble that is not a container's.
    pub fn new(reason: impl Into<String>, message: impl Into<String>, grace: Duration) -> Self {
        Self { reason: reason.into(), message: message.into(), place: None, grace }
    }

    /// `ImagePullBackOff: Back-off pulling image "x" (pod p, container c)`
    pub fn words(&self) -> String {
        let mut words = self.reason.clone();
        if !self.message.is_empty() {
            words = format!("{words}: {}", self.message);
        }
        match &self.place {
            Some(PodPlace { pod, container: Some(container), .. }) => {
                format!("{words} (pod {pod}, container {container})")
            }
            Some(PodPlace { pod, .. }) => format!("{words} (pod {pod})"),
            None => words,
        }
    }
}

/// A pod, and a container of it where only one is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodPlace {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}
