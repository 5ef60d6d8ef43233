use std::time::Duration;

use serde_json::Value;

use super::lookup::{condition, items, number, text, truth};
use super::{PodPlace, Surroundings, Trouble, Verdict};

/// A registry that is busy heals; a name that is wrong doesn't, and both look the same.
const IMAGE_GRACE: Duration = Duration::from_secs(10);
/// A Secret or ConfigMap may come a moment after the pod that needs it.
const CONFIG_GRACE: Duration = Duration::from_secs(5);
/// A program may crash until what it needs is there.
const CRASH_GRACE: Duration = Duration::from_secs(20);
/// So many restarts are no longer early ones.
const RESTARTS: i64 = 4;
/// An autoscaler needs time to see that a pod has no place.
pub(super) const UNSCHEDULABLE_GRACE: Duration = Duration::from_secs(30);

pub(super) fn assess(pod: &Value, _around: &Surroundings) -> Verdict {
    match text(pod, "/status/phase") {
        "Succeeded" => return Verdict::Ready("succeeded".into()),
        "Failed" => return Verdict::Failed(failure(pod)),
        _ => {}
    }
    let ready = condition(pod, "Ready").is_some_and(|c| text(c, "/status") == "True");
    match trouble(pod) {
        _ if ready && !just_restarted(pod) => Verdict::Ready("ready".into()),
        Some(trouble) => judge(trouble),
        None => Verdict::Waiting(waiting(pod)),
    }
}

/// Trouble without grace is final.
pub(super) fn judge(trouble: Trouble) -> Verdict {
    if trouble.grace.is_zero() { Verdict::Failed(trouble) } else { Verdict::Troubled(trouble) }
}

/// The worst that is wrong with any of these pods: what is final before what may heal.
pub(super) fn worst<'v>(pods: impl Iterator<Item = &'v Value>) -> Option<Trouble> {
    pods.filter(|p| text(p, "/metadata/deletionTimestamp").is_empty())
        .filter_map(trouble)
        .min_by_key(|t| t.grace)
}

/// What is wrong with a pod, if anything is.
pub(super) fn trouble(pod: &Value) -> Option<Trouble> {
    if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        // Evicted, or done: whoever owns it makes another or says what it means.
        return None;
    }
    if let Some(scheduled) = condition(pod, "PodScheduled")
        && text(scheduled, "/status") == "False"
        && text(scheduled, "/reason") == "Unschedulable"
    {
        return Some(Trouble {
            place: Some(place(pod, None)),
            ..Trouble::new("Unschedulable", text(scheduled, "/message"), UNSCHEDULABLE_GRACE)
        });
    }
    containers(pod).filter_map(|c| container_trouble(pod, c)).min_by_key(|t| t.grace)
}

fn container_trouble(pod: &Value, status: &Value) -> Option<Trouble> {
    let reason = text(status, "/state/waiting/reason");
    let message = text(status, "/state/waiting/message");
    let grace = match reason {
        "InvalidImageName" | "ErrImageNeverPull" => Duration::ZERO,
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => IMAGE_GRACE,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => CONFIG_GRACE,
        _ => {
            let restarts = number(status, "/restartCount").unwrap_or(0);
            let crashed = status
                .pointer("/state/terminated")
                .or_else(|| status.pointer("/lastState/terminated"))
                .filter(|t| number(t, "/exitCode").unwrap_or(0) != 0 && restarts > 0);
            let crashed = crashed.filter(|_| !truth(status, "/ready"))?;
            let grace = if restarts >= RESTARTS { Duration::ZERO } else { CRASH_GRACE };
            let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
            let message = format!("exited with {}, restarted {times}", exit(crashed));
            return Some(Trouble {
                place: Some(place(pod, Some(status))),
                ..Trouble::new("CrashLoopBackOff", message, grace)
            });
        }
    };
    let image = text(status, "/image");
    let message = if reason.contains("Image") && !image.is_empty() && !message.contains(image) {
        format!("image {image}: {message}")
    } else {
        message.to_owned()
    };
    Some(Trouble { place: Some(place(pod, Some(status))), ..Trouble::new(reason, message, grace) })
}

