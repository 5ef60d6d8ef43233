use std::sync::Arc;

use csw::error::Diagnose;
use csw::store::{EmbeddedStore, JobStore, Page, StoreError};

use super::conformance::{self, submission};

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("csw-store-").tempdir().unwrap()
}

#[tokio::test]
async fn it_does_what_every_store_must_do() {
    let dir = folder();
    conformance::holds(&EmbeddedStore::open(dir.path()).unwrap()).await;
}

#[tokio::test]
async fn what_was_accepted_is_there_after_reopening() {
    let dir = folder();
    {
        let store = EmbeddedStore::open(dir.path()).unwrap();
        conformance::submit(&store, "one").await;
        let started = store.start(&"one".parse().unwrap()).await.unwrap().unwrap();
        store.record(&started.token, conformance::success(&started.job), true).await.unwrap();
        conformance::submit(&store, "two").await;
    }
    let store = EmbeddedStore::open(dir.path()).unwrap();
    let jobs = store.list(&Page::default()).await.unwrap();
    assert_eq!(jobs.iter().map(|j| j.id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(store.pushes(10).await.unwrap().len(), 1);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending, counts.success), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_are_all_accepted_once() {
    let dir = folder();
    let store = Arc::new(EmbeddedStore::open(dir.path()).unwrap());
    // Every id is submitted by two at the same time.
    let submit = |n: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.submit(submission(&format!("job-{}", n % 200))).await.unwrap() })
    };
    let tasks: Vec<_> = (0..400).map(submit).collect();
    let mut created = 0;
    for task in tasks {
        created += usize::from(matches!(task.await.unwrap(), csw::store::Submitted::Created(_)));
    }
    assert_eq!(created, 200);
    assert_eq!(store.counts().await.unwrap().pending, 200);
}

#[tokio::test]
async fn a_file_of_a_csw_that_knew_one_queue_for_all_models_is_taken() {
    let dir = folder();
    {
        let store = EmbeddedStore::open(dir.path()).unwrap();
        for id in ["one", "two", "three"] {
            conformance::submit(&store, id).await;
        }
        store.start(&"two".parse().unwrap()).await.unwrap();
    }
    let database = redb::Database::open(dir.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    assert!(write.delete_table(redb::TableDefinition::<(&str, u64), ()>::new("queues")).unwrap());
    write.commit().unwrap();
    drop(database);
    let store = EmbeddedStore::open(dir.path()).unwrap();
    let model = submission("one").model;
    assert_eq!(store.waiting().await.unwrap(), std::slice::from_ref(&model));
    let jobs = store.list(&Page::queue_of(model, 10)).await.unwrap();
    assert_eq!(jobs.iter().map(|j| j.id.as_str()).collect::<Vec<_>>(), ["one", "three"]);
}

#[test]
fn a_second_stack_is_told_who_has_it() {
    let dir = folder();
    let _first = EmbeddedStore::open(dir.path()).unwrap();
    let error = EmbeddedStore::open(dir.path()).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(matches!(&error, StoreError::Locked { holder, .. } if *holder == pid), "{error}");
    assert!(error.hints()[0].contains("--data"), "{:?}", error.hints());
}

#[test]
fn what_a_killed_stack_was_just_starting_is_waited_for() {
    let folder = folder();
    // It has ended, and its number is not given away again so soon.
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let path = folder.path().join("store.lock");
    std::fs::write(&path, ended.id().to_string()).unwrap();
    let held = std::fs::File::open(&path).unwrap();
    held.lock().unwrap();
    let opening = std::thread::spawn({
        let folder = folder.path().to_owned();
        move || EmbeddedStore::open(&folder).map(drop)
    });
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(!opening.is_finished());
    held.unlock().unwrap();
    opening.join().unwrap().unwrap();
}

#[test]
fn damage_is_an_error_and_no_panic() {
    let dir = folder();
    let path = dir.path().join("store.redb");
    drop(EmbeddedStore::open(dir.path()).unwrap());
    let good = std::fs::read(&path).unwrap();
    let corrupt = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        match EmbeddedStore::open(dir.path()) {
            Err(e @ StoreError::Corrupt { .. }) => assert!(e.to_string().contains("store.redb"), "{e}"),
            Err(e) => panic!("{e:?}"),
            Ok(_) => panic!("{} bytes were taken for a store", content.len()),
        }
    };
    corrupt(
        b"not a database, but longer than its header would be at the least: it goes on and on and on and on",
    );
    corrupt(&good[..good.len() / 2]);
    let mut torn = good.clone();
    torn[4096..].fill(0x5a);
    corrupt(&torn);
    std::fs::write(&path, &good).unwrap();
    EmbeddedStore::open(dir.path()).unwrap();
}

#[test]
fn a_later_format_is_refused() {
    let dir = folder();
    drop(EmbeddedStore::open(dir.path()).unwrap());
    let database = redb::Database::open(dir.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", 99).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = EmbeddedStore::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Format { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn tokens_of_an_early_file_are_forgotten_and_its_attempts_are_taken_over() {
    const JOBS: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("jobs");
    let dir = folder();
    {
        let store = EmbeddedStore::open(dir.path()).unwrap();
        for id in ["runs", "ended"] {
            conformance::submit(&store, id).await;
            store.start(&id.parse().unwrap()).await.unwrap();
        }
    }
    // As it was written before: the words themselves.
    let early = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let database = redb::Database::open(dir.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut meta = write.open_table(redb::TableDefinition::<&str, u64>::new("meta")).unwrap();
        meta.insert("format", 1).unwrap();
        let mut jobs = write.open_table(JOBS).unwrap();
        for (seq, word) in early.iter().enumerate() {
            let bytes = redb::ReadableTable::get(&jobs, seq as u64).unwrap().unwrap().value().to_owned();
            let mut record: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            record[if seq == 0 { "token" } else { "delivered" }] = serde_json::json!(word);
            jobs.insert(seq as u64, record.to_string().as_bytes()).unwrap();
        }
    }
    write.commit().unwrap();
    drop(database);
    let store = EmbeddedStore::open(dir.path()).unwrap();
    let running = store.running().await.unwrap();
    let runs = running.iter().find(|attempt| attempt.job.id.as_str() == "runs").unwrap();
    assert!(store.check_token(&runs.job.id, &runs.token).await.unwrap(), "who takes over can prove itself");
    let recorded = store.record(&runs.token, conformance::success(&runs.job), false).await.unwrap();
    assert_eq!(recorded, csw::store::Recorded::Accepted);
    drop(store);
    // What the file has given up it may still hold somewhere; what counts is what is read.
    let database = redb::Database::open(dir.path().join("store.redb")).unwrap();
    let read = redb::ReadableDatabase::begin_read(&database).unwrap().open_table(JOBS).unwrap();
    for entry in redb::ReadableTable::iter(&read).unwrap() {
        let bytes = entry.unwrap().1.value().to_owned();
        let text = String::from_utf8(bytes).unwrap();
        assert!(early.iter().all(|word| !text.contains(word)), "{text}");
    }
}
