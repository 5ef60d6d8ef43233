use serde_json::Value;
use std::time::Duration;

use super::deployment::REFUSED_GRACE;
use super::lookup::{condition, number, text, truth};
use super::pod::{failure, judge, worst};
use super::{Surroundings, Trouble, Verdict};

pub(super) fn assess(job: &Value, around: &Surroundings) -> Verdict {
    let holds = |kind: &str| condition(job, kind).filter(|c| text(c, "/status") == "True");
    if holds("Complete").is_some() {
        return Verdict::Ready("complete".into());
    }
    let uid = text(job, "/metadata/uid");
    // `FailureTarget` comes first on newer releases, when it is decided but pods still end.
    if let Some(failed) = holds("Failed").or_else(|| holds("FailureTarget")) {
        let last = around
            .pods_of(uid)
            .filter(|p| text(p, "/status/phase") == "Failed")
            .max_by_key(|p| text(p, "/metadata/creationTimestamp"));
        let died = last.map(failure);
        let message = match &died {
            Some(t) => format!("{}; its last pod: {}", text(failed, "/message"), t.message),
            None => text(failed, "/message").to_owned(),
        };
        return Verdict::Failed(Trouble {
            place: died.and_then(|t| t.place),
            ..Trouble::new(text(failed, "/reason"), message, Duration::ZERO)
        });
    }
    if truth(job, "/spec/suspend") {
        return Verdict::Ready("suspended".into());
    }
    // A crashed pod is no news while the Job has attempts left: it says itself when it has not.
    if let Some(trouble) = worst(around.pods_of(uid)).filter(|t| t.reason != "CrashLoopBackOff") {
        return judge(trouble);
    }
    if let Some(message) = around.warning(uid, "FailedCreate") {
        return Verdict::Troubled(Trouble::new("FailedCreate", message, REFUSED_GRACE));
    }
    let status = |field: &str| number(job, &format!("/status/{field}")).unwrap_or(0);
    let wanted = number(job, "/spec/completions").unwrap_or(1);
    Verdict::Waiting(format!(
        "{} active, {} of {wanted} complete, {} failed",
        status("active"),
        status("succeeded"),
        status("failed")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_is_ready_when_complete_and_fails_at_once_when_failed() {
        let job = |kind: &str| {
            json!({"metadata": {"uid": "j"}, "status": {"conditions": [
                {"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "too many failures"}]}})
        };
        let mut around = Surroundings::default();
        around.put("Pod", json!({"metadata": {"name": "p", "namespace": "n", "ownerReferences": [{"uid": "j"}]},
            "status": {"phase": "Failed", "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 7}}}]}}));
        assert!(assess(&job("Complete"), &around).is_ready());
        let Verdict::Failed(trouble) = assess(&job("Failed"), &around) else { panic!() };
        assert_eq!(
            trouble.words(),
            "BackoffLimitExceeded: too many failures; its last pod: exited with 7 (pod p, container c)"
        );
        assert!(matches!(assess(&json!({"status": {"active": 1}}), &around), Verdict::Waiting(_)));
    }
}
