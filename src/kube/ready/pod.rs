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
/// After a run of this length Kubernetes restarts a container at once, as if it were the first time.
const STABLE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
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
            let crashed = died(pod, status).filter(|_| restarts > 0 && !truth(status, "/ready"))?;
            let grace = if restarts >= RESTARTS { Duration::ZERO } else { CRASH_GRACE };
            let times = if restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
            let why = if succeeded(crashed) { ", though it has to keep running" } else { "" };
            let message = format!("exited with {}{why}, restarted {times}", exit(crashed));
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
        let crashed = c.pointer("/lastState/terminated").is_some_and(|t| counts(pod, c, t));
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

/// How a container ended last, if it should not have and may do so again soon.
fn died<'v>(pod: &Value, status: &'v Value) -> Option<&'v Value> {
    let last = status.pointer("/state/terminated").or_else(|| status.pointer("/lastState/terminated"))?;
    (counts(pod, status, last) && !lasted(last)).then_some(last)
}

/// Whether an end is one too many: any that is a failure, and a good one of a container that is always restarted.
fn counts(pod: &Value, status: &Value, terminated: &Value) -> bool {
    !succeeded(terminated) || keeps_running(pod, text(status, "/name"))
}

fn succeeded(terminated: &Value) -> bool {
    number(terminated, "/exitCode").unwrap_or(0) == 0
}

/// Whether a container is meant never to end: one of a pod that is always restarted, but of the init containers only
/// those that say so themselves.
fn keeps_running(pod: &Value, container: &str) -> bool {
    let init = items(pod, "/spec/initContainers").find(|c| text(c, "/name") == container);
    let policy = match init {
        Some(own) => text(own, "/restartPolicy"),
        None => pod.pointer("/spec/restartPolicy").and_then(Value::as_str).unwrap_or("Always"),
    };
    policy == "Always"
}

/// Whether a run was so long that Kubernetes forgets the restarts before it.
fn lasted(terminated: &Value) -> bool {
    let at = |pointer: &str| text(terminated, pointer).parse::<jiff::Timestamp>().ok();
    at("/startedAt")
        .zip(at("/finishedAt"))
        .is_some_and(|(begun, ended)| ended.duration_since(begun) >= STABLE)
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

    #[test]
    fn an_end_without_failure_is_one_too_many_where_it_is_followed_by_a_restart() {
        let status = |name: &str, ready: bool| {
            json!({"name": name, "ready": ready, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 0}}})
        };
        let of = |spec: Value, kind: &str, status: Value| {
            let mut pod = json!({"spec": spec, "status": {"phase": "Running"}});
            pod["status"][kind] = json!([status]);
            trouble(&pod)
        };
        let always = of(json!({"restartPolicy": "Always"}), "containerStatuses", status("c", false)).unwrap();
        assert_eq!(
            (always.grace, always.words().as_str()),
            (
                Duration::ZERO,
                "CrashLoopBackOff: exited with 0, though it has to keep running, restarted 4 times (pod , container c)"
            )
        );
        assert_eq!(of(json!({"restartPolicy": "OnFailure"}), "containerStatuses", status("c", false)), None);
        // Init containers run again when a pod's sandbox is made anew; sidecars are to keep running.
        let first = json!({"initContainers": [{"name": "i"}]});
        assert_eq!(of(first, "initContainerStatuses", status("i", false)), None);
        let sidecar = json!({"initContainers": [{"name": "i", "restartPolicy": "Always"}]});
        assert!(of(sidecar, "initContainerStatuses", status("i", false)).is_some());
    }

    #[test]
    fn a_restart_after_a_long_run_is_no_loop() {
        let ended = |at: &str| {
            trouble(&pod(json!({"name": "c", "ready": false, "restartCount": 9, "state": {"running": {}},
                "lastState": {"terminated": {"exitCode": 1, "startedAt": "2030-01-01T00:00:00Z", "finishedAt": at}}})))
        };
        assert!(ended("2030-01-01T00:00:10Z").is_some());
        assert_eq!(ended("2030-01-01T01:00:00Z"), None);
    }
}
