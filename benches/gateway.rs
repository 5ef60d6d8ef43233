//! How fast a cluster's scheduler accepts simulations, and in how much memory, against the scheduler in Python before it.
//!
//! The scheduler is a process of its own, its store a Redis on loopback that has every answer on disk
//! (`appendfsync always`). Jobs are accepted and never started. The other side of the comparison accepted into a Redis
//! without a disk, and had the creation of Kubernetes Jobs left out.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing
)]

mod shared;
#[allow(dead_code, unused_imports, unreachable_pub)]
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt as _;
use csw::services::catalogue::Catalogue;
use csw::services::dispatch::{Dispatcher, Limits};
use csw::services::results::RemoteResults;
use csw::services::scheduler::{Access, SchedulerState, router};
use csw::store::{ClusterKey, JobStore, RedisConfig, RedisStore, WatchedStore};
use shared::{Instantly, Ready, memory, model, post_simulations};
use support::Redis;

/// Connections, simulations over each, and what the Python scheduler accepted a second, with its p99 in milliseconds.
const LEVELS: [(usize, usize, f64, f64); 3] =
    [(1, 500, 230.0, 20.0), (16, 200, 266.0, 132.0), (64, 250, 239.0, 417.0)];
/// MiB that it held.
const PYTHON_MEMORY: f64 = 117.0;
const SERVER: &str = "CSW_BENCH_GATEWAY";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var(SERVER) {
        Ok(redis) => runtime.block_on(serve(&redis)),
        Err(_) => runtime.block_on(measure()),
    }
}

async fn measure() {
    if !support::on_path("redis-server") {
        return println!("skipped: redis-server is not on PATH");
    }
    let redis = Redis::start();
    let (mut server, address) = start(&redis);
    let id = server.id().to_string();
    let idle = memory(&id, "VmRSS");
    println!(
        "connections  accepted/s  p50 ms  p99 ms  CPU ms each   Python: accepted/s  p99 ms   times as many"
    );
    for (connections, each, python, python_p99) in LEVELS {
        let (started, before) = (Instant::now(), processor_time(&id));
        let took = post_simulations(address, &format!("job-{connections}"), connections, each).await;
        let rate = (connections * each) as f64 / started.elapsed().as_secs_f64();
        let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        let processor = (processor_time(&id) - before) * 1000.0 / (connections * each) as f64;
        println!(
            "{connections:>11}  {rate:>10.0}  {:>6.1}  {:>6.1}  {processor:>11.3}   {python:>18.0}  {python_p99:>6.0}   {:>13.1}",
            ms(0.5),
            ms(0.99),
            rate / python
        );
    }
    let jobs: usize = LEVELS.iter().map(|(connections, each, ..)| connections * each).sum();
    println!(
        "memory: {idle:.1} MiB before, {:.1} MiB at the most with {jobs} jobs waiting; Python: {PYTHON_MEMORY:.0} MiB without any",
        memory(&id, "VmHWM")
    );
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Seconds of a processor that a process has used: what a busy machine changes least.
fn processor_time(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    ticks as f64 / 100.0
}

fn start(redis: &Redis) -> (Child, SocketAddr) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .env(SERVER, format!("{} {}", redis.port(), redis.password("scheduler")))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (server, line.trim().parse().unwrap())
}

/// The process that is measured.
async fn serve(redis: &str) {
    let (port, password) = redis.split_once(' ').unwrap();
    let config = RedisConfig::new("127.0.0.1", port.parse().unwrap(), "scheduler", password.to_owned());
    let key = ClusterKey::new(&"a key that is long enough to be one".to_owned().into()).unwrap();
    let token = key.service_token();
    let store = Arc::new(WatchedStore::new(Arc::new(RedisStore::open(config, key).await.unwrap())));
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::fixed([model(dir.path())]);
    let nowhere = "http://127.0.0.1:9/".parse().unwrap();
    let results = RemoteResults::new(nowhere, token, Arc::clone(&store) as Arc<dyn JobStore>).unwrap();
    let (host, runtime, results) = (Arc::new(Ready), Arc::new(Instantly), Arc::new(results));
    let limits = Limits { max_jobs: 0, grace: Duration::from_secs(1), ..Limits::default() };
    let dispatcher = Dispatcher::new(
        Arc::clone(&store),
        runtime.clone(),
        host.clone(),
        results.clone(),
        catalogue.models().clone(),
        limits,
    );
    let dispatching = {
        let dispatcher = dispatcher.clone();
        tokio::spawn(async move { dispatcher.run().await })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let access = Access::new(None, address);
    let state = SchedulerState { store, catalogue, dispatcher, host, runtime, results, access };
    println!("{address}");
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router(state)).await.unwrap();
    dispatching.abort();
}
