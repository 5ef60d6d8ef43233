//! The cluster's store against a real Redis, with the rights that its user has in a cluster.

use std::sync::Arc;
use std::time::Duration;

use csw::error::Diagnose;
use csw::model::{JobStatus, Outcome};
use csw::store::{
    Claims, ClusterKey, InputsError, JobStore, Page, Recorded, RedisConfig, RedisStore, RedisUser, SealKey,
    StoreError, Submitted, fetch_inputs,
};

use super::conformance::{self, submission, success};
use crate::support::{Redis, require};

pub fn key() -> ClusterKey {
    ClusterKey::new(&"0123456789abcdef0123456789abcdef".to_owned().into()).unwrap()
}

pub async fn open(redis: &Redis) -> RedisStore {
    RedisStore::open(redis.config("scheduler"), key()).await.unwrap()
}

fn listed(jobs: &[csw::model::Job]) -> Vec<&str> {
    jobs.iter().map(|j| j.id.as_str()).collect()
}

#[tokio::test]
async fn it_does_what_every_store_must_do() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    conformance::holds_without_results(&store).await;
    // And the next one finds it so.
    let before = store.list(&Page::default()).await.unwrap();
    store.close().await;
    let store = open(&redis).await;
    assert_eq!(store.list(&Page::default()).await.unwrap(), before);
}

#[tokio::test]
async fn another_scheduler_finds_every_job_as_it_stands() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    for n in 0..100 {
        conformance::submit(&store, &format!("job-{n}")).await;
    }
    let started = store.start(&"job-0".parse().unwrap()).await.unwrap().unwrap();
    store.start(&"job-1".parse().unwrap()).await.unwrap().unwrap();
    store.record(&started.token, success(&started.job), true).await.unwrap();
    store.cancel(&"job-2".parse().unwrap(), "asked for").await.unwrap();
    store.set_reason(&"job-3".parse().unwrap(), Some("preparing")).await.unwrap();
    let before = store.list(&Page::default()).await.unwrap();
    let running = store.running().await.unwrap();
    drop(store);

    let store = open(&redis).await;
    assert_eq!(store.list(&Page::default()).await.unwrap(), before);
    assert_eq!(store.kwargs(&"job-50".parse().unwrap()).await.unwrap().unwrap(), submission("job-50").kwargs);
    let again = store.running().await.unwrap();
    assert_eq!((&again[0].job, &again[0].token), (&running[0].job, &running[0].token));
    // What has ended is known by its digest alone.
    assert_eq!(store.kwargs(&"job-0".parse().unwrap()).await.unwrap(), None);
    assert_eq!(store.submit(submission("job-0")).await.unwrap(), Submitted::Existing(before[0].clone()));
    let mut other = submission("job-0");
    other.kwargs.clear();
    assert!(matches!(store.submit(other).await, Err(StoreError::Conflict { differs: "other inputs", .. })));
    assert_eq!(store.record(&started.token, success(&started.job), true).await.unwrap(), Recorded::Duplicate);
    // A token says more than its attempt.
    let claims =
        |task| Claims { id: again[0].job.id.clone(), attempt: 1, model: again[0].job.model.clone(), task };
    let parse = key().attempt_token(&claims(csw::model::TaskName::Parse));
    assert!(!store.check_token(&again[0].job.id, &parse).await.unwrap());
    assert!(
        store
            .check_token(&again[0].job.id, &key().attempt_token(&claims(csw::model::TaskName::Sim)))
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_are_all_accepted_once() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = Arc::new(open(&redis).await);
    let submit = |n: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.submit(submission(&format!("job-{}", n % 200))).await.unwrap() })
    };
    let tasks: Vec<_> = (0..400).map(submit).collect();
    let mut created = 0;
    for task in tasks {
        created += usize::from(matches!(task.await.unwrap(), Submitted::Created(_)));
    }
    assert_eq!(created, 200);
    assert_eq!(store.counts().await.unwrap().pending, 200);
    drop(store);
    assert_eq!(open(&redis).await.counts().await.unwrap().pending, 200);
}

#[tokio::test]
async fn nothing_is_left_of_jobs_that_were_removed() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    let mut ids = Vec::new();
    for n in 0..150 {
        let job = conformance::submit(&store, &format!("job-{n}")).await;
        if n % 3 > 0 {
            let started = store.start(&job.id).await.unwrap().unwrap();
            let mut result = success(&started.job);
            if n % 3 == 1 {
                (result.status, result.traceback) = (Outcome::Fail, Some("KeyError: 'x'".into()));
            }
            store.record(&started.token, result, true).await.unwrap();
        } else {
            store.cancel(&job.id, "asked for").await.unwrap();
        }
        ids.push(job.id);
    }
    // Five pages, and no arguments.
    assert_eq!(redis.keys().len(), 6);
    assert_eq!(store.remove(&ids[..140]).await.unwrap().len(), 140);
    assert_eq!(redis.keys().len(), 2, "{:?}", redis.keys());
    assert_eq!(listed(&store.list(&Page::default()).await.unwrap()).len(), 10);
    store.remove(&ids).await.unwrap();
    assert_eq!(redis.keys(), ["job-.index"]);
}

