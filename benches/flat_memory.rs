//! Memory of the scheduler's whole path (store, dispatcher, results, bucket) while very many jobs go through.
//!
//! Executors are left out, so that a hundred thousand jobs take minutes: a runtime in this process has every result
//! ready. `cargo bench --bench flat_memory -- 100000` says how many.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod shared;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csw::model::TaskName;
use csw::outputs::Bucket;
use csw::services::dispatch::{Dispatcher, Limits};
use csw::services::models::Models;
use csw::services::outputs_processor::OutputsProcessor;
use csw::services::results::LocalResults;
use csw::store::{EmbeddedStore, JobStore, Submission, Submitted, WatchedStore};
use serde_json::json;
use shared::{Instantly, Ready, memory, model};

/// Jobs that wait at most: a submitter that is faster is held back here, not by the queue's memory.
const WAITING: u64 = 500;

fn main() {
    let count = std::env::args().filter_map(|arg| arg.parse().ok()).next_back().unwrap_or(20_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(count));
}

async fn run(count: u64) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = tempfile::Builder::new().prefix("flat-").tempdir_in(target).unwrap();
    let ledger = Arc::new(EmbeddedStore::open(dir.path()).unwrap());
    let store = Arc::new(WatchedStore::new(Arc::clone(&ledger) as _));
    let bucket = Bucket::open(dir.path().join("bucket").to_str().unwrap()).unwrap();
    let processor =
        OutputsProcessor::new(Arc::clone(&store) as _, ledger, bucket.clone(), None, Default::default());
    let results = Arc::new(LocalResults::new(processor, Arc::clone(&store) as _, bucket));
    let dispatcher = Dispatcher::new(
        Arc::clone(&store),
        Arc::new(Instantly),
        Arc::new(Ready),
        results,
        Models::new([model(dir.path())]),
        Limits { max_jobs: 16, grace: Duration::from_secs(1), max_lost: 3, ..Limits::default() },
    );
    let running = tokio::spawn({
        let dispatcher = dispatcher.clone();
        async move { dispatcher.run().await }
    });
    let started = Instant::now();
    println!("{:>8} {:>9} {:>12}", "jobs", "RSS MiB", "jobs/second");
    for n in 0..count {
        let submission = Submission {
            id: format!("job-{n}").parse().unwrap(),
            model: "Bench/Model".parse().unwrap(),
            task: TaskName::Sim,
            kwargs: json!({"adjustment": {"n": n}}).as_object().unwrap().clone(),
            tag: None,
        };
        if let Submitted::Created(job) = store.submit(submission).await.unwrap() {
            dispatcher.accepted(&job);
        }
        until_pending(&store, WAITING).await;
        let done = n + 1;
        if [1_000, 10_000, 20_000, 50_000, 100_000].contains(&done) || done == count {
            until_pending(&store, 0).await;
            println!(
                "{done:>8} {:>9.1} {:>12.0}",
                memory("self", "VmRSS"),
                done as f64 / started.elapsed().as_secs_f64()
            );
        }
    }
    dispatcher.stop().await;
    running.await.unwrap();
    assert_eq!(store.counts().await.unwrap().success, count);
}

async fn until_pending(store: &WatchedStore, at_most: u64) {
    let mut changes = store.changes();
    loop {
        let counts = store.counts().await.unwrap();
        if counts.pending <= at_most && (at_most > 0 || counts.running == 0) {
            return;
        }
        changes.changed().await.unwrap();
    }
}
