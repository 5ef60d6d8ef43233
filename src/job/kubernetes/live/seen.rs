use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use crate::job::EndCause;
use crate::job::kubernetes::Hindrance;
use crate::job::kubernetes::describe::{self, attempt_of, created, id_of};
use crate::job::kubernetes::pod_log::{container, exit_code, has_started};
use crate::job::kubernetes::snapshot::owner;
use crate::kube::ready::{Trouble, condition, items, number, text};
use crate::model::JobId;

/// Why a pod ended that its node, not its program, has ended.
const NODE_REASONS: [&str; 5] = ["NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting"];
/// What is kept of a Kubernetes Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenJob {
    pub(super) id: JobId,
    pub(super) uid: String,
    pub(super) attempt: u32,
    pub(super) outcome: Option<JobOutcome>,
    pub(super) deleting: bool,
    /// What it waits for before it may have pods.
    pub(super) held: Option<String>,
    /// `activeDeadlineSeconds`
    pub(super) deadline: Option<u64>,
    /// The memory limit of its container.
    pub(super) memory: Option<String>,
    /// Nothing is there of it any more.
    pub(super) gone: bool,
    /// Its end has been taken note of.
    pub(super) put_away: bool,
}

/// How a Job has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobOutcome {
    Complete,
    Failed { deadline: bool, message: String },
}

/// What is kept of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenPod {
    pub(super) id: JobId,
    /// UID of its Job.
    pub(super) owner: String,
    pub(super) created: Timestamp,
    pub(super) container: String,
    /// Whether there is a log.
    pub(super) started: bool,
    /// Whether it will not run any more.
    pub(super) ended: bool,
    pub(super) deleting: bool,
    /// Nothing is there of it any more.
    pub(super) gone: bool,
    /// Why it doesn't run (yet).
    pub(super) waits: Option<String>,
    /// What keeps it from ever running unless somebody does something.
    pub(super) stuck: Option<Stuck>,
    pub(super) code: Option<i32>,
    pub(super) cause: Option<EndCause>,
    /// Seconds between being asked to end and being ended.
    pub(super) grace: Option<u64>,
}

/// A container that can't start, or a pod that isn't made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::job::kubernetes) struct Stuck {
    pub(in crate::job::kubernetes) cause: EndCause,
    pub(in crate::job::kubernetes) since: Instant,
    /// Whether waiting is no use.
    pub(in crate::job::kubernetes) for_good: bool,
}

impl SeenJob {
    /// `None` if it is not one that a runtime has made.
    pub(super) fn read(job: &Value) -> Option<Self> {
        let outcome = if describe::has_succeeded(job) {
            Some(JobOutcome::Complete)
        } else {
            describe::failure(job).filter(|_| describe::has_ended(job)).map(|failed| JobOutcome::Failed {
                deadline: text(failed, "/reason") == "DeadlineExceeded",
                message: text(failed, "/message").to_owned(),
            })
        };
        let limit = items(job, "/spec/template/spec/containers")
            .find(|c| text(c, "/name") == "job")
            .or_else(|| items(job, "/spec/template/spec/containers").next())
            .map(|c| text(c, "/resources/limits/memory").to_owned());
        Some(Self {
            id: id_of(job)?,
            uid: text(job, "/metadata/uid").to_owned(),
            attempt: attempt_of(job),
            outcome,
            deleting: !text(job, "/metadata/deletionTimestamp").is_empty(),
            held: describe::held(job),
            deadline: number(job, "/spec/activeDeadlineSeconds").and_then(|s| u64::try_from(s).ok()),
            memory: limit.filter(|l| !l.is_empty()),
            gone: false,
            put_away: false,
        })
    }
}

impl SeenPod {
    /// `None` if it is not one of a Job that a runtime has made. `before` is what was known of it.
    pub(super) fn read(pod: &Value, before: Option<&Self>, now: Instant) -> Option<Self> {
        let ended = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        let runs = text(pod, "/status/phase") == "Running";
        let trouble = (!ended).then(|| describe::trouble(pod)).flatten();
        Some(Self {
            id: id_of(pod)?,
            owner: Some(owner(pod)).filter(|o| !o.is_empty())?.to_owned(),
            created: created(pod),
            container: container(pod).to_owned(),
            started: has_started(pod),
            ended,
            deleting: !text(pod, "/metadata/deletionTimestamp").is_empty(),
            gone: false,
            waits: (!ended && !runs).then(|| describe::words(pod)),
            stuck: trouble.and_then(|t| stuck(&t, before.and_then(|b| b.stuck.as_ref()), now)),
            code: exit_code(pod),
            cause: cause(pod),
            grace: number(pod, "/spec/terminationGracePeriodSeconds").and_then(|s| u64::try_from(s).ok()),
        })
    }

    /// Whether it runs or may run.
    pub(super) fn lives(&self) -> bool {
        !self.ended && !self.gone
    }
}

fn stuck(trouble: &Trouble, before: Option<&Stuck>, now: Instant) -> Option<Stuck> {
    let Hindrance { cause, for_good } = Hindrance::of_pod(trouble)?;
    let same = before.filter(|b| std::mem::discriminant(&b.cause) == std::mem::discriminant(&cause));
    Some(Stuck {
        // Between two attempts it only says that it waits for the next.
        cause: same.filter(|_| trouble.reason == "ImagePullBackOff").map_or(cause, |b| b.cause.clone()),
        since: same.map_or(now, |b| b.since),
        for_good,
    })
}

/// Why a pod's program has ended or is about to, as far as others than the program are the reason.
fn cause(pod: &Value) -> Option<EndCause> {
    let (reason, message) = (text(pod, "/status/reason"), text(pod, "/status/message"));
    let why = |words: &str| {
        let node = text(pod, "/spec/nodeName");
        let node = if node.is_empty() { String::new() } else { format!(" (node {node})") };
        words.split_whitespace().collect::<Vec<_>>().join(" ") + &node
    };
    let disrupted = condition(pod, "DisruptionTarget").filter(|c| text(c, "/status") == "True");
    let terminated = items(pod, "/status/containerStatuses")
        .find(|c| text(c, "/name") == container(pod))
        .map(|c| text(c, "/state/terminated/reason"));
    match reason {
        "Evicted" => Some(EndCause::Evicted { why: why(message) }),
        "DeadlineExceeded" => Some(EndCause::Deadline { seconds: None }),
        _ if NODE_REASONS.contains(&reason) => {
            Some(EndCause::NodeLost { why: why(&format!("{reason}: {message}")) })
        }
        _ if disrupted.is_some() => disrupted.map(|d| {
            let words = format!("{}: {}", text(d, "/reason"), text(d, "/message"));
            EndCause::NodeLost { why: why(&words) }
        }),
        _ if terminated == Some("OOMKilled") => Some(EndCause::Memory { limit: None }),
        _ => None,
    }
}
