use serde_json::Value;

use super::deployment::REFUSED_GRACE;
use super::lookup::{number, observed, text};
use super::pod::{judge, worst};
use super::{Surroundings, Trouble, Verdict};

pub(super) fn assess(set: &Value, around: &Surroundings) -> Verdict {
    if !observed(set) {
        return Verdict::Waiting("the controller has not seen the change yet".into());
    }
    let status = |field: &str| number(set, &format!("/status/{field}")).unwrap_or(0);
    let wanted = status("desiredNumberScheduled");
    let (updated, available) = (status("updatedNumberScheduled"), status("numberAvailable"));
    let by_hand = text(set, "/spec/updateStrategy/type") == "OnDelete";
    if (by_hand || updated >= wanted) && available >= wanted {
        return Verdict::Ready(format!("{available} of {wanted} available"));
    }
    let uid = text(set, "/metadata/uid");
    let generation = number(set, "/metadata/generation").unwrap_or(0).to_string();
    let new = |p: &&Value| {
        let label = text(p, "/metadata/labels/pod-template-generation");
        label.is_empty() || label == generation
    };
    if let Some(trouble) = worst(around.pods_of(uid).filter(new)) {
        return judge(trouble);
    }
    if let Some(message) = around.warning(uid, "FailedCreate") {
        return Verdict::Troubled(Trouble::new("FailedCreate", message, REFUSED_GRACE));
    }
    Verdict::Waiting(format!("{updated} of {wanted} are of the new version, {available} are available"))
}
