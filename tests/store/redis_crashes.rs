//! Whatever is killed, and whenever: what was answered holds, nothing starts twice, nothing is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use csw::model::{JobId, JobStatus};
use csw::store::{JobStore, Page, RedisConfig, RedisStore};

use super::conformance::{submission, success};
use super::redis::{key, open};
use crate::support::{Redis, require};

const WORKERS: usize = 8;

/// What one who uses the store learnt, a line each: `accepted ID`, `started ID`, `ended ID`, `removing ID`.
type Tell = Arc<dyn Fn(String) + Send + Sync>;

/// Takes jobs through their lives, and leaves some at each stage.
async fn work(store: Arc<RedisStore>, prefix: &str, jobs: usize, tell: Tell) {
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (store, prefix, next, tell) =
                (Arc::clone(&store), prefix.to_owned(), Arc::clone(&next), Arc::clone(&tell));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= jobs {
                        return;
                    }
                    let id: JobId = format!("{prefix}-{n}").parse().unwrap();
                    store.submit(submission(id.as_str())).await.unwrap();
                    tell(format!("accepted {id}"));
                    if n % 7 == 0 {
                        continue;
                    }
                    let started = store.start(&id).await.unwrap().unwrap();
                    tell(format!("started {id}"));
                    if n % 7 == 1 {
                        continue;
                    }
                    store.record(&started.token, success(&started.job), true).await.unwrap();
                    tell(format!("ended {id}"));
                    if n % 7 > 3 {
                        tell(format!("removing {id}"));
                        store.remove(&[id]).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

/// What was learnt, against what the store says.
async fn check(store: &RedisStore, lines: &[String]) {
    let jobs = store.list(&Page::default()).await.unwrap();
    let found: BTreeMap<&str, JobStatus> = jobs.iter().map(|j| (j.id.as_str(), j.status)).collect();
    let told = |what: &str| -> BTreeSet<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(what)?.strip_prefix(' ')).collect()
    };
    let (removing, started, ended) = (told("removing"), told("started"), told("ended"));
    for id in told("accepted").into_iter().filter(|id| !removing.contains(id)) {
        let status = found.get(id).unwrap_or_else(|| panic!("{id} was accepted and is lost"));
        assert!(!started.contains(id) || *status != JobStatus::Pending, "{id} would start twice");
        assert!(!ended.contains(id) || status.is_final(), "{id} has ended and is {status}");
    }
    assert!(jobs.iter().all(|job| job.attempt <= 1), "started twice");
    for job in jobs.iter().filter(|job| !job.status.is_final()) {
        let kwargs = store.kwargs(&job.id).await.unwrap();
        assert_eq!(kwargs.as_ref(), Some(&submission(job.id.as_str()).kwargs), "{} has no arguments", job.id);
    }
}

/// Ends and removes every job.
async fn finish(store: &RedisStore) {
    for job in store.pending(usize::MAX).await.unwrap() {
        store.start(&job.id).await.unwrap().unwrap();
    }
    for running in store.running().await.unwrap() {
        store.record(&running.token, success(&running.job), true).await.unwrap();
    }
    let ids: Vec<_> = store.list(&Page::default()).await.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(store.remove(&ids).await.unwrap().len(), ids.len());
}

/// Numbers that look random and are the same each time.
fn pauses(seed: u64) -> impl Iterator<Item = Duration> {
    let next =
        |n: &u64| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(Some(seed), next).map(|n| Duration::from_micros(2_000 + (n >> 33) % 150_000))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_again_and_again() {
    if !require("redis") {
        return;
    }
    let mut redis = Redis::start();
    let store = Arc::new(open(&redis).await);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let tell: Tell = {
        let lines = Arc::clone(&lines);
        Arc::new(move |line| lines.lock().unwrap().push(line))
    };
    let work = tokio::spawn(work(Arc::clone(&store), "job", 600, tell));
    let mut kills = 0;
    for pause in pauses(1) {
        // Each time it gets a little further.
        let told = lines.lock().unwrap().len();
        while lines.lock().unwrap().len() == told && !work.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if work.is_finished() {
            break;
        }
        tokio::time::sleep(pause).await;
        redis.kill();
        redis.restart();
        kills += 1;
    }
    work.await.unwrap();
    assert!(kills > 3, "it was too fast to be killed: {kills}");
    let lines = lines.lock().unwrap().clone();
    assert_eq!(lines.iter().filter(|line| line.starts_with("accepted")).count(), 600);
    check(&store, &lines).await;
    drop(store);
    let store = open(&redis).await;
    check(&store, &lines).await;
    finish(&store).await;
    assert_eq!(redis.keys(), ["job-.index"]);
}

/// The process of the next test that has the store, when it is started as such; else nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holder() {
    let Ok(text) = std::env::var("CSW_TEST_STORE_HOLDER") else { return };
    let words: Vec<&str> = text.split(' ').collect();
    let config = RedisConfig::new("127.0.0.1", words[0].parse().unwrap(), "scheduler", words[1].to_owned());
    let store = Arc::new(RedisStore::open(config, key()).await.unwrap());
    let tell: Tell = Arc::new(|line| {
        let mut stderr = std::io::stderr().lock();
        stderr.write_all((line + "\n").as_bytes()).unwrap();
    });
    work(store, words[2], 100_000, tell).await;
}

fn start_holder(redis: &Redis, prefix: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::redis_crashes::holder", "--nocapture"])
        .env("CSW_TEST_STORE_HOLDER", format!("{} {} {prefix}", redis.port(), redis.password("scheduler")))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_has_the_store_is_killed_again_and_again() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let mut lines: Vec<String> = Vec::new();
    for (round, pause) in pauses(2).take(12).enumerate() {
        let mut holder = start_holder(&redis, &format!("round-{round}"));
        let mut told = BufReader::new(holder.stderr.take().unwrap()).lines();
        // Not before it does something.
        let started = lines.len();
        while lines[started..].iter().filter(|line| line.starts_with("accepted")).count() < 20 {
            lines.push(told.next().unwrap().unwrap());
        }
        tokio::time::sleep(pause).await;
        holder.kill().unwrap();
        holder.wait().unwrap();
        // A line that was cut off tells nothing.
        lines.extend(told.map_while(Result::ok));
        if round % 4 == 3 {
            let store = open(&redis).await;
            check(&store, &lines).await;
            store.close().await;
        }
    }
    let store = open(&redis).await;
    check(&store, &lines).await;
    finish(&store).await;
    assert_eq!(redis.keys(), ["job-.index"]);
}
