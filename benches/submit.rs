//! How fast the scheduler accepts simulations, against what its store commits.
//!
//! Both sides do the same durable work, sixty-four at a time: the store called directly, and by HTTP over loopback.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

mod shared;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csw::executor::environment::{Environments, Silent};
use csw::model::TaskName;
use csw::outputs::Bucket;
use csw::secret;
use csw::services::catalogue::Catalogue;
use csw::services::dispatch::Limits;
use csw::services::stack::{LocalHost, Stack, StackConfig};
use csw::settings::{Overrides, Settings};
use csw::store::{EmbeddedStore, JobStore, Submission};
use shared::{kwargs, median, model, post_simulations};

const WRITERS: usize = 64;
const EACH: usize = 500;
const ROUNDS: usize = 3;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut store, mut http): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        store.push(runtime.block_on(into_the_store()));
        http.push(runtime.block_on(over_http()));
    }
    let (store, http) = (median(&mut store), median(&mut http));
    println!("{WRITERS} at a time, {} simulations a round, median of {ROUNDS}", WRITERS * EACH);
    println!("the store alone   {store:>9.0} a second");
    println!("over loopback     {http:>9.0} a second");
    println!("ratio             {:>9.2}", http / store);
}

fn folder() -> tempfile::TempDir {
    // Not in memory, where nothing is durable.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tempfile::Builder::new().prefix("submit-").tempdir_in(target).unwrap()
}

async fn into_the_store() -> f64 {
    let dir = folder();
    let store = Arc::new(EmbeddedStore::open(dir.path()).unwrap());
    let started = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..EACH {
                    let submission = Submission {
                        id: format!("job-{writer}-{n}").parse().unwrap(),
                        model: "Bench/Model".parse().unwrap(),
                        task: TaskName::Sim,
                        kwargs: kwargs().as_object().unwrap().clone(),
                        tag: None,
                    };
                    store.submit(submission).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let rate = (WRITERS * EACH) as f64 / started.elapsed().as_secs_f64();
    assert_eq!(store.counts().await.unwrap().pending, (WRITERS * EACH) as u64);
    rate
}

async fn over_http() -> f64 {
    let dir = folder();
    let stack = Stack::start(config(dir.path())).await.unwrap();
    let address = stack.url().socket_addrs(|| None).unwrap()[0];
    let started = Instant::now();
    post_simulations(address, "job", WRITERS, EACH).await;
    let rate = (WRITERS * EACH) as f64 / started.elapsed().as_secs_f64();
    stack.stop().await;
    let store = EmbeddedStore::open(&dir.path().join("data")).unwrap();
    assert_eq!(store.counts().await.unwrap().pending, (WRITERS * EACH) as u64);
    rate
}

/// A stack that accepts and never starts.
fn config(dir: &Path) -> StackConfig {
    let mut settings = Settings::resolve(Overrides::default(), dir).unwrap();
    settings.secrets_file.value = dir.join("secrets.age");
    let limits = Limits { max_jobs: 0, grace: Duration::from_secs(1), max_lost: 3, ..Limits::default() };
    let secrets = Arc::from(secret::open(&settings).unwrap());
    StackConfig {
        data_dir: dir.join("data"),
        listen: ([127, 0, 0, 1], 0).into(),
        tokens: Default::default(),
        program: "/nonexistent".into(),
        catalogue: Catalogue::fixed([model(dir)]),
        host: LocalHost::new(
            Environments::new(dir.join("cache"), "python3"),
            Arc::new(Silent),
            secrets,
            limits.grace,
        ),
        push: None,
        bucket: Bucket::open(dir.join("bucket").to_str().unwrap()).unwrap(),
        limits,
    }
}
