//! How attempts end on a real cluster that leave no result, and what is said of them.

use crate::support::on_each_cluster;
use std::sync::Arc;
use std::time::Duration;

use csw::job::kubernetes::KubernetesRuntime;
use csw::job::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, Blame, EndCause, JobRuntime};
use serde_json::{Value, json};

use super::conformance::spec;
use super::kubernetes::{Jobs, bed, manifest};
use crate::cluster::space::minor;

/// A runtime whose Jobs run a script and are changed in places; what can't start gets a second.
async fn runtime(bed: &Jobs, script: &str, changes: &[(&str, Value)]) -> KubernetesRuntime {
    let (script, changes) = (script.to_owned(), changes_of(changes));
    let make = move |spec: &AttemptSpec| {
        let mut job = manifest(spec, &script);
        for (pointer, value) in &changes {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            job.pointer_mut(parent).unwrap()[key] = value.clone();
        }
        Ok(job)
    };
    let runtime = KubernetesRuntime::start(bed.jobs.clone(), Arc::new(make)).await.unwrap();
    runtime.with_startup_patience(Duration::from_secs(1))
}

fn changes_of(changes: &[(&str, Value)]) -> Vec<(String, Value)> {
    changes.iter().map(|(pointer, value)| ((*pointer).to_owned(), value.clone())).collect()
}

const CONTAINER: &str = "/spec/template/spec/containers/0";

fn container(field: &str) -> String {
    format!("{CONTAINER}/{field}")
}

/// Runs an attempt to its end, and looks at it as a later csw would.
async fn end(bed: &Jobs, id: &str, script: &str, changes: &[(&str, Value)]) -> AttemptEnd {
    let runtime = runtime(bed, script, changes).await;
    let key = spec(id, 1).key;
    runtime.create(&spec(id, 1)).await.unwrap();
    let end = runtime.wait(&key).await.unwrap();
    let later = self::runtime(bed, script, changes).await.state(&key).await.unwrap();
    assert!(later == AttemptState::Ended(end.clone()) || later == AttemptState::Absent, "{later:?}");
    end
}

fn left(bed: &Jobs, id: &str) -> String {
    let labels = format!("job-id={id}");
    bed.space.kubectl(&["get", "jobs,pods", "-l", &labels, "-o", "name"])
}

on_each_cluster!(
    #[tokio::test]
    more_memory_than_there_is
);

async fn more_memory_than_there_is() {
    let Some(bed) = bed().await else { return };
    let limits = json!({"limits": {"memory": "32Mi", "cpu": "0.5"}});
    let end =
        end(&bed, "hungry", "echo eating; exec tail /dev/zero", &[(&container("resources"), limits)]).await;
    assert_eq!(end.cause, Some(EndCause::Memory { limit: Some("32Mi".into()) }), "{end:?}");
    assert!(end.to_string().contains("its limit of 32Mi"), "{end}");
    assert_eq!(end.blame(), Blame::Job);
    let runtime = runtime(&bed, "", &[]).await;
    assert_eq!(runtime.log_tail(&spec("hungry", 1).key, 100).await.unwrap(), "eating");
}

on_each_cluster!(
    #[tokio::test]
    an_image_that_is_not_there
);

async fn an_image_that_is_not_there() {
    let Some(bed) = bed().await else { return };
    let end =
        end(&bed, "imageless", "exit 0", &[(&container("image"), json!("csw-test/no-such-image:7"))]).await;
    let Some(EndCause::Image { why }) = &end.cause else { panic!("{end:?}") };
    assert!(why.contains("csw-test/no-such-image:7"), "{why}");
    assert_eq!((end.blame(), left(&bed, "imageless").as_str()), (Blame::Job, ""), "the Job does not stay");
}

on_each_cluster!(
    #[tokio::test]
    a_secret_that_is_not_set
);

async fn a_secret_that_is_not_set() {
    let Some(bed) = bed().await else { return };
    let key = json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "examples-echo-secret", "key": "API_KEY"}}}]);
    bed.space.kubectl(&["create", "secret", "generic", "examples-echo-secret", "--from-literal=OTHER=1"]);
    let end = end(&bed, "secretless", "exit 0", &[(&container("env"), key)]).await;
    let Some(EndCause::Configuration { why }) = &end.cause else { panic!("{end:?}") };
    assert!(why.contains("API_KEY") && why.contains("examples-echo-secret"), "{why}");
    assert_eq!((end.blame(), left(&bed, "secretless").as_str()), (Blame::Job, ""));
}

on_each_cluster!(
    #[tokio::test]
    a_deadline
);

async fn a_deadline() {
    let Some(bed) = bed().await else { return };
    let end = end(
        &bed,
        "late",
        "sleep 600",
        &[
            ("/spec/activeDeadlineSeconds", json!(2)),
            ("/spec/template/spec/terminationGracePeriodSeconds", json!(1)),
        ],
    )
    .await;
    assert_eq!(end.cause, Some(EndCause::Deadline { seconds: Some(2) }), "{end:?}");
    assert_eq!(end.blame(), Blame::Job);
}

