//! What every [`JobStore`] must do. An implementation's tests call [`holds`] with an empty store.

use csw::model::{Job, JobStatus, Outcome, TaskMeta, TaskName, TaskResult};
use csw::store::{
    AttemptToken, JobStore, Page, PushOutcome, Recorded, StartedAttempt, StoreError, Submission, Submitted,
};
use serde_json::json;

pub fn submission(id: &str) -> Submission {
    let kwargs = json!({"meta_param_dict": {}, "adjustment": {"rate": 0.5, "name": id}});
    Submission {
        id: id.parse().unwrap(),
        model: "Examples/Echo".parse().unwrap(),
        task: TaskName::Sim,
        kwargs: kwargs.as_object().unwrap().clone(),
        tag: None,
    }
}

pub fn success(job: &Job) -> TaskResult {
    TaskResult {
        task_id: job.id.clone(),
        status: Outcome::Success,
        meta: TaskMeta { task_times: vec![0.25] },
        model_version: Some("1.0".into()),
        outputs: Some(json!({"renderable": {}})),
        version: Some("v1".into()),
        traceback: None,
    }
}

pub async fn submit(store: &dyn JobStore, id: &str) -> Job {
    match store.submit(submission(id)).await.unwrap() {
        Submitted::Created(job) => job,
        Submitted::Existing(job) => panic!("{} was there before", job.id),
    }
}

async fn start(store: &dyn JobStore, id: &str) -> StartedAttempt {
    store.start(&id.parse().unwrap()).await.unwrap().expect("the job is pending")
}

async fn status(store: &dyn JobStore, id: &str) -> JobStatus {
    store.get(&id.parse().unwrap()).await.unwrap().unwrap().status
}

fn ids(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|j| j.id.as_str()).collect()
}

/// The whole contract; `store` is empty and stays usable.
pub async fn holds(store: &dyn JobStore) {
    holds_for(store, true).await;
}

/// The contract of a store that leaves results and pushes to others.
pub async fn holds_without_results(store: &dyn JobStore) {
    holds_for(store, false).await;
}

async fn holds_for(store: &dyn JobStore, results: bool) {
    submitting(store).await;
    queueing(store).await;
    recording(store, results).await;
    cancelling(store).await;
    listing(store).await;
    pushing(store, results).await;
    removing(store).await;
    queueing_by_model(store).await;
}

