use serde_json::Value;

use super::deployment::REFUSED_GRACE;
use super::lookup::{number, observed, text};
use super::pod::{judge, just_restarted, worst};
use super::{Surroundings, Trouble, Verdict};

pub(super) fn assess(set: &Value, around: &Surroundings) -> Verdict {
    if !observed(set) {
        return Verdict::Waiting("the controller has not seen the change yet".into());
    }
    let wanted = number(set, "/spec/replicas").unwrap_or(1);
    let status = |field: &str| number(set, &format!("/status/{field}")).unwrap_or(0);
    let (ready, updated) = (status("readyReplicas"), status("updatedReplicas"));
    let by_hand = text(set, "/spec/updateStrategy/type") == "OnDelete";
    let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let revision = text(set, "/status/updateRevision");
    // Once all are new, the controller makes the new revision the current one and counts from there.
    let rolled_out = by_hand
        || updated >= (wanted - partition).max(0)
        || (partition == 0 && !revision.is_empty() && text(set, "/status/currentRevision") == revision);
    let uid = text(set, "/metadata/uid");
    let new_pods = || {
        around.pods_of(uid).filter(|p| {
            let label = text(p, "/metadata/labels/controller-revision-hash");
            label.is_empty() || revision.is_empty() || label == revision
        })
    };
    if rolled_out && ready >= wanted && status("replicas") <= wanted {
        if new_pods().any(just_restarted) {
            return Verdict::Waiting("a container has just restarted after a crash".into());
        }
        return Verdict::Ready(format!("{ready} of {wanted} ready"));
    }
    if let Some(trouble) = worst(new_pods()) {
        return judge(trouble);
    }
    if let Some(message) = around.warning(uid, "FailedCreate") {
        return Verdict::Troubled(Trouble::new("FailedCreate", message, REFUSED_GRACE));
    }
    Verdict::Waiting(if rolled_out {
        format!("{ready} of {wanted} replicas are ready")
    } else {
        format!("{updated} of {wanted} replicas are of the new version")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn old_replicas_that_are_ready_do_not_count() {
        let set =
            |status: Value| json!({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status});
        let around = Surroundings::default();
        let rolling = json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 1,
            "currentRevision": "a", "updateRevision": "b"});
        assert_eq!(assess(&set(rolling), &around).words(), "1 of 2 replicas are of the new version");
        let done = json!({"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "currentRevision": "b", "updateRevision": "b"});
        assert!(assess(&set(done), &around).is_ready());
    }
}
