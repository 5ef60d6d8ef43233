use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Hindrance;
use super::manifest::{ATTEMPT_LABEL, JOB_ID_LABEL, MODEL_ANNOTATION, SUBMITTED_ANNOTATION, TASK_ANNOTATION};
use crate::kube::ready::{
    Surroundings, Trouble, Verdict, assess, condition, items, number, refusal_words, text,
};
use crate::model::{GroupVersionKind, Job, JobId, JobStatus, ModelName, TaskName};

static POD: LazyLock<GroupVersionKind> = LazyLock::new(|| GroupVersionKind::new("v1", "Pod"));

/// A job as the cluster shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterJob {
    /// The job. Its `attempt` counts pods that were started; its `tag` is the image's.
    #[serde(flatten)]
    pub job: Job,
    /// The node of its last pod.
    pub node: Option<String>,
    /// Its last pod.
    pub pod: Option<String>,
    /// What keeps it from ever starting unless somebody does something.
    #[serde(skip)]
    pub hindrance: Option<Hindrance>,
}

/// The job's id, if a Kubernetes Job is one of ours.
pub(super) fn id_of(job: &Value) -> Option<JobId> {
    label(job, JOB_ID_LABEL)?.parse().ok()
}

/// Which of the runtime's attempts at a job a Kubernetes Job is.
pub(super) fn attempt_of(job: &Value) -> u32 {
    label(job, ATTEMPT_LABEL).and_then(|a| a.parse().ok()).unwrap_or(1)
}

/// Tells what there is to say of one Kubernetes Job, its pods (in any order) and the last complaint about it. `None`
/// if it is not a job of ours: its id or its model can't be told.
pub(super) fn describe(job: &Value, pods: &[&Value], complaint: Option<&str>) -> Option<ClusterJob> {
    let last = pods.iter().copied().max_by_key(|p| created(p));
    let counted = |field: &str| number(job, &format!("/status/{field}")).unwrap_or(0);
    let started = pods.iter().filter(|p| started_at(p).is_some()).count() as i64;
    let attempt = started.max(counted("failed") + counted("succeeded"));
    let (status, reason) = standing(job, pods, last, complaint);
    let started_at = last
        .and_then(started_at)
        .or_else(|| time(job, "/status/startTime").filter(|_| attempt > 0 && status.is_final()));
    let finished_at = match status {
        JobStatus::Success => time(job, "/status/completionTime")
            .or_else(|| decided(job, &["Complete"]))
            .or_else(|| last.and_then(ended_at)),
        JobStatus::Fail => decided(job, &["Failed", "FailureTarget"]),
        _ => None,
    };
    Some(ClusterJob {
        job: Job {
            id: id_of(job)?,
            model: model_of(job)?,
            task: task_of(job),
            status,
            reason,
            tag: tag_of(job),
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
            created_at: submitted(job),
            started_at,
            finished_at,
        },
        node: last.map(|p| text(p, "/spec/nodeName").to_owned()).filter(|n| !n.is_empty()),
        pod: last.map(|p| text(p, "/metadata/name").to_owned()),
        hindrance: hindrance(job, status, last, complaint),
    })
}

fn hindrance(
    job: &Value,
    status: JobStatus,
    last: Option<&Value>,
    complaint: Option<&str>,
) -> Option<Hindrance> {
    if status != JobStatus::Pending || held(job).is_some() {
        return None;
    }
    match (last, complaint) {
        (Some(pod), _) => trouble(pod).and_then(|t| Hindrance::of_pod(&t)),
        (None, Some(complaint)) => Hindrance::of_complaint(complaint),
        (None, None) => None,
    }
}