async fn submitting(store: &dyn JobStore) {
    let job = submit(store, "a").await;
    assert_eq!((job.status, job.attempt, job.started_at), (JobStatus::Pending, 0, None));
    assert_eq!(store.kwargs(&job.id).await.unwrap().unwrap(), submission("a").kwargs);
    assert_eq!(store.submit(submission("a")).await.unwrap(), Submitted::Existing(job.clone()));
    // The order of keys is no difference.
    let mut reordered = submission("a");
    reordered.kwargs.clear();
    reordered.kwargs.insert("adjustment".into(), json!({"name": "a", "rate": 0.5}));
    reordered.kwargs.insert("meta_param_dict".into(), json!({}));
    assert_eq!(store.submit(reordered).await.unwrap(), Submitted::Existing(job));
    let other = |change: fn(&mut Submission)| {
        let mut s = submission("a");
        change(&mut s);
        s
    };
    for (submission, expected) in [
        (other(|s| s.model = "Examples/Other".parse().unwrap()), "another model"),
        (other(|s| s.task = TaskName::Parse), "another task"),
        (other(|s| s.tag = Some("v2".into())), "another tag"),
        (other(|s| drop(s.kwargs.insert("adjustment".into(), json!({})))), "other inputs"),
    ] {
        match store.submit(submission).await {
            Err(StoreError::Conflict { differs, .. }) => assert_eq!(differs, expected),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.get(&"unknown".parse().unwrap()).await.unwrap(), None);
}

async fn queueing(store: &dyn JobStore) {
    for id in ["b", "c", "d"] {
        submit(store, id).await;
    }
    assert_eq!(ids(&store.pending(10).await.unwrap()), ["a", "b", "c", "d"]);
    assert_eq!(ids(&store.pending(2).await.unwrap()), ["a", "b"]);
    store.set_reason(&"c".parse().unwrap(), Some("preparing")).await.unwrap();
    let started = start(store, "b").await;
    assert_eq!((started.job.attempt, started.lost, started.job.status), (1, 0, JobStatus::Running));
    assert_eq!(started.kwargs, Ok(submission("b").kwargs));
    assert!(store.start(&started.job.id).await.unwrap().is_none(), "it runs already");
    assert_eq!(ids(&store.pending(10).await.unwrap()), ["a", "c", "d"]);
    assert_eq!(store.pending(10).await.unwrap()[1].reason.as_deref(), Some("preparing"));
    let running = store.running().await.unwrap();
    assert_eq!(running.len(), 1);
    assert_eq!((&running[0].job, &running[0].token), (&started.job, &started.token));
    assert_eq!(store.counts().await.unwrap().running, 1);

    assert!(!store.requeue(&started.job.id, 2, true, "of another attempt").await.unwrap());
    assert!(store.requeue(&started.job.id, 1, true, "its executor is gone").await.unwrap());
    assert!(!store.requeue(&started.job.id, 1, true, "again").await.unwrap());
    let pending = store.pending(10).await.unwrap();
    assert_eq!(ids(&pending), ["a", "b", "c", "d"], "it has its place again");
    assert_eq!(pending[1].reason.as_deref(), Some("its executor is gone"));
    assert!(!store.check_token(&started.job.id, &started.token).await.unwrap());
    let again = start(store, "b").await;
    assert_eq!((again.job.attempt, again.lost, again.job.reason.clone()), (2, 1, None));
    assert_ne!(again.token, started.token);
    assert!(store.requeue(&again.job.id, 2, false, "the stack was stopped").await.unwrap());
}

async fn recording(store: &dyn JobStore, results: bool) {
    let old = start(store, "b").await;
    assert_eq!(old.lost, 1, "a stop is not a loss");
    assert!(store.requeue(&old.job.id, old.job.attempt, true, "gone").await.unwrap());
    assert_eq!(store.record(&old.token, success(&old.job), false).await.unwrap(), Recorded::Fenced);
    let new = start(store, "b").await;
    assert!(store.check_token(&new.job.id, &new.token).await.unwrap());
    assert!(!store.check_token(&new.job.id, &old.token).await.unwrap());
    let id = &new.job.id;
    assert_eq!(store.record(&old.token, success(&new.job), false).await.unwrap(), Recorded::Fenced);
    assert_eq!(store.result(id).await.unwrap(), None);
    assert_eq!(store.record(&new.token, success(&new.job), false).await.unwrap(), Recorded::Accepted);
    assert_eq!(store.record(&new.token, success(&new.job), false).await.unwrap(), Recorded::Duplicate);
    assert_eq!(store.record(&old.token, success(&new.job), false).await.unwrap(), Recorded::Fenced);
    assert_eq!(store.result(id).await.unwrap(), results.then(|| success(&new.job)));
    let job = store.get(id).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Success);
    assert!(job.finished_at >= job.started_at && job.started_at >= Some(job.created_at));
    assert!(!store.requeue(id, job.attempt, true, "too late").await.unwrap());

    let started = start(store, "c").await;
    let mut fail = success(&started.job);
    fail.status = Outcome::Fail;
    fail.outputs = None;
    fail.traceback = Some("Traceback:\n  line\nValueError: no\n\n".into());
    assert_eq!(store.record(&started.token, fail, false).await.unwrap(), Recorded::Accepted);
    let job = store.get(&started.job.id).await.unwrap().unwrap();
    assert_eq!((job.status, job.reason.as_deref()), (JobStatus::Fail, Some("ValueError: no")));
    let nobody = AttemptToken("x".into());
    let mut unknown = success(&started.job);
    unknown.task_id = "unknown".parse().unwrap();
    assert_eq!(store.record(&nobody, unknown, false).await.unwrap(), Recorded::Fenced);
}

