use std::time::Duration;

use serde_json::Value;

use super::lookup::text;
use super::{Surroundings, Trouble, Verdict};

/// A provisioner may be slow to begin; without one, nothing will ever come.
const PROVISION_GRACE: Duration = Duration::from_secs(30);

pub(super) fn assess(claim: &Value, around: &Surroundings) -> Verdict {
    match text(claim, "/status/phase") {
        "Bound" => return Verdict::Ready("bound".into()),
        "Lost" => {
            return Verdict::Failed(Trouble::new("Lost", "its volume is gone", Duration::ZERO));
        }
        _ => {}
    }
    let class = claim.pointer("/spec/storageClassName").and_then(Value::as_str);
    if around.binding_mode(class) == Some("WaitForFirstConsumer") {
        // It is bound when a pod uses it, which may well be later than this wait.
        return Verdict::Ready("is bound when a pod first uses it".into());
    }
    let uid = text(claim, "/metadata/uid");
    match around.warning(uid, "ProvisioningFailed") {
        Some(message) => Verdict::Troubled(Trouble::new("ProvisioningFailed", message, PROVISION_GRACE)),
        None if class.unwrap_or_default().is_empty() && around.binding_mode(None).is_none() => {
            Verdict::Troubled(Trouble::new(
                "Pending",
                "it names no storage class, the cluster has no default one, and no volume fits yet",
                PROVISION_GRACE,
            ))
        }
        None => Verdict::Waiting("waits for its volume".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_that_waits_for_its_first_consumer_is_not_waited_for() {
        let claim = json!({"spec": {"storageClassName": "local"}, "status": {"phase": "Pending"}});
        let mut around = Surroundings::default();
        assert!(!assess(&claim, &around).is_ready());
        around.put(
            "StorageClass",
            json!({"metadata": {"name": "local"}, "volumeBindingMode": "WaitForFirstConsumer"}),
        );
        assert!(assess(&claim, &around).is_ready());
        assert!(matches!(assess(&json!({"status": {"phase": "Lost"}}), &around), Verdict::Failed(_)));
    }
}
