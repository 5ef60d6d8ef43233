//! Results taken over loopback at 64 connections, against what the embedded store itself records durably with 64
//! writers (fsynced in groups).
//!
//! Run with `cargo bench --bench outputs_processor`. Ours is `POST /push/` of small results: HTTP, JSON, the attempt's
//! token, the checks, the record. The limit is `JobStore::record` of the same results. The target: at least 60 % of
//! that rate. The best of several rounds counts, the two taking turns. Then large simulations are written, to see how
//! fast a body is on its way from the socket to the stored zip file, and how much memory it takes there.

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
const LARGE: usize = 500 << 20;
/// MiB of JSON a second.
const RATE_TARGET: f64 = 200.0;
/// MiB.
const MEMORY_TARGET: usize = 64;

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

/// One simulation with much data, from socket to stored zip file, with the memory that it takes on its way.
async fn large(client: &reqwest::Client, url: &url::Url, store: &Arc<dyn JobStore>) {
    // Longer than what a compressor looks back to.
    let scattered = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) % 100_000) / 1e5;
    let growth = (0..9_000).scan(1.0, |capital, n| {
        *capital *= 1.0 + scattered(n) / 1e3;
        let reform = if n % 3 == 0 { "baseline" } else { "reform" };
        Some(format!("{},{capital:.6},{:.6},{reform}\\n", 2020 + n % 80, capital.sqrt() * 0.3))
    });
    let rows = (0..9_000).map(|n| {
        let (a, b) = (f64::from(n) * 1.37, scattered(n) * 14_000.0);
        format!("<tr><th>{n}</th><td>{a:.3}</td><td>{b:.3}</td></tr>\\n")
    });
    let noise = (0..9_000u32).map(|n| format!("{:.4},", f64::from(n.wrapping_mul(2_654_435_761)) / 1e4));
    for (kind, what, piece, target) in [
        ("HDF5", "HDF5", "QUJDREVG".repeat(16 << 10), Some(RATE_TARGET)),
        ("CSV", "CSV, paths of growth", growth.collect(), Some(RATE_TARGET)),
        ("table", "an HTML table", rows.collect(), Some(RATE_TARGET)),
        // The worst for a compressor: it finds next to nothing, and looks all the same.
        ("Text", "random digits", noise.collect(), None),
    ] {
        let (result, token) = start(store, format!("large-{}", kind.to_lowercase()), TaskName::Sim).await;
        let id = &result.task_id;
        let head = format!(
            "{{\"task_id\":\"{id}\",\"outputs\":{{\"downloadable\":[{{\"media_type\":\"{kind}\",\"title\":\"t\",\"data\":\""
        );
        let piece = bytes::Bytes::from(piece);
        let count = LARGE / piece.len();
        let pieces = std::iter::once(bytes::Bytes::from(head))
            .chain(std::iter::repeat_n(piece, count))
            .chain([bytes::Bytes::from("\"}]}}")]);
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces.map(Ok::<_, std::io::Error>)));
        let before = resident("VmRSS");
        // From here on the peak is what the request takes, the client's share included; the kernel counts anew.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let begin = Instant::now();
        let request = client.post(url.join("write/").unwrap()).bearer_auth(token.0).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let rate = LARGE as f64 / begin.elapsed().as_secs_f64() / f64::from(1 << 20);
        let grown = resident("VmHWM").saturating_sub(before) >> 20;
        let verdict = |met: bool| if met { "met" } else { "MISSED" };
        let target = target.map_or_else(String::new, |t| format!(", target {t:.0}: {}", verdict(rate >= t)));
        println!(
            "{} MiB of {what}: {rate:.0} MiB/s{target}; memory grew by {grown} MiB, target at most {MEMORY_TARGET}: {}",
            LARGE >> 20,
            verdict(grown <= MEMORY_TARGET)
        );
    }
}

/// Bytes of this process, as Linux tells.
fn resident(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}