async fn cancelling(store: &dyn JobStore) {
    let started = start(store, "d").await;
    let job = store.cancel(&started.job.id, "asked for").await.unwrap().unwrap();
    assert_eq!((job.status, job.reason.as_deref()), (JobStatus::Cancelled, Some("asked for")));
    assert_eq!(store.record(&started.token, success(&started.job), true).await.unwrap(), Recorded::Fenced);
    let success = store.cancel(&"b".parse().unwrap(), "too late").await.unwrap().unwrap();
    assert_eq!(success.status, JobStatus::Success, "what is final stays");
    assert_eq!(store.cancel(&"unknown".parse().unwrap(), "").await.unwrap(), None);
    assert_eq!(status(store, "a").await, JobStatus::Pending);
    let job = store.cancel(&"a".parse().unwrap(), "not needed").await.unwrap().unwrap();
    assert_eq!((job.status, job.started_at), (JobStatus::Cancelled, None));
    assert!(store.pending(10).await.unwrap().is_empty());
}

async fn listing(store: &dyn JobStore) {
    let counts = store.counts().await.unwrap();
    assert_eq!(
        (counts.pending, counts.running, counts.success, counts.fail, counts.cancelled),
        (0, 0, 1, 1, 2)
    );
    let list = async |page: Page| store.list(&page).await.unwrap();
    assert_eq!(ids(&list(Page::default()).await), ["a", "b", "c", "d"]);
    let limit = Page { limit: Some(2), ..Page::default() };
    assert_eq!(ids(&list(limit.clone()).await), ["a", "b"]);
    assert_eq!(ids(&list(Page { after: Some("b".parse().unwrap()), ..limit }).await), ["c", "d"]);
    let ended = vec![JobStatus::Fail, JobStatus::Cancelled, JobStatus::Fail];
    let page = Page { status: ended, ..Page::default() };
    assert_eq!(ids(&list(page.clone()).await), ["a", "c", "d"], "in order over all states");
    assert_eq!(ids(&list(Page { after: Some("a".parse().unwrap()), ..page }).await), ["c", "d"]);
    let newest = Page { newest_first: true, ..Page::default() };
    assert_eq!(ids(&list(newest.clone()).await), ["d", "c", "b", "a"]);
    let two = Page { limit: Some(2), ..newest.clone() };
    assert_eq!(ids(&list(two.clone()).await), ["d", "c"], "a limit keeps the newest");
    assert_eq!(ids(&list(Page { after: Some("c".parse().unwrap()), ..two.clone() }).await), ["b", "a"]);
    assert!(list(Page { after: Some("a".parse().unwrap()), ..two }).await.is_empty());
    let ended = vec![JobStatus::Cancelled, JobStatus::Fail];
    assert_eq!(ids(&list(Page { status: ended, ..newest.clone() }).await), ["d", "c", "a"]);
    let all = list(Page::default()).await;
    assert!(all.windows(2).all(|w| w[0].created_at < w[1].created_at), "times tell the order too: {all:?}");
    for newest_first in [true, false] {
        let since = Page { since: Some(all[2].created_at), newest_first, ..Page::default() };
        let listed = list(since).await;
        let mut found = ids(&listed);
        found.sort();
        assert_eq!(found, ["c", "d"]);
    }
    let other = Page { models: vec!["Examples/Other".parse().unwrap()], ..Page::default() };
    assert!(list(other).await.is_empty());
    let unknown = Page { after: Some("unknown".parse().unwrap()), ..Page::default() };
    assert!(matches!(store.list(&unknown).await, Err(StoreError::NoSuchJob { .. })));
}