#[tokio::test]
async fn a_store_that_was_replaced_does_nothing_any_more() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let old = open(&redis).await;
    conformance::submit(&old, "a").await;
    let new = open(&redis).await;
    let error = old.submit(submission("b")).await.unwrap_err();
    assert!(error.to_string().contains("another scheduler has taken over"), "{error}");
    assert!(old.closed().await.contains("taken over"));
    assert!(matches!(old.get(&"a".parse().unwrap()).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(listed(&new.list(&Page::default()).await.unwrap()), ["a"]);
    conformance::submit(&new, "b").await;
    // Closing is the same without another one.
    new.close().await;
    assert!(matches!(new.submit(submission("c")).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(new.list(&Page::default()).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(new.get_projects().await, Err(StoreError::Unavailable { .. })));
    let third = open(&redis).await;
    assert_eq!(listed(&third.list(&Page::default()).await.unwrap()), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_may_go_away_and_come_back() {
    if !require("redis") {
        return;
    }
    let mut redis = Redis::start();
    let config = redis.config("scheduler");
    let hasty = config.clone().with_patience(Duration::from_millis(200));
    let store = Arc::new(RedisStore::open(config, key()).await.unwrap());
    conformance::submit(&*store, "before").await;
    redis.kill();
    // Accepted in the order in which they came, once that is possible.
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.submit(submission(&format!("during-{n}"))).await.unwrap() })
        })
        .collect();
    assert_eq!(store.counts().await.unwrap().pending, 1, "reads go on, and show what is durable");
    assert!(
        RedisStore::open(hasty.clone(), key()).await.unwrap_err().to_string().contains("can't be reached")
    );
    redis.restart();
    for task in waiting {
        assert!(matches!(task.await.unwrap(), Submitted::Created(_)));
    }
    assert_eq!(store.counts().await.unwrap().pending, 21);
    assert_eq!(
        store.kwargs(&"during-7".parse().unwrap()).await.unwrap().unwrap(),
        submission("during-7").kwargs
    );
    let order = listed(&store.list(&Page::default()).await.unwrap()).join(" ");
    drop(store);

    let store = RedisStore::open(hasty, key()).await.unwrap();
    assert_eq!(listed(&store.list(&Page::default()).await.unwrap()).join(" "), order);
    redis.kill();
    let error = store.submit(submission("late")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("can't be reached"), "{error}");
    redis.restart();
    // It was told "ask again".
    while let Err(e) = store.submit(submission("late")).await {
        assert!(matches!(e, StoreError::Unavailable { .. }), "{e}");
    }
    assert_eq!(store.get(&"late".parse().unwrap()).await.unwrap().unwrap().status, JobStatus::Pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_inputs_wait_for_each_other() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = Arc::new(open(&redis).await);
    let large = |n: usize| {
        let mut submission = submission(&format!("job-{n}"));
        // As much as fits a request, times eight.
        submission.kwargs.insert("adjustment".into(), serde_json::json!({"data": "x".repeat(20 << 20)}));
        submission
    };
    let submit = |n: usize| {
        let (store, submission) = (Arc::clone(&store), large(n));
        tokio::spawn(async move { store.submit(submission).await.unwrap() })
    };
    for task in (0..8).map(submit).collect::<Vec<_>>() {
        assert!(matches!(task.await.unwrap(), Submitted::Created(_)));
    }
    assert_eq!(store.kwargs(&"job-7".parse().unwrap()).await.unwrap().unwrap(), large(7).kwargs);
}

#[tokio::test]
async fn records_survive_a_redis_that_lost_its_data() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    conformance::submit(&store, "a").await;
    assert_eq!(redis.user("admin").ask(&["FLUSHALL"]), "+OK");
    conformance::submit(&store, "b").await;
    drop(store);
    let store = open(&redis).await;
    assert_eq!(listed(&store.list(&Page::default()).await.unwrap()), ["a", "b"]);
    let id = "a".parse().unwrap();
    let fetched = fetch_inputs(&redis.config("executor"), &id, &key().job_key(&id)).await;
    assert!(matches!(fetched, Err(InputsError::Missing { .. })));
    // It can be started, so that it can fail.
    let started = store.start(&id).await.unwrap().unwrap();
    assert_eq!(started.kwargs, Err("the inputs of job a are not in Redis (any more)".to_owned()));
    let other = store.start(&"b".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(other.kwargs, Ok(submission("b").kwargs));
}

#[tokio::test]
async fn a_wrong_password_is_named_but_not_shown() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let wrong = RedisConfig::new("127.0.0.1", redis.port(), "scheduler", "hunter2".to_owned());
    let error = RedisStore::open(wrong, key()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "Redis at 127.0.0.1:{} refuses the user `scheduler`: it does not know the user, or the password is wrong",
            redis.port()
        )
    );
    assert!(error.hints()[0].contains("redis-scheduler") && !format!("{error:?}").contains("hunter2"));
    // The executor's user may not write.
    let error = RedisStore::open(redis.config("executor"), key()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { user, .. } if user == "executor"), "{error}");
}