/// A container that runs again after a crash counts as ready at once where it has no readiness probe; that alone is
/// not believed until it has run for a while.
pub(super) fn just_restarted(pod: &Value) -> bool {
    containers(pod).any(|c| {
        let crashed = number(c, "/lastState/terminated/exitCode").unwrap_or(0) != 0;
        let span = |pointer: &str| text(c, pointer).parse::<jiff::Timestamp>().ok();
        let (Some(started), Some(ended)) =
            (span("/state/running/startedAt"), span("/lastState/terminated/startedAt"))
        else {
            return false;
        };
        let Some(died) = span("/lastState/terminated/finishedAt") else { return false };
        // It has to outlive its last run; a long one counts as stable again after ten seconds.
        let lived = died.duration_since(ended).as_secs().clamp(0, 10);
        let running = jiff::Timestamp::now().duration_since(started).as_secs();
        // A clock that is behind the cluster's can't tell.
        crashed && (0..=lived).contains(&running)
    })
}

/// Why a pod that has failed has failed.
pub(super) fn failure(pod: &Value) -> Trouble {
    let died = containers(pod).find(|c| number(c, "/state/terminated/exitCode").unwrap_or(0) != 0);
    match died {
        Some(status) => {
            let terminated = status.pointer("/state/terminated").unwrap_or(&Value::Null);
            let reason = text(terminated, "/reason");
            Trouble {
                place: Some(place(pod, Some(status))),
                ..Trouble::new(
                    if reason.is_empty() { "Error" } else { reason },
                    format!("exited with {}", exit(terminated)),
                    Duration::ZERO,
                )
            }
        }
        None => {
            let reason = text(pod, "/status/reason");
            Trouble {
                place: Some(place(pod, None)),
                ..Trouble::new(
                    if reason.is_empty() { "Failed" } else { reason },
                    text(pod, "/status/message"),
                    Duration::ZERO,
                )
            }
        }
    }
}

fn exit(terminated: &Value) -> String {
    let code = number(terminated, "/exitCode").unwrap_or(0);
    match text(terminated, "/reason") {
        "OOMKilled" => format!("{code} (out of memory)"),
        _ => code.to_string(),
    }
}

fn waiting(pod: &Value) -> String {
    let reasons: Vec<String> = containers(pod)
        .filter(|c| !truth(c, "/ready"))
        .map(|c| {
            let reason = text(c, "/state/waiting/reason");
            format!("{}: {}", text(c, "/name"), if reason.is_empty() { "not ready" } else { reason })
        })
        .collect();
    if reasons.is_empty() { "waits for a node".into() } else { reasons.join(", ") }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    items(pod, "/status/initContainerStatuses").chain(items(pod, "/status/containerStatuses"))
}

fn place(pod: &Value, status: Option<&Value>) -> PodPlace {
    PodPlace {
        namespace: text(pod, "/metadata/namespace").to_owned(),
        pod: text(pod, "/metadata/name").to_owned(),
        container: status.map(|s| text(s, "/name").to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: Value) -> Value {
        json!({"metadata": {"name": "p", "namespace": "n"}, "status": {"phase": "Running", "containerStatuses": [status]}})
    }

    #[test]
    fn a_wrong_image_and_a_missing_key_are_trouble() {
        for (reason, grace) in [
            ("ImagePullBackOff", IMAGE_GRACE),
            ("CreateContainerConfigError", CONFIG_GRACE),
            ("InvalidImageName", Duration::ZERO),
        ] {
            let found =
                trouble(&pod(json!({"name": "c", "state": {"waiting": {"reason": reason, "message": "m"}}})))
                    .unwrap();
            assert_eq!((found.reason.as_str(), found.grace), (reason, grace));
            assert_eq!(found.words(), format!("{reason}: m (pod p, container c)"));
        }
        assert_eq!(
            trouble(&pod(json!({"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}))),
            None
        );
    }

    #[test]
    fn early_restarts_are_tolerated_and_later_ones_are_not() {
        let crashed = |restarts: i64, state: Value| {
            trouble(&pod(json!({"name": "c", "ready": false, "restartCount": restarts, "state": state,
                "lastState": {"terminated": {"exitCode": 3}}})))
        };
        let looping = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        assert_eq!(crashed(1, looping.clone()).unwrap().grace, CRASH_GRACE);
        assert_eq!(
            crashed(1, json!({"running": {}})).unwrap().reason,
            "CrashLoopBackOff",
            "between two crashes it still is"
        );
        let late = crashed(4, looping).unwrap();
        assert_eq!((late.grace, late.message.as_str()), (Duration::ZERO, "exited with 3, restarted 4 times"));
    }
}
