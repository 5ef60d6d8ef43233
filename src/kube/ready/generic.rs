use serde_json::Value;

use super::Verdict;
use super::lookup::{condition, number, text};

/// Kinds that we know nothing of, by the conventions that most follow: an observed generation, and a condition that
/// says whether it works. What has neither is ready by being there.
pub(super) fn assess(object: &Value) -> Verdict {
    if let (Some(generation), Some(observed)) =
        (number(object, "/metadata/generation"), number(object, "/status/observedGeneration"))
        && observed < generation
    {
        return Verdict::Waiting("its controller has not seen the change yet".into());
    }
    for kind in ["Ready", "Available", "Established", "Active"] {
        if let Some(found) = condition(object, kind) {
            return match text(found, "/status") {
                "True" => Verdict::Ready(kind.to_lowercase()),
                _ => {
                    let words = [text(found, "/reason"), text(found, "/message")]
                        .into_iter()
                        .filter(|w| !w.is_empty())
                        .collect::<Vec<_>>()
                        .join(": ");
                    Verdict::Waiting(if words.is_empty() {
                        format!("not {}", kind.to_lowercase())
                    } else {
                        words
                    })
                }
            };
        }
    }
    Verdict::Ready("present".into())
}

pub(super) fn namespace(namespace: &Value) -> Verdict {
    match text(namespace, "/status/phase") {
        "Active" => Verdict::Ready("active".into()),
        phase => Verdict::Waiting(phase.to_lowercase()),
    }
}

pub(super) fn definition(definition: &Value) -> Verdict {
    match condition(definition, "Established") {
        Some(c) if text(c, "/status") == "True" => Verdict::Ready("established".into()),
        _ => Verdict::Waiting("is not served yet".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_are_believed_when_they_are_of_the_present_spec() {
        let object = |generation: i64, status: &str| {
            json!({"metadata": {"generation": generation}, "status": {"observedGeneration": 2,
                "conditions": [{"type": "Ready", "status": status, "reason": "Syncing"}]}})
        };
        assert!(assess(&object(2, "True")).is_ready());
        assert_eq!(assess(&object(2, "False")).words(), "Syncing");
        assert!(!assess(&object(3, "True")).is_ready());
        assert!(assess(&json!({"data": {}})).is_ready());
    }
}
