use super::seen::{JobOutcome, SeenJob, SeenPod};
use crate::job::{AttemptEnd, EndCause};

/// How an attempt has ended, if it has and nothing of it runs any more, and whether that is all there is to know: what is
/// told of pods may lag behind what is told of Jobs. `pods` are the Job's, the oldest first; `ours` is whether we have
/// deleted the Job.
pub(super) fn ending(job: &SeenJob, pods: &[&SeenPod], ours: bool) -> Option<(AttemptEnd, bool)> {
    let last = pods.iter().rev().find(|p| p.ended || p.gone || p.deleting).copied();
    match &job.outcome {
        // Pods that are being deleted are what is left of retries or of a node that is gone.
        Some(_) if pods.iter().any(|p| p.lives() && !p.deleting) => None,
        Some(JobOutcome::Complete) => {
            let code = pods.iter().rev().find(|p| p.ended).and_then(|p| p.code).unwrap_or(0);
            Some((exited(Some(code)), true))
        }
        Some(JobOutcome::Failed { deadline: true, .. }) => {
            let cause = Some(EndCause::Deadline { seconds: job.deadline });
            Some((AttemptEnd { cause, ..AttemptEnd::default() }, true))
        }
        Some(JobOutcome::Failed { message, .. }) => Some(match last {
            Some(pod) => (of_pod(job, pod), true),
            None => {
                tracing::info!(%message, "a job has failed, and none of its pods is left");
                (AttemptEnd::default(), false)
            }
        }),
        None if job.gone && ours => {
            Some((last.map_or_else(AttemptEnd::default, |pod| exited(pod.code)), true))
        }
        None if job.gone => {
            let code = last.and_then(|pod| pod.code);
            Some((AttemptEnd { cause: Some(EndCause::Deleted), ..exited(code) }, true))
        }
        None => None,
    }
}

fn of_pod(job: &SeenJob, pod: &SeenPod) -> AttemptEnd {
    let cause = match &pod.cause {
        Some(EndCause::Memory { .. }) => Some(EndCause::Memory { limit: job.memory.clone() }),
        Some(EndCause::Deadline { .. }) => Some(EndCause::Deadline { seconds: job.deadline }),
        Some(cause) => Some(cause.clone()),
        // Nobody deletes the pod of a Job that goes on but those who clear a node.
        None if pod.deleting && !job.deleting => Some(EndCause::NodeLost {
            why: "its pod was deleted, as it is when a node is drained".to_owned(),
        }),
        None => None,
    };
    let machine_lost = matches!(cause, Some(EndCause::NodeLost { .. }));
    AttemptEnd { cause, machine_lost, ..exited(pod.code) }
}

/// What an exit code tells, by a shell's convention that container runtimes follow.
fn exited(code: Option<i32>) -> AttemptEnd {
    let signal = code.filter(|c| (129..=192).contains(c)).map(|c| c - 128);
    AttemptEnd::exited(code.filter(|_| signal.is_none()), signal)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::*;

    fn job(status: Value) -> SeenJob {
        SeenJob::read(
            &json!({"metadata": {"name": "a", "uid": "u", "labels": {"job-id": "a", "attempt": "1"}},
            "spec": {"activeDeadlineSeconds": 60, "template": {"spec": {"containers": [
                {"name": "job", "resources": {"limits": {"memory": "3G"}}}]}}},
            "status": status}),
        )
        .unwrap()
    }

    fn failed(reason: &str) -> SeenJob {
        job(json!({"conditions": [{"type": "Failed", "status": "True", "reason": reason, "message": "m"}]}))
    }

    fn pod(more: Value) -> SeenPod {
        let mut pod = json!({"metadata": {"name": "p", "labels": {"job-id": "a"},
            "ownerReferences": [{"controller": true, "uid": "u"}]},
            "spec": {"nodeName": "n1", "containers": [{"name": "job"}]}});
        pod["status"] = more;
        SeenPod::read(&pod, None, Instant::now()).unwrap()
    }

    fn words(job: &SeenJob, pods: &[&SeenPod]) -> String {
        let (end, sure) = ending(job, pods, false).unwrap();
        assert!(sure);
        end.to_string()
    }

    #[test]
    fn each_kind_of_end_has_a_sentence_of_its_own() {
        let exit = |code: i32, reason: &str| {
            pod(json!({"phase": "Failed", "containerStatuses": [
                {"name": "job", "state": {"terminated": {"exitCode": code, "reason": reason}}}]}))
        };
        let backoff = failed("BackoffLimitExceeded");
        assert_eq!(words(&backoff, &[&exit(3, "Error")]), "its executor exited with code 3");
        assert!(words(&backoff, &[&exit(137, "OOMKilled")]).contains("more memory than its limit of 3G"));
        assert_eq!(words(&backoff, &[&exit(137, "Error")]), "its executor was killed by signal 9");
        let evicted = pod(json!({"phase": "Failed", "reason": "Evicted",
            "message": "The node was low on resource: memory. "}));
        assert_eq!(
            words(&backoff, &[&evicted]),
            "its node evicted it: The node was low on resource: memory. (node n1)"
        );
        let preempted =
            pod(json!({"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True",
            "reason": "PreemptionByScheduler", "message": "preempting"}]}));
        assert!(
            words(&backoff, &[&preempted]).starts_with("it lost its node: PreemptionByScheduler: preempting")
        );
        let running = pod(json!({"phase": "Running"}));
        let drained = SeenPod { deleting: true, ..running.clone() };
        assert!(words(&backoff, &[&drained]).contains("as it is when a node is drained"));
        assert_eq!(
            words(&failed("DeadlineExceeded"), &[&drained]),
            "it had not ended 60 s after its start, which was its deadline"
        );
        let gone = SeenJob { gone: true, ..job(json!({})) };
        assert!(words(&gone, &[]).contains("deleted by somebody else"));
        assert_eq!(ending(&gone, &[], true).unwrap().0, AttemptEnd::default());
    }

    #[test]
    fn what_is_not_sure_is_said_to_be_so() {
        let complete = job(json!({"conditions": [{"type": "Complete", "status": "True"}]}));
        let running = pod(json!({"phase": "Running"}));
        assert_eq!(ending(&job(json!({})), &[&running], false), None);
        assert_eq!(ending(&complete, &[&running], false), None, "its pod has not been told of yet");
        assert_eq!(ending(&complete, &[], false).unwrap().0, AttemptEnd::exited(Some(0), None));
        assert!(!ending(&failed("BackoffLimitExceeded"), &[], false).unwrap().1);
    }
}
