//! Cleaning up 5,000 finished Jobs on a real cluster, in turns with `kubectl delete jobs` and its field selector.
//!
//! Run with `CSW_TEST_KUBECONFIG=FILE cargo bench --bench cleanup`; `CSW_BENCH_JOBS` sets another number. The Jobs are
//! made without pods (`parallelism: 0`) and their status is written in the Job controller's place, outside of the
//! measured time. Measured is the program with its start, `csw jobs cleanup --on kubernetes --succeeded`, and once more
//! with `--older-than 1h`, where the jobs are chosen one by one; requests are counted in the server's own metrics.
//! Targets: a handful of requests, and at least twice as fast as kubectl.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use csw::kube::{Access, Cluster, Resource};
use csw::model::{GroupVersionKind, JobId};
use futures::{StreamExt, stream};
use serde_json::json;

const JOBS: usize = 5_000;
const AT_ONCE: usize = 16;
const FASTER: f64 = 2.0;
/// More than a handful.
const REQUESTS: u64 = 50;

#[tokio::main]
async fn main() {
    let Ok(kubeconfig) = std::env::var("CSW_TEST_KUBECONFIG") else {
        println!("left out: CSW_TEST_KUBECONFIG names no kubeconfig");
        return;
    };
    let jobs = std::env::var("CSW_BENCH_JOBS").ok().map_or(JOBS, |n| n.parse().expect("a number"));
    let namespace = format!("csw-bench-{}", std::process::id());
    let access = Access { kubeconfig: Some(kubeconfig.clone().into()), ..Access::default() };
    let cluster = access.connect().await.unwrap();
    let kubectl = |args: &[&str]| {
        let mut command = Command::new("kubectl");
        command.args(args).args(["--namespace", &namespace]).env("KUBECONFIG", &kubeconfig);
        command
    };
    let csw = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_csw"));
        command.args(["jobs", "cleanup", "--on", "kubernetes", "--succeeded", "-o", "name"]);
        command.args(args).args(["--namespace", &namespace]).env("KUBECONFIG", &kubeconfig);
        command
    };
    assert!(kubectl(&["create", "namespace", &namespace]).stdout(Stdio::null()).status().unwrap().success());
    println!("{jobs} finished Jobs each");

    let mut times = Vec::new();
    let by_kubectl = ["delete", "jobs", "--field-selector", "status.successful=1"];
    for (name, command) in [
        ("csw, all that succeeded", csw(&[])),
        ("csw, those older than an hour", csw(&["--older-than", "1h"])),
        ("kubectl delete, waiting", kubectl(&by_kubectl)),
        ("kubectl delete --wait=false", kubectl(&[&by_kubectl[..], &["--wait=false"]].concat())),
    ] {
        make(&cluster, &namespace, jobs).await;
        let before = requests(&cluster).await;
        let time = run(command, jobs);
        let after = requests(&cluster).await;
        let sent = after.checked_sub(before).expect("the server was restarted meanwhile: run this again");
        let listed = cluster.list(&resource(), Some(&namespace), &[]).await.unwrap();
        assert!(listed.is_empty(), "{name}: {} are left", listed.len());
        println!("{name:<30} {:>7.2} s  {sent:>6} requests about jobs", time.as_secs_f64());
        times.push((time, sent));
    }
    assert!(
        kubectl(&["delete", "namespace", &namespace, "--wait=false"])
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let (fastest_kubectl, slowest_csw) = (times[2].0.min(times[3].0), times[0].0.max(times[1].0));
    let ratio = fastest_kubectl.as_secs_f64() / slowest_csw.as_secs_f64();
    let met = |met: bool| if met { "met" } else { "MISSED" };
    println!("ratio {ratio:.1}, target {FASTER:.1}: {}", met(ratio >= FASTER));
    let most = times[0].1.max(times[1].1);
    println!("at most {most} requests, target {REQUESTS}: {}", met(most <= REQUESTS));
}

fn run(mut command: Command, jobs: usize) -> Duration {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let time = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), jobs, "each is named");
    time
}

fn resource() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("batch/v1", "Job"),
        plural: "jobs".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}

/// Makes Jobs that have succeeded long ago.
async fn make(cluster: &Cluster, namespace: &str, jobs: usize) {
    let status = json!({"status": {"succeeded": 1, "startTime": "2026-01-01T00:00:00Z",
        "completionTime": "2026-01-01T00:10:00Z", "conditions": [{"type": "Complete", "status": "True",
            "lastTransitionTime": "2026-01-01T00:10:00Z", "lastProbeTime": "2026-01-01T00:10:00Z"}]}});
    let make = |id: JobId| {
        let status = &status;
        async move {
            let labels = json!({"app": "examples-echo-job", "job-id": id});
            let object = json!({"apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": id, "labels": labels, "annotations": {"csw/model": "Examples/Echo"}},
                "spec": {"parallelism": 0, "backoffLimit": 1, "template": {"metadata": {"labels": labels}, "spec": {
                    "restartPolicy": "Never", "containers": [{"name": "job", "image": "csw-test/busybox:1"}]}}}});
            cluster.create(&resource(), namespace, &object, "create a job").await.unwrap();
            let path = resource().path(Some(namespace), Some(id.as_str())) + "/status";
            cluster.merge_patch(&path, status, "finish a job").await.unwrap();
        }
    };
    stream::iter((0..jobs).map(|_| make(JobId::random())))
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}

/// How many requests that delete or list Jobs the server has answered so far; the garbage collector's and the
/// controllers' watches are others.
async fn requests(cluster: &Cluster) -> u64 {
    let (metrics, _) = cluster.get_text("/metrics", "read the server's metrics").await.unwrap();
    metrics
        .lines()
        .filter(|l| l.starts_with("apiserver_request_total{") && l.contains("resource=\"jobs\""))
        .filter(|l| {
            ["\"DELETE\"", "\"DELETECOLLECTION\"", "\"LIST\"", "\"GET\""].iter().any(|v| l.contains(v))
        })
        .filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum::<f64>() as u64
}
