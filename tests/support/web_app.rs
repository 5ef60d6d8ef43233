//! A web app that speaks the REST of the real one: it takes results, idempotent by task id, and fails on demand.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

/// A failure to be: status and headers.
pub type Failure = (u16, Vec<(&'static str, String)>);

/// A request that arrived, whatever became of it; its status is 0 if nothing was answered.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub authorization: String,
    pub body: Value,
    pub status: u16,
}

/// No answer but the end of the connection, before anything is taken.
const CUT_BEFORE: u16 = 0;
/// The same after the result was taken.
const CUT_AFTER: u16 = 1;

#[derive(Default)]
struct Inner {
    token: Mutex<String>,
    failures: Mutex<VecDeque<Failure>>,
    failing: Mutex<Option<(Instant, u16)>>,
    broken: Mutex<Vec<(String, u16)>>,
    failing_once: Mutex<HashMap<String, Failure>>,
    requests: Mutex<Vec<Request>>,
    taken: Mutex<Vec<Value>>,
    changed: Notify,
}

/// The web app; ends with the runtime it was started in.
#[derive(Clone)]
pub struct WebApp {
    pub url: Url,
    inner: Arc<Inner>,
}

impl WebApp {
    pub async fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// On a listener that the test has made.
    pub fn listen(listener: TcpListener) -> Self {
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let inner = Arc::new(Inner::default());
        *inner.token.lock().unwrap() = "s3cret".into();
        let routes = Router::new()
            .route("/outputs/api/", put(take))
            .route("/inputs/api/", put(take))
            .route("/ran/{what}/{id}", post(ran))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, inner }
    }

    /// The next requests fail like this, one after the other.
    pub fn fail_next(&self, failures: impl IntoIterator<Item = Failure>) {
        self.inner.failures.lock().unwrap().extend(failures);
    }

    /// Cuts connections for so long: one before its result is taken, the next one after that, and so on.
    pub fn cut_for(&self, time: Duration) {
        *self.inner.failing.lock().unwrap() = Some((Instant::now() + time, CUT_AFTER));
    }

    /// Answers 500 for so long.
    pub fn fail_for(&self, time: Duration) {
        *self.inner.failing.lock().unwrap() = Some((Instant::now() + time, 500));
    }

    /// Requests for that task always fail like this.
    pub fn always_fail(&self, task_id: &str, status: u16) {
        self.inner.broken.lock().unwrap().push((task_id.to_owned(), status));
    }

    /// The first request for that task fails like this: pauses grow with every failure of the same result.
    pub fn fail_once(&self, task_id: &str, failure: Failure) {
        self.inner.failing_once.lock().unwrap().insert(task_id.to_owned(), failure);
    }

    /// The token that is accepted; `s3cret` at first.
    pub fn set_token(&self, token: &str) {
        *self.inner.token.lock().unwrap() = token.to_owned();
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// Results that were taken, in order, each task once.
    pub fn taken(&self) -> Vec<String> {
        let taken = self.inner.taken.lock().unwrap();
        taken.iter().map(|result| result["task_id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the condition holds; it is looked at after every request.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let ended = self.reaches(Duration::from_secs(180), condition).await;
        assert!(ended, "in vain: {what}; requests: {:#?}", self.requests());
    }

    /// Whether the condition comes to hold in that time; it is looked at after every request.
    pub async fn reaches(&self, time: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let wait = async {
            loop {
                let changed = self.inner.changed.notified();
                if condition(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(time, wait).await.is_ok()
    }
}

impl Inner {
    /// What is to become of the next request.
    fn failure(&self) -> Option<Failure> {
        let mut failing = self.failing.lock().unwrap();
        match &mut *failing {
            Some((until, status)) if Instant::now() < *until => {
                match *status {
                    CUT_AFTER => *status = CUT_BEFORE,
                    CUT_BEFORE => *status = CUT_AFTER,
                    _ => {}
                }
                Some((*status, Vec::new()))
            }
            _ => self.failures.lock().unwrap().pop_front(),
        }
    }
}

async fn take(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let authorization =
        headers.get("authorization").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    let task_id = body["task_id"].as_str().map(str::to_owned);
    let broken =
        inner.broken.lock().unwrap().iter().find(|(id, _)| Some(id) == task_id.as_ref()).map(|b| b.1);
    let once = task_id.as_ref().and_then(|id| inner.failing_once.lock().unwrap().remove(id));
    let failure = once.or_else(|| inner.failure());
    let cut = failure.as_ref().is_some_and(|f| [CUT_BEFORE, CUT_AFTER].contains(&f.0));
    let (status, extra) = if let Some(status) = broken {
        (status, Vec::new())
    } else if let Some(failure) = failure.filter(|f| f.0 != CUT_AFTER) {
        failure
    } else if authorization != format!("Token {}", inner.token.lock().unwrap()) {
        (401, Vec::new())
    } else if task_id.is_none() || body["status"].as_str().is_none() {
        (400, Vec::new())
    } else {
        let mut taken = inner.taken.lock().unwrap();
        if !taken.iter().any(|result| result["task_id"] == body["task_id"]) {
            taken.push(body.clone());
        }
        (200, Vec::new())
    };
    let request = Request { path: uri.path().to_owned(), authorization, body, status };
    inner.requests.lock().unwrap().push(request);
    inner.changed.notify_waiters();
    if cut {
        // Ends the task of the connection, and says nothing.
        std::panic::resume_unwind(Box::new("cut"));
    }
    let status = StatusCode::from_u16(status).unwrap();
    let mut response = (status, Json(json!({"detail": status.canonical_reason()}))).into_response();
    for (name, value) in extra {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// What models of tests tell of themselves.
async fn ran(State(inner): State<Arc<Inner>>, uri: Uri, Path((_, id)): Path<(String, String)>) {
    let (path, body) = (uri.path().to_owned(), json!({"task_id": id}));
    inner.requests.lock().unwrap().push(Request { path, authorization: String::new(), body, status: 200 });
    inner.changed.notify_waiters();
}
