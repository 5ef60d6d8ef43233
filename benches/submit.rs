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

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csw::executor::environment::{Environments, Silent};
use csw::model::{Model, TaskName};
use csw::outputs::Bucket;
use csw::secret;
use csw::services::catalogue::Catalogue;
use csw::services::dispatch::Limits;
use csw::services::stack::{LocalHost, Stack, StackConfig};
use csw::settings::{Overrides, Settings};
use csw::store::{EmbeddedStore, JobStore, Submission};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn folder() -> tempfile::TempDir {
    // Not in memory, where nothing is durable.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tempfile::Builder::new().prefix("submit-").tempdir_in(target).unwrap()
}

fn kwargs() -> Value {
    json!({"meta_param_dict": {"year": 2030}, "adjustment": {"savings_rate": 0.3, "periods": 100}})
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
    let body = format!("{{\"task_name\":\"sim\",\"task_kwargs\":{},\"task_id\":\"", kwargs());
    let body: Arc<str> = body.into();
    let started = Instant::now();
    let connections: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let body = Arc::clone(&body);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut answer = vec![0; 4096];
                for n in 0..EACH {
                    let body = format!("{body}job-{writer}-{n}\"}}");
                    let request = format!(
                        "POST /Bench/Model/ HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
                         content-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(request.as_bytes()).await.unwrap();
                    // Answers are small and come in one piece.
                    let read = stream.read(&mut answer).await.unwrap();
                    assert!(
                        answer[..read].starts_with(b"HTTP/1.1 200"),
                        "{}",
                        String::from_utf8_lossy(&answer[..read])
                    );
                }
            })
        })
        .collect();
    for connection in connections {
        connection.await.unwrap();
    }
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

fn model(dir: &Path) -> Model {
    let resources = json!({"cpu": "1", "memory": "1G"});
    let model = json!({
        "name": "Bench/Model", "repo": {"path": dir}, "entry": {"command": {"argv": ["true"]}},
        "cluster_type": "single-core", "replicas": 1, "resources": {"requests": resources, "limits": resources},
        "sim_time_limit": 60.0, "env": {}, "secrets": [], "listed": true, "skip_test": false,
    });
    serde_json::from_value(model).unwrap()
}