async fn pushing(store: &dyn JobStore, results: bool) {
    for id in ["p1", "p2", "p3"] {
        submit(store, id).await;
        let started = start(store, id).await;
        assert_eq!(
            store.record(&started.token, success(&started.job), true).await.unwrap(),
            Recorded::Accepted
        );
    }
    if !results {
        return assert!(store.pushes(10).await.unwrap().is_empty());
    }
    let waiting = async || {
        let pushes = store.pushes(10).await.unwrap();
        pushes.into_iter().map(|p| (p.result.task_id.to_string(), p.tries)).collect::<Vec<_>>()
    };
    let entry = |id: &str, tries| (id.to_owned(), tries);
    assert_eq!(waiting().await, [entry("p1", 0), entry("p2", 0), entry("p3", 0)]);
    assert_eq!(store.pushes(1).await.unwrap().len(), 1);
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|id| id.parse().unwrap());
    store.pushed(&p1, PushOutcome::TryLater { reason: "503".into() }).await.unwrap();
    assert_eq!(waiting().await, [entry("p2", 0), entry("p3", 0), entry("p1", 1)]);
    assert!(
        store.remove(std::slice::from_ref(&p1)).await.unwrap().is_empty(),
        "the web app has yet to take it"
    );
    store.pushed(&p2, PushOutcome::Taken).await.unwrap();
    store.pushed(&p3, PushOutcome::Refused { reason: "400".into() }).await.unwrap();
    store.pushed(&p3, PushOutcome::Taken).await.unwrap();
    assert_eq!(waiting().await, [entry("p1", 1)]);
    store.pushed(&p1, PushOutcome::Taken).await.unwrap();
    assert!(waiting().await.is_empty());
}

async fn removing(store: &dyn JobStore) {
    submit(store, "kept").await;
    let every: Vec<_> = ["kept", "a", "b", "c", "d", "p1", "p2", "p3", "unknown"]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(store.remove(&every).await.unwrap(), every[1..8]);
    assert_eq!(ids(&store.list(&Page::default()).await.unwrap()), ["kept"]);
    assert_eq!(store.result(&every[2]).await.unwrap(), None);
    assert_eq!(store.kwargs(&every[2]).await.unwrap(), None);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending, counts.success, counts.fail, counts.cancelled), (1, 0, 0, 0));
    // An id that was forgotten is free.
    submit(store, "b").await;
    assert_eq!(ids(&store.pending(10).await.unwrap()), ["kept", "b"]);
}

/// `kept` and `b` wait.
async fn queueing_by_model(store: &dyn JobStore) {
    for (id, model) in [("x", "Examples/Other"), ("y", "Examples/Echo"), ("z", "Examples/Other")] {
        let submission = Submission { model: model.parse().unwrap(), ..submission(id) };
        store.submit(submission).await.unwrap();
    }
    let waiting = async || {
        let mut models: Vec<String> =
            store.waiting().await.unwrap().iter().map(ToString::to_string).collect();
        models.sort();
        models
    };
    let queue = async |model: &str, limit: usize, after: Option<&str>| {
        let after = after.map(|id| id.parse().unwrap());
        let page = Page { after, ..Page::queue_of(model.parse().unwrap(), limit) };
        ids(&store.list(&page).await.unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(waiting().await, ["Examples/Echo", "Examples/Other"]);
    assert_eq!(queue("Examples/Echo", 10, None).await, ["kept", "b", "y"]);
    assert_eq!(queue("Examples/Echo", 2, None).await, ["kept", "b"]);
    assert_eq!(queue("Examples/Echo", 2, Some("b")).await, ["y"]);
    assert_eq!(queue("Examples/Other", 10, None).await, ["x", "z"]);
    assert!(queue("Examples/None", 10, None).await.is_empty());

    let started = start(store, "x").await;
    assert_eq!(queue("Examples/Other", 10, None).await, ["z"]);
    assert!(!store.defer(&started.job.id, 2, "of another attempt").await.unwrap());
    assert!(store.defer(&started.job.id, 1, "the cluster is away").await.unwrap());
    assert!(!store.defer(&started.job.id, 1, "again").await.unwrap());
    assert!(!store.check_token(&started.job.id, &started.token).await.unwrap());
    let job = store.get(&started.job.id).await.unwrap().unwrap();
    assert_eq!((job.status, job.attempt, job.started_at), (JobStatus::Pending, 0, None));
    assert_eq!(job.reason.as_deref(), Some("the cluster is away"));
    assert_eq!(queue("Examples/Other", 10, None).await, ["x", "z"], "it has its place again");
    assert_eq!(start(store, "x").await.job.attempt, 1, "what was not made does not count");
    store.cancel(&"z".parse().unwrap(), "not needed").await.unwrap();
    assert_eq!(waiting().await, ["Examples/Echo"]);
}
