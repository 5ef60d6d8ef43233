use serde_json::Value;

use super::lookup::{condition, number, observed, text, truth};
use super::pod::{judge, just_restarted, worst};
use super::{Surroundings, Trouble, Verdict};
use std::time::Duration;

const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
/// How long pods may be refused: another rollout may be about to free the quota.
pub(super) const REFUSED_GRACE: Duration = Duration::from_secs(10);

pub(super) fn assess(deployment: &Value, around: &Surroundings) -> Verdict {
    if !observed(deployment) {
        return Verdict::Waiting("the controller has not seen the change yet".into());
    }
    let wanted = number(deployment, "/spec/replicas").unwrap_or(1);
    if truth(deployment, "/spec/paused") {
        return Verdict::Ready("paused".into());
    }
    let status = |field: &str| number(deployment, &format!("/status/{field}")).unwrap_or(0);
    let (all, updated, available) =
        (status("replicas"), status("updatedReplicas"), status("availableReplicas"));
    let uid = text(deployment, "/metadata/uid");
    let revision = text(deployment, REVISION);
    let new_set = around.replica_sets_of(uid).find(|r| text(r, REVISION) == revision && !revision.is_empty());
    let new_pods = || new_set.into_iter().flat_map(|r| around.pods_of(text(r, "/metadata/uid")));
    if updated >= wanted && all <= updated && available >= wanted {
        if new_pods().any(just_restarted) {
            return Verdict::Waiting("a container has just restarted after a crash".into());
        }
        return Verdict::Ready(format!("{available} of {wanted} available"));
    }
    if let Some(trouble) = worst(new_pods()) {
        return judge(trouble);
    }
    if let Some(failure) = condition(deployment, "ReplicaFailure")
        && text(failure, "/status") == "True"
    {
        return Verdict::Troubled(Trouble::new(
            text(failure, "/reason"),
            text(failure, "/message"),
            REFUSED_GRACE,
        ));
    }
    if let Some(progressing) = condition(deployment, "Progressing")
        && text(progressing, "/status") == "False"
        && text(progressing, "/reason") == "ProgressDeadlineExceeded"
    {
        return Verdict::Failed(Trouble::new(
            "ProgressDeadlineExceeded",
            text(progressing, "/message"),
            Duration::ZERO,
        ));
    }
    Verdict::Waiting(if updated < wanted {
        format!("{updated} of {wanted} replicas are of the new version")
    } else if all > updated {
        format!("{} old replicas are still there", all - updated)
    } else {
        format!("{available} of {wanted} new replicas are available")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(generation: i64, status: Value) -> Value {
        json!({"metadata": {"uid": "d", "generation": generation, "annotations": {"deployment.kubernetes.io/revision": "2"}},
            "spec": {"replicas": 2}, "status": status})
    }

    #[test]
    fn the_new_version_counts_and_nothing_else() {
        let around = Surroundings::default();
        let full =
            json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(assess(&deployment(3, full.clone()), &around), Verdict::Ready("2 of 2 available".into()));
        assert!(!assess(&deployment(4, full), &around).is_ready(), "the status is of the spec before");
        let rolling =
            json!({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2});
        assert_eq!(
            assess(&deployment(3, rolling), &around).words(),
            "1 of 2 replicas are of the new version"
        );
        let leaving =
            json!({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3});
        assert_eq!(assess(&deployment(3, leaving), &around).words(), "1 old replicas are still there");
    }

    #[test]
    fn only_pods_of_the_new_version_can_be_in_trouble() {
        let mut around = Surroundings::default();
        for (name, revision) in [("old", "1"), ("new", "2")] {
            around.put(
                "ReplicaSet",
                json!({"metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": "d"}],
                "annotations": {"deployment.kubernetes.io/revision": revision}}}),
            );
        }
        let pod = |set: &str| {
            json!({"metadata": {"name": format!("pod-of-{set}"), "ownerReferences": [{"uid": set}]},
                "status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "InvalidImageName"}}}]}})
        };
        let rolling =
            json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1});
        around.put("Pod", pod("old"));
        assert!(matches!(assess(&deployment(1, rolling.clone()), &around), Verdict::Waiting(_)));
        around.put("Pod", pod("new"));
        assert!(
            matches!(assess(&deployment(1, rolling), &around), Verdict::Failed(t) if t.reason == "InvalidImageName")
        );
    }
}
