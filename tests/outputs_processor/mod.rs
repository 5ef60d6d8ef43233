//! The outputs processor, through its routes and over loopback.

mod admission;
mod cloud;
mod letters;
mod limits;
mod process;
mod pushing;
mod receiving;
mod spooled;
mod streaming;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use csw::model::{JobId, ModelName, Outcome, TaskMeta, TaskName, TaskResult};
use csw::outputs::{Bucket, Pointer};
use csw::services::outputs_processor::{Backoff, Limits, OutputsProcessor, PushTarget, standalone};
use csw::store::{AttemptToken, Claims, ClusterKey, EmbeddedStore, JobStore, Submission};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

/// An outputs processor that listens, with a store and a bucket of its own.
pub struct Stage {
    pub store: Arc<dyn JobStore>,
    pub ledger: Arc<EmbeddedStore>,
    pub bucket: Bucket,
    pub processor: Arc<OutputsProcessor>,
    pub url: Url,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn to(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.json().await.unwrap() }
    }
}

/// What the services of the tests' cluster share.
pub const SECRET: &str = "the-cluster-key-of-all-of-these-tests";

pub fn key() -> ClusterKey {
    ClusterKey::new(&SECRET.to_owned().into()).unwrap()
}

/// The token of an attempt of a job in the tests' cluster.
pub fn signed(name: &str, attempt: u32, task: TaskName) -> AttemptToken {
    key().attempt_token(&Claims { id: id(name), attempt, model: "Examples/Solow".parse().unwrap(), task })
}

pub fn service_token() -> String {
    key().service_token().expose_secret().to_owned()
}

pub fn id(id: &str) -> JobId {
    id.parse().unwrap()
}

/// Tries again at once, or nearly so.
pub fn target(url: &Url, token: &str) -> PushTarget {
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(20) };
    PushTarget::new(url, &token.to_owned().into(), backoff).unwrap()
}

pub fn open(folder: &Path) -> (Arc<EmbeddedStore>, Bucket) {
    let store = EmbeddedStore::open(&folder.join("data")).unwrap();
    (Arc::new(store), Bucket::open(folder.join("bucket").to_str().unwrap()).unwrap())
}

/// Takes results of attempts that the store has started.
pub fn on_laptop(
    store: &Arc<EmbeddedStore>,
    bucket: Bucket,
    target: Option<PushTarget>,
    limits: Limits,
) -> Arc<OutputsProcessor> {
    OutputsProcessor::new(Arc::clone(store) as _, Arc::clone(store), bucket, target, limits)
}

/// A submitted job whose first attempt runs.
pub async fn started(store: &dyn JobStore, name: &str, task: TaskName) -> AttemptToken {
    let model: ModelName = "Examples/Solow".parse().unwrap();
    let submission = Submission { id: id(name), model, task, kwargs: serde_json::Map::new(), tag: None };
    store.submit(submission).await.unwrap();
    store.start(&id(name)).await.unwrap().unwrap().token
}

pub fn raw_outputs(text: &str) -> Value {
    json!({"renderable": [{"media_type": "Markdown", "title": "Report", "data": text}], "downloadable": []})
}

pub fn success(name: &str, outputs: Value) -> TaskResult {
    TaskResult {
        task_id: id(name),
        status: Outcome::Success,
        meta: TaskMeta { task_times: vec![1.5] },
        model_version: Some("1.0.0".into()),
        outputs: Some(outputs),
        version: Some("v1".into()),
        traceback: None,
    }
}

pub fn failure(name: &str, traceback: &str) -> TaskResult {
    TaskResult {
        status: Outcome::Fail,
        model_version: None,
        outputs: None,
        version: None,
        traceback: Some(traceback.into()),
        ..success(name, Value::Null)
    }
}

impl Stage {
    pub async fn new(target: Option<PushTarget>, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, bucket) = open(folder.path());
        let processor = on_laptop(&store, bucket.clone(), target, limits);
        Self::of(processor, store, bucket, folder).await
    }

    /// One that takes results of attempts whose token was made with [`key`].
    pub async fn of_cluster(target: Option<PushTarget>, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, bucket) = open(folder.path());
        let processor =
            OutputsProcessor::of_cluster(key(), Arc::clone(&store), bucket.clone(), target, limits);
        Self::of(processor, store, bucket, folder).await
    }

    async fn of(
        processor: Arc<OutputsProcessor>,
        ledger: Arc<EmbeddedStore>,
        bucket: Bucket,
        folder: tempfile::TempDir,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let routes = standalone(Arc::clone(&processor));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let client = csw::http::client(&url).unwrap();
        let store = Arc::clone(&ledger) as _;
        Self { store, ledger, bucket, processor, url, client, _folder: folder }
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let request = self.client.get(self.url.join(path).unwrap());
        Answer::to(token.into_iter().fold(request, |r, token| r.bearer_auth(token))).await
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self.client.post(self.url.join(path).unwrap()).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::to(request).await
    }

    pub async fn write(&self, token: &AttemptToken, name: &str, outputs: Value) -> Answer {
        self.post("write/", Some(&token.0), json!({"task_id": name, "outputs": outputs}).to_string()).await
    }

    pub async fn push(&self, token: &AttemptToken, task: &str, result: &TaskResult) -> Answer {
        self.post("push/", Some(&token.0), json!({"task_name": task, "result": result}).to_string()).await
    }

    /// The text of the report that is stored where the pointer says.
    pub async fn stored_report(&self, pointer: &Value) -> String {
        let pointer: Pointer = serde_json::from_value(pointer.clone()).unwrap();
        let outputs = self.bucket.read(&pointer).await.unwrap();
        String::from_utf8(outputs.renderable[0].file().into_owned()).unwrap()
    }

    /// A job whose result has been recorded.
    pub async fn finished(&self, name: &str, task: TaskName) {
        let token = started(&*self.store, name, task).await;
        let answer = match task {
            TaskName::Sim => {
                let pointer = self.write(&token, name, raw_outputs(name)).await.body;
                self.push(&token, "sim", &success(name, pointer)).await
            }
            _ => self.push(&token, "parse", &success(name, json!({"errors_warnings": {}}))).await,
        };
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