on_each_cluster!(
    #[tokio::test]
    a_job_that_somebody_deletes
);

async fn a_job_that_somebody_deletes() {
    let Some(bed) = bed().await else { return };
    let runtime = runtime(&bed, "sleep 600", &[]).await;
    let key = spec("deleted", 1).key;
    runtime.create(&spec("deleted", 1)).await.unwrap();
    let (end, _) = tokio::join!(runtime.wait(&key), async {
        bed.space.kubectl(&["delete", "job", "deleted", "--wait=false"]);
    });
    let end = end.unwrap();
    assert_eq!((end.cause.clone(), end.blame()), (Some(EndCause::Deleted), Blame::Job), "{end:?}");
    assert_eq!(runtime.state(&key).await.unwrap(), AttemptState::Absent);
}

/// The pod of an attempt, once it runs.
fn running_pod(bed: &Jobs, id: &str) -> String {
    loop {
        let pods = bed.space.get("pods");
        let runs = |pod: &&Value| {
            pod["metadata"]["labels"]["job-id"] == id
                && pod["metadata"]["deletionTimestamp"].is_null()
                && pod["status"]["phase"] == "Running"
        };
        if let Some(pod) = pods["items"].as_array().unwrap().iter().find(runs) {
            return pod["metadata"]["name"].as_str().unwrap().to_owned();
        }
    }
}

fn evict(bed: &Jobs, pod: &str) {
    // The newest release knows the old name no more, the oldest not yet the new one.
    let version = if minor() < 22 { "policy/v1beta1" } else { "policy/v1" };
    let eviction = json!({"apiVersion": version, "kind": "Eviction",
        "metadata": {"name": pod, "namespace": bed.space.name}});
    bed.space.sandbox.write("eviction.json", eviction.to_string());
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", bed.space.name);
    let file = bed.space.sandbox.work().join("eviction.json");
    bed.space.kubectl(&["create", "--raw", &path, "-f", file.to_str().unwrap()]);
}

on_each_cluster!(
    #[tokio::test]
    a_node_that_is_drained
);

async fn a_node_that_is_drained() {
    let Some(bed) = bed().await else { return };
    let polite =
        [("/spec/template/spec/terminationGracePeriodSeconds", json!(1)), ("/spec/backoffLimit", json!(1))];
    let script = "trap 'exit 143' TERM; until [ -e /tmp/go ]; do sleep 0.1; done";
    let runtime = runtime(&bed, script, &polite).await;
    let key: AttemptKey = spec("moved", 1).key;
    runtime.create(&spec("moved", 1)).await.unwrap();
    // Kubernetes itself goes on with another pod, as with the first retry of any kind.
    let first = running_pod(&bed, "moved");
    evict(&bed, &first);
    let second = loop {
        let pod = running_pod(&bed, "moved");
        if pod != first {
            break pod;
        }
    };
    assert_eq!(runtime.state(&key).await.unwrap(), AttemptState::Running);
    let go = ["exec", "--namespace", &bed.space.name, &second, "--", "sh", "-c", "touch /tmp/go"];
    bed.space.kubectl(&go);
    assert_eq!(runtime.wait(&key).await.unwrap(), AttemptEnd::exited(Some(0), None));
}

on_each_cluster!(
    #[tokio::test]
    an_eviction_by_the_node
);

async fn an_eviction_by_the_node() {
    let Some(bed) = bed().await else { return };
    let volumes = json!([{"name": "disk", "emptyDir": {"sizeLimit": "1Mi"}}]);
    let mounts = json!([{"name": "disk", "mountPath": "/disk"}]);
    let end = end(
        &bed,
        "greedy",
        "dd if=/dev/zero of=/disk/a bs=1M count=20; sleep 600",
        &[
            ("/spec/template/spec/volumes", volumes),
            (&container("volumeMounts"), mounts),
            ("/spec/template/spec/terminationGracePeriodSeconds", json!(1)),
        ],
    )
    .await;
    let Some(EndCause::Evicted { why }) = &end.cause else { panic!("{end:?}") };
    assert!(why.contains("\"disk\" exceeds the limit \"1Mi\""), "{why}");
    assert_eq!(end.blame(), Blame::Unknown);
}

on_each_cluster!(
    #[tokio::test]
    an_attempt_that_has_no_place_says_what_it_lacks
);

async fn an_attempt_that_has_no_place_says_what_it_lacks() {
    let Some(bed) = bed().await else { return };
    let runtime =
        runtime(&bed, "exit 0", &[(&container("resources"), json!({"requests": {"cpu": "900"}}))]).await;
    let key = spec("large", 1).key;
    runtime.create(&spec("large", 1)).await.unwrap();
    let reason = loop {
        match runtime.waits(&key) {
            Some(reason) if reason.contains("Unschedulable") => break reason,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(reason.contains("Insufficient cpu"), "{reason}");
    assert_eq!(runtime.state(&key).await.unwrap(), AttemptState::Running);
    runtime.stop(&key, Duration::from_secs(1)).await.unwrap();
    assert_eq!((left(&bed, "large").as_str(), runtime.waits(&key)), ("", None));
}