fn standing(
    job: &Value,
    pods: &[&Value],
    last: Option<&Value>,
    complaint: Option<&str>,
) -> (JobStatus, Option<String>) {
    if has_succeeded(job) {
        return (JobStatus::Success, None);
    }
    let failures = pods.iter().copied().filter(|p| text(p, "/status/phase") == "Failed");
    let last_failure = failures.max_by_key(|p| created(p)).map(words);
    if let Some(failed) = failure(job) {
        let said = match text(failed, "/reason") {
            // The pod says more.
            "BackoffLimitExceeded" | "" => None,
            reason => Some(format!("{reason}: {}", text(failed, "/message"))),
        };
        let fallback = || text(failed, "/message").to_owned();
        return (JobStatus::Fail, Some(said.or(last_failure).unwrap_or_else(fallback)));
    }
    let active = last.filter(|p| !matches!(text(p, "/status/phase"), "Succeeded" | "Failed"));
    let runs = active.is_some_and(|p| text(p, "/status/phase") == "Running");
    let status = if runs { JobStatus::Running } else { JobStatus::Pending };
    let before = last_failure.map(|f| format!("tried again after: {f}"));
    let reason = if !text(job, "/metadata/deletionTimestamp").is_empty() {
        Some("is being deleted".to_owned())
    } else if let Some(held) = held(job) {
        Some(held)
    } else if runs {
        before
    } else {
        let waits = match (active, complaint) {
            (Some(pod), _) => words(pod),
            (None, Some(complaint)) => refusal_words(complaint),
            (None, None) => "waits for its pod".to_owned(),
        };
        Some(before.map_or(waits.clone(), |before| format!("{waits}; {before}")))
    };
    (status, reason)
}

/// Why a Job may not have pods yet, if it may not.
pub(super) fn held(job: &Value) -> Option<String> {
    let suspended = job.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    suspended.then(|| match label(job, "kueue.x-k8s.io/queue-name") {
        Some(queue) => format!("waits for its turn in the queue {queue}"),
        None => "is suspended".to_owned(),
    })
}

/// Whether it has ended well. One that has can't run again.
pub(super) fn has_succeeded(job: &Value) -> bool {
    holds(job, "Complete").is_some()
}

/// The condition that says that it has ended badly. `FailureTarget` comes first on newer releases, when pods still end.
pub(super) fn failure(job: &Value) -> Option<&Value> {
    holds(job, "Failed").or_else(|| holds(job, "FailureTarget"))
}

/// Whether nothing of it will start any more.
pub(super) fn has_ended(job: &Value) -> bool {
    has_succeeded(job) || holds(job, "Failed").is_some()
}

fn holds<'v>(job: &'v Value, kind: &str) -> Option<&'v Value> {
    condition(job, kind).filter(|c| text(c, "/status") == "True")
}

fn decided(job: &Value, kinds: &[&str]) -> Option<Timestamp> {
    kinds.iter().find_map(|kind| time(holds(job, kind)?, "/lastTransitionTime"))
}

/// What is wrong with a pod that has yet to end.
pub(super) fn trouble(pod: &Value) -> Option<Trouble> {
    match assess(&POD, pod, &Surroundings::default()) {
        Verdict::Troubled(trouble) | Verdict::Failed(trouble) => Some(trouble),
        Verdict::Ready(_) | Verdict::Waiting(_) => None,
    }
}

/// How a pod stands, for a person.
pub(super) fn words(pod: &Value) -> String {
    match assess(&POD, pod, &Surroundings::default()) {
        // A container that is there but not ready has no news of its own.
        Verdict::Ready(_) => "starts".to_owned(),
        Verdict::Waiting(_) if is_taken(pod) => format!("waits for node {}", text(pod, "/spec/nodeName")),
        verdict => verdict.words().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// Whether a node has it that has not yet said anything of it.
fn is_taken(pod: &Value) -> bool {
    !text(pod, "/spec/nodeName").is_empty() && items(pod, "/status/containerStatuses").next().is_none()
}

pub(super) fn model_of(job: &Value) -> Option<ModelName> {
    let annotated = job.pointer("/metadata/annotations").and_then(|a| a.get(MODEL_ANNOTATION)?.as_str());
    if let Some(name) = annotated.and_then(|name| name.parse().ok()) {
        return Some(name);
    }
    let env = |name: &str| {
        items(job, "/spec/template/spec/containers")
            .flat_map(|c| items(c, "/env"))
            .find(|e| text(e, "/name") == name)
            .map(|e| text(e, "/value"))
    };
    if let (Some(owner), Some(title)) = (env("OWNER"), env("TITLE"))
        && let Ok(name) = ModelName::new(owner, title)
    {
        return Some(name);
    }
    // The safe name is all that is left of it.
    let (owner, title) = label(job, "app")?.strip_suffix("-job")?.split_once('-')?;
    ModelName::new(owner, title).ok()
}

pub(super) fn task_of(job: &Value) -> TaskName {
    let annotated = job.pointer("/metadata/annotations").and_then(|a| a.get(TASK_ANNOTATION)?.as_str());
    annotated.and_then(|t| t.parse().ok()).unwrap_or(TaskName::Sim)
}

fn tag_of(job: &Value) -> Option<String> {
    let image = text(job, "/spec/template/spec/containers/0/image");
    let name = image.split('@').next().unwrap_or_default();
    name.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag.to_owned())
}

/// The first start of a pod's program.
pub(super) fn started_at(pod: &Value) -> Option<Timestamp> {
    items(pod, "/status/containerStatuses")
        .filter_map(|c| {
            time(c, "/state/running/startedAt").or_else(|| time(c, "/state/terminated/startedAt"))
        })
        .min()
}

fn ended_at(pod: &Value) -> Option<Timestamp> {
    items(pod, "/status/containerStatuses").filter_map(|c| time(c, "/state/terminated/finishedAt")).max()
}

pub(super) fn created(object: &Value) -> Timestamp {
    time(object, "/metadata/creationTimestamp").unwrap_or(Timestamp::UNIX_EPOCH)
}

/// When the scheduler accepted it; else when it was made.
fn submitted(job: &Value) -> Timestamp {
    let noted = job.pointer("/metadata/annotations").and_then(|a| a.get(SUBMITTED_ANNOTATION)?.as_str());
    noted.and_then(|at| at.parse().ok()).unwrap_or_else(|| created(job))
}

pub(super) fn label<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.pointer("/metadata/labels")?.get(name)?.as_str()
}

fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(status: Value) -> Value {
        json!({"metadata": {"name": "run-1", "labels": {"job-id": "run-1", "app": "examples-echo-job"},
                "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": {"template": {"spec": {"containers": [{"name": "job", "image": "r:5000/p/examples_echo_tasks:v3"}]}}},
            "status": status})
    }

    fn pod(name: &str, at: &str, status: Value) -> Value {
        json!({"metadata": {"name": name, "namespace": "n", "creationTimestamp": at}, "spec": {"nodeName": "node-1"},
            "status": status})
    }

    #[test]
    fn a_job_without_a_pod_tells_the_complaint_about_it() {
        let told = describe(&job(json!({})), &[], Some("exceeded quota: q")).unwrap();
        assert_eq!(told.job.status, JobStatus::Pending);
        assert_eq!(told.job.reason.as_deref(), Some("exceeded quota: q"));
        assert_eq!((told.job.attempt, told.pod, told.job.tag.as_deref()), (0, None, Some("v3")));
        assert_eq!(told.job.model.to_string(), "examples/echo");
    }

    #[test]
    fn a_second_attempt_tells_how_the_first_one_ended() {
        let first = pod(
            "a",
            "2026-01-02T03:04:06Z",
            json!({"phase": "Failed", "containerStatuses": [{"name": "job",
                "state": {"terminated": {"exitCode": 3, "startedAt": "2026-01-02T03:04:07Z"}}}]}),
        );
        let second = pod(
            "b",
            "2026-01-02T03:05:06Z",
            json!({"phase": "Running", "containerStatuses": [{"name": "job",
                "state": {"running": {"startedAt": "2026-01-02T03:05:07Z"}}}]}),
        );
        let told = describe(&job(json!({"active": 1, "failed": 1})), &[&second, &first], None).unwrap();
        assert_eq!((told.job.status, told.job.attempt), (JobStatus::Running, 2));
        assert_eq!(
            told.job.reason.as_deref(),
            Some("tried again after: Error: exited with 3 (pod a, container job)")
        );
        assert_eq!((told.pod.as_deref(), told.node.as_deref()), (Some("b"), Some("node-1")));
        let failed = json!({"failed": 2, "conditions": [{"type": "Failed", "status": "True",
            "reason": "DeadlineExceeded", "message": "too long", "lastTransitionTime": "2026-01-02T04:00:00Z"}]});
        let told = describe(&job(failed), &[], None).unwrap();
        assert_eq!((told.job.status, told.job.attempt), (JobStatus::Fail, 2));
        assert_eq!(told.job.reason.as_deref(), Some("DeadlineExceeded: too long"));
        assert!(told.job.finished_at.is_some());
    }

    #[test]
    fn what_is_not_labelled_as_the_contract_says_is_not_ours() {
        let mut other = job(json!({}));
        other["metadata"]["labels"] = json!({"job-id": "Not_An_Id", "app": "examples-echo-job"});
        assert_eq!(describe(&other, &[], None), None);
    }
}