#[tokio::test]
async fn a_password_in_a_file_may_change() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "old\n").unwrap();
    let config = RedisConfig::from_variables(RedisUser::Scheduler, |name| match name {
        "REDIS_HOST" => Some("127.0.0.1".to_owned()),
        "REDIS_PORT" => Some(redis.port().to_string()),
        "REDIS_SCHEDULER_PW_FILE" => Some(file.display().to_string()),
        _ => None,
    });
    let opening = RedisStore::open(config.unwrap(), key());
    let change = async {
        tokio::task::yield_now().await;
        std::fs::write(&file, redis.password("scheduler") + "\n").unwrap();
    };
    let (store, ()) = tokio::join!(opening, change);
    conformance::submit(&store.unwrap(), "a").await;
}

#[tokio::test]
async fn an_executor_reads_its_own_job_and_nobody_elses() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    let mut secretive = submission("b");
    secretive.kwargs.insert("adjustment".into(), serde_json::json!({"plan": "very secret plan"}));
    conformance::submit(&store, "a").await;
    store.submit(secretive).await.unwrap();
    let config = redis.config("executor");
    let [a, b] = ["a", "b"].map(|id| id.parse().unwrap());
    let job_key = SealKey::from_text(&key().job_key(&a).to_text()).unwrap();
    assert_eq!(fetch_inputs(&config, &a, &job_key).await.unwrap(), submission("a").kwargs);
    assert!(matches!(fetch_inputs(&config, &b, &job_key).await, Err(InputsError::Unreadable { .. })));
    assert!(matches!(
        fetch_inputs(&config, &"c".parse().unwrap(), &job_key).await,
        Err(InputsError::Missing { .. })
    ));
    let mut executor = redis.user("executor");
    for key in redis.keys() {
        let text = executor.ask(&["GET", &key]);
        assert!(text.contains("sealed"), "{key}: {text}");
        for word in ["plan", "secret", "adjustment", "Examples"] {
            assert!(!text.contains(word), "{key}: {text}");
        }
    }
}

#[tokio::test]
async fn documents_of_others_are_refused_and_left_alone() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    conformance::submit(&store, "a").await;
    store.close().await;
    let mut admin = redis.user("admin");
    let root = admin.ask(&["GET", "job-.index"]);
    let other = ClusterKey::new(&"another key, which is as long as it has to be".to_owned().into()).unwrap();
    let error = RedisStore::open(redis.config("scheduler"), other).await.unwrap_err();
    assert!(
        error.to_string().contains("job-.index") && error.to_string().contains("another cluster key"),
        "{error}"
    );
    let later = root.replacen("\"format\":1", "\"format\":7", 1);
    admin.ask(&["SET", "job-.index", &later]);
    let error = RedisStore::open(redis.config("scheduler"), key()).await.unwrap_err();
    assert!(error.to_string().contains("has format 7; this csw knows formats up to 1"), "{error}");
    assert_eq!(admin.ask(&["GET", "job-.index"]), later);
    admin.ask(&["SET", "job-.index", &root]);
    assert_eq!(open(&redis).await.counts().await.unwrap().pending, 1);
}

#[tokio::test]
async fn the_list_of_projects_is_kept() {
    if !require("redis") {
        return;
    }
    let redis = Redis::start();
    let store = open(&redis).await;
    assert_eq!(store.get_projects().await.unwrap(), None);
    store.set_projects("[{\"title\": \"größer\"}]").await.unwrap();
    drop(store);
    assert_eq!(
        open(&redis).await.get_projects().await.unwrap().as_deref(),
        Some("[{\"title\": \"größer\"}]")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_when_redis_takes_nothing_and_goes_on_by_itself() {
    if !require("redis") {
        return;
    }
    let mut redis = Redis::start();
    let store = Arc::new(open(&redis).await);
    store.check().await.unwrap();
    let submit = |id: &str| {
        let (store, id) = (Arc::clone(&store), id.to_owned());
        tokio::spawn(async move { store.submit(submission(&id)).await })
    };
    let until = async |well: bool| loop {
        let said = store.check().await;
        if said.is_ok() == well {
            break said.err().map(|e| e.to_string()).unwrap_or_default();
        }
        tokio::task::yield_now().await;
    };
    // Out of memory, and read-only as one is that follows another.
    for (name, ill, well) in [
        ("OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
        ("READONLY", ["REPLICAOF", "127.0.0.1", "1", ""], ["REPLICAOF", "NO", "ONE", ""]),
    ] {
        let ask = |words: &[&str]| {
            let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
            assert_eq!(redis.user("admin").ask(&words), "+OK", "{words:?}");
        };
        ask(&ill);
        let waiting = submit(&name.to_lowercase());
        let said = until(false).await;
        assert!(said.to_uppercase().contains(name), "{said}");
        ask(&well);
        waiting.await.unwrap().unwrap();
        until(true).await;
    }
    redis.kill();
    let said = until(false).await;
    assert!(said.contains("can't be reached"), "{said}");
    redis.restart();
    until(true).await;
    assert_eq!(store.counts().await.unwrap().pending, 2);
}
