use std::fmt;

/// How an attempt's executor ended, as far as it is known. It is no verdict on the job: a result is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptEnd {
    /// Exit code, if it exited and somebody was there to see it.
    pub code: Option<i32>,
    /// Signal that ended it, likewise.
    pub signal: Option<i32>,
    /// Whether the machine (or node) went down with it: not the job's fault.
    pub machine_lost: bool,
    /// What those who ran it say beyond that.
    pub cause: Option<EndCause>,
}

/// Why an attempt ended, where whoever ran it knows more than how its executor exited. Displayed it goes on after
/// "the attempt ended without a result: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndCause {
    /// It used more memory than it may.
    Memory {
        /// What it may use, as Kubernetes writes it.
        limit: Option<String>,
    },
    /// Its node put it out because something ran short.
    Evicted {
        /// The kubelet's words.
        why: String,
    },
    /// Its node went away, was drained, or gave it up for something more important.
    NodeLost {
        /// What is known of it.
        why: String,
    },
    /// Its image could not be had.
    Image {
        /// Which, and the registry's words.
        why: String,
    },
    /// Something that its container needs isn't there.
    Configuration {
        /// What: the key of a Secret, …
        why: String,
    },
    /// Kubernetes does not make its pod.
    Refused {
        /// Its words.
        why: String,
    },
    /// It had not ended when its time was up.
    Deadline {
        /// Its time, from its creation on, in seconds.
        seconds: Option<u64>,
    },
    /// What it ran in was deleted by somebody else.
    Deleted,
}

/// What another attempt is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// It is not the job's fault, and the next attempt has a good chance.
    Machine,
    /// It may be; who knows.
    Unknown,
    /// The next attempt would end alike, or isn't wanted.
    Job,
}

impl AttemptEnd {
    /// The executor's exit says all there is to say.
    pub fn exited(code: Option<i32>, signal: Option<i32>) -> Self {
        Self { code, signal, ..Self::default() }
    }

    /// What to make of an attempt that has left no result.
    pub fn blame(&self) -> Blame {
        match &self.cause {
            Some(EndCause::NodeLost { .. }) => Blame::Machine,
            None if self.machine_lost => Blame::Machine,
            Some(EndCause::Evicted { .. }) | None => Blame::Unknown,
            Some(
                EndCause::Memory { .. }
                | EndCause::Image { .. }
                | EndCause::Configuration { .. }
                | EndCause::Refused { .. }
                | EndCause::Deadline { .. }
                | EndCause::Deleted,
            ) => Blame::Job,
        }
    }
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = &self.cause {
            return cause.fmt(f);
        }
        match (self.machine_lost, self.code, self.signal) {
            (true, ..) => f.write_str("the machine was restarted"),
            (_, Some(code), _) => write!(f, "its executor exited with code {code}"),
            (_, _, Some(signal)) => write!(f, "its executor was killed by signal {signal}"),
            _ => f.write_str("its executor is gone"),
        }
    }
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { limit: Some(limit) } => write!(
                f,
                "it used more memory than its limit of {limit} and was killed (exit code 137); the model's file sets the \
                 limit: `resources: {{limits: {{memory: …}}}}`"
            ),
            Self::Memory { limit: None } => {
                f.write_str("it used more memory than there was and was killed (exit code 137)")
            }
            Self::Evicted { why } => write!(f, "its node evicted it: {why}"),
            Self::NodeLost { why } => write!(f, "it lost its node: {why}"),
            Self::Image { why } => write!(f, "its image can't be pulled: {why}"),
            Self::Configuration { why } => write!(f, "its container can't be started: {why}"),
            Self::Refused { why } => write!(f, "Kubernetes does not make its pod: {why}"),
            Self::Deadline { seconds: Some(seconds) } => {
                write!(f, "it had not ended {seconds} s after its start, which was its deadline")
            }
            Self::Deadline { seconds: None } => f.write_str("it had not ended at its deadline"),
            Self::Deleted => f.write_str("its Kubernetes Job was deleted by somebody else than csw"),
        }
    }
}
