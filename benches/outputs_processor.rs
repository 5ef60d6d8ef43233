//! Results taken over loopback at 64 connections, against what the embedded store itself records durably with 64
//! writers (fsynced in groups).
//!
//! Run with `cargo bench --bench outputs_processor`. Ours is `POST /push/` of small results: HTTP, JSON, the attempt's
//! token, the checks, the record. The limit is `JobStore::record` of the same results. The target: at least 60 % of
//! that rate. The best of several rounds counts, the two taking turns. Then one large simulation is written, to see how
//! much memory a body takes on its way to the bucket.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csw::model::{Outcome, TaskMeta, TaskName, TaskResult};
use csw::outputs::Bucket;
use csw::services::outputs_processor::{Limits, OutputsProcessor, router};
use csw::store::{AttemptToken, EmbeddedStore, JobStore, Recorded, Submission};
use futures::StreamExt as _;
use serde_json::json;

const CONNECTIONS: usize = 64;
const RESULTS: usize = 2_000;
const ROUNDS: usize = 3;
const TARGET: f64 = 0.6;
const LARGE: usize = 200 << 20;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(EmbeddedStore::open(&folder.path().join("data")).unwrap());
    let store: Arc<dyn JobStore> = Arc::clone(&ledger) as _;
    let url = serve(&store, ledger, &folder.path().join("bucket")).await;
    let client = csw::http::client(&url).unwrap();
    let (mut ours, mut bare, mut waits) = (Duration::MAX, Duration::MAX, Vec::new());
    for round in 0..ROUNDS {
        let jobs = started(&store, &format!("bare-{round}")).await;
        let begin = Instant::now();
        let record = |(result, token): (TaskResult, AttemptToken)| {
            let store = Arc::clone(&store);
            async move { assert_eq!(store.record(&token, result, false).await.unwrap(), Recorded::Accepted) }
        };
        futures::stream::iter(jobs).for_each_concurrent(CONNECTIONS, record).await;
        bare = bare.min(begin.elapsed());

        let jobs = started(&store, &format!("http-{round}")).await;
        let begin = Instant::now();
        let push = |(result, token): (TaskResult, AttemptToken)| {
            let body = json!({"task_name": "parse", "result": result}).to_string();
            let request = client.post(url.join("push/").unwrap()).bearer_auth(token.0).body(body);
            async {
                let sent = Instant::now();
                assert_eq!(request.send().await.unwrap().status(), 200);
                sent.elapsed()
            }
        };
        let each: Vec<_> =
            futures::stream::iter(jobs).map(push).buffer_unordered(CONNECTIONS).collect().await;
        if begin.elapsed() < ours {
            (ours, waits) = (begin.elapsed(), each);
        }
    }
    waits.sort();
    let rate = |time: Duration| RESULTS as f64 / time.as_secs_f64();
    let at = |share: f64| waits[(share * (waits.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
    println!("{RESULTS} results, {CONNECTIONS} at once, best of {ROUNDS} rounds");
    println!(
        "POST /push/:       {:>7.0} results/s, p50 {:.1} ms, p99 {:.1} ms",
        rate(ours),
        at(0.5),
        at(0.99)
    );
    println!("EmbeddedStore:     {:>7.0} results/s", rate(bare));
    let ratio = rate(ours) / rate(bare);
    println!("ratio {ratio:.2}, target {TARGET:.2}: {}", if ratio >= TARGET { "met" } else { "MISSED" });
    large(&client, &url, &store).await;
}

/// An outputs processor on a free port.
async fn serve(store: &Arc<dyn JobStore>, ledger: Arc<EmbeddedStore>, bucket: &Path) -> url::Url {
    let bucket = Bucket::open(bucket.to_str().unwrap()).unwrap();
    let processor = OutputsProcessor::new(Arc::clone(store), ledger, bucket, None, Limits::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(processor)).await.unwrap() });
    url
}

/// Jobs that run, each with the result that it is about to have.
async fn started(store: &Arc<dyn JobStore>, prefix: &str) -> Vec<(TaskResult, AttemptToken)> {
    let start = |i: usize| start(store, format!("{prefix}-{i}"), TaskName::Parse);
    futures::stream::iter(0..RESULTS).map(start).buffer_unordered(CONNECTIONS).collect().await
}

async fn start(store: &Arc<dyn JobStore>, id: String, task: TaskName) -> (TaskResult, AttemptToken) {
    let id: csw::model::JobId = id.parse().unwrap();
    let model = "Examples/Solow".parse().unwrap();
    let submission = Submission { id: id.clone(), model, task, kwargs: serde_json::Map::new(), tag: None };
    store.submit(submission).await.unwrap();
    let token = store.start(&id).await.unwrap().unwrap().token;
    let result = TaskResult {
        task_id: id,
        status: Outcome::Success,
        meta: TaskMeta { task_times: vec![0.25] },
        model_version: None,
        outputs: Some(json!({"errors_warnings": {"Solow": {"errors": {}, "warnings": {}}}})),
        version: None,
        traceback: None,
    };
    (result, token)
}

async fn large(client: &reqwest::Client, url: &url::Url, store: &Arc<dyn JobStore>) {
    let (result, token) = start(store, "large".into(), TaskName::Sim).await;
    let data = "QUJD".repeat(LARGE / 4);
    let outputs =
        json!({"renderable": [], "downloadable": [{"media_type": "HDF5", "title": "t", "data": data}]});
    drop(data);
    let body = bytes::Bytes::from(json!({"task_id": result.task_id, "outputs": outputs}).to_string());
    drop(outputs);
    let before = resident("VmRSS");
    // From here on the peak is what the request takes; the kernel counts anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let begin = Instant::now();
    let answer =
        client.post(url.join("write/").unwrap()).bearer_auth(token.0).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let (took, peak) = (begin.elapsed(), resident("VmHWM"));
    println!(
        "a body of {} MiB:  stored in {:.1} s, {:.2} times its size in memory at most",
        LARGE >> 20,
        took.as_secs_f64(),
        peak.saturating_sub(before) as f64 / LARGE as f64
    );
}

/// Bytes of this process, as Linux tells.
fn resident(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}
