//! As much of an API server as Jobs need, for what a real one doesn't do on demand. Jobs have no pods here: they end when
//! a test says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use csw::job::kubernetes::KubernetesJobs;
use csw::kube::Access;
use serde_json::{Value, json};
use tokio::sync::watch;

#[derive(Default)]
struct Inner {
    jobs: BTreeMap<String, Value>,
    secrets: BTreeMap<String, Value>,
    /// What happened to Jobs, in order.
    events: Vec<Value>,
    /// Events before this one are not told any more.
    forgotten: usize,
    /// "METHOD what" of each request, a watch as `WATCH`.
    requests: Vec<String>,
    /// What is answered to who wants to make a Job: status, reason, message.
    refusal: Option<(u16, &'static str, &'static str)>,
    /// Whether lists and watches are answered.
    deaf: bool,
}

#[derive(Clone)]
pub struct Api {
    inner: Arc<Mutex<Inner>>,
    /// Counts changes; watches look again.
    changes: Arc<watch::Sender<usize>>,
    /// Counts cuts; watches end.
    cuts: Arc<watch::Sender<usize>>,
    url: String,
    dir: Arc<tempfile::TempDir>,
}

impl Api {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self {
            inner: Arc::default(),
            changes: Arc::new(watch::Sender::new(0)),
            cuts: Arc::new(watch::Sender::new(0)),
            url: format!("http://{}", listener.local_addr().unwrap()),
            dir: Arc::new(tempfile::tempdir().unwrap()),
        };
        let app = Router::new().fallback(answer).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        api
    }

    pub async fn jobs(&self) -> KubernetesJobs {
        let kubeconfig = self.dir.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: {{server: \"{}\"}}}}]\nusers: [{{name: a, user: {{}}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a, namespace: here}}}}]\n",
            self.url
        );
        std::fs::write(&kubeconfig, text).unwrap();
        let access = Access { kubeconfig: Some(kubeconfig), ..Access::default() };
        KubernetesJobs::new(access.connect().await.unwrap())
    }

    /// How often something was asked for.
    pub fn count(&self, request: &str) -> usize {
        self.inner.lock().unwrap().requests.iter().filter(|r| r.as_str() == request).count()
    }

    /// All that was asked for.
    pub fn total(&self) -> usize {
        self.inner.lock().unwrap().requests.len()
    }

    pub fn names(&self) -> Vec<String> {
        self.inner.lock().unwrap().jobs.keys().cloned().collect()
    }

    /// The Secrets that were made.
    pub fn secrets(&self) -> Vec<Value> {
        self.inner.lock().unwrap().secrets.values().cloned().collect()
    }

    /// Refuses all new Jobs from now on, or none any more.
    pub fn refuse(&self, refusal: Option<(u16, &'static str, &'static str)>) {
        self.inner.lock().unwrap().refusal = refusal;
    }

    /// The Job ends well.
    pub fn complete(&self, name: &str) {
        self.change(|inner| {
            let job = inner.jobs.get_mut(name).unwrap();
            job["status"] = json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]});
            let job = job.clone();
            inner.tell("MODIFIED", job);
        });
    }

    /// The Job is no more.
    pub fn remove(&self, name: &str) {
        self.change(|inner| {
            if let Some(job) = inner.jobs.remove(name) {
                inner.tell("DELETED", job);
            }
        });
    }

    /// Ends all watches, refuses new ones and lists, and forgets what happens until [`Api::go_on`].
    pub fn go_away(&self) {
        self.inner.lock().unwrap().deaf = true;
        self.cuts.send_modify(|n| *n += 1);
    }

    pub fn go_on(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.forgotten = inner.events.len();
        inner.deaf = false;
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap());
        self.changes.send_modify(|n| *n += 1);
    }
}

impl Inner {
    fn tell(&mut self, kind: &str, mut job: Value) {
        job["metadata"]["resourceVersion"] = (self.events.len() + 1).to_string().into();
        self.events.push(json!({"type": kind, "object": job}));
    }
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message});
    (StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

async fn answer(State(api): State<Api>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path();
    let name = path.rsplit('/').next().unwrap().to_owned();
    let kind = ["jobs", "pods", "events", "secrets"].into_iter().find(|k| *k == name).unwrap_or("job");
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let watches = query.contains_key("watch");
    let asked = if watches { "WATCH" } else { method.as_str() };
    let mut inner = api.inner.lock().unwrap();
    inner.requests.push(format!("{asked} {kind}"));
    let read = method == Method::GET && kind != "job";
    if read && inner.deaf {
        return status(503, "ServiceUnavailable", "away");
    }
    if watches {
        let from: usize = query.get("resourceVersion").and_then(|v| v.parse().ok()).unwrap_or(0);
        return tell(&api, kind == "jobs", from);
    }
    match (method, kind) {
        (Method::GET, "job") => match inner.jobs.get(&name) {
            Some(job) => axum::Json(job).into_response(),
            None => status(404, "NotFound", "not found"),
        },
        (Method::GET, _) => {
            let version = inner.events.len().to_string();
            let items: Vec<&Value> = if kind == "jobs" { inner.jobs.values().collect() } else { Vec::new() };
            axum::Json(json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version},
                "items": items}))
            .into_response()
        }
        (Method::POST, "jobs") => {
            if let Some((code, reason, message)) = inner.refusal {
                return status(code, reason, message);
            }
            let mut job: Value = serde_json::from_slice(&body).unwrap();
            let name = job["metadata"]["name"].as_str().unwrap().to_owned();
            if inner.jobs.contains_key(&name) {
                return status(409, "AlreadyExists", "there is one");
            }
            job["metadata"]["uid"] = format!("uid-{}", inner.events.len()).into();
            inner.jobs.insert(name, job.clone());
            inner.tell("ADDED", job.clone());
            drop(inner);
            api.changes.send_modify(|n| *n += 1);
            (StatusCode::CREATED, axum::Json(job)).into_response()
        }
        (Method::POST, "secrets") => {
            let secret: Value = serde_json::from_slice(&body).unwrap();
            let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
            if inner.secrets.contains_key(&name) {
                return status(409, "AlreadyExists", "there is one");
            }
            inner.secrets.insert(name, secret.clone());
            (StatusCode::CREATED, axum::Json(secret)).into_response()
        }
        (Method::DELETE, "job") => {
            drop(inner);
            api.remove(&name);
            axum::Json(json!({"kind": "Status", "status": "Success"})).into_response()
        }
        _ => status(405, "MethodNotAllowed", "not allowed"),
    }
}

/// Events from a place on, for as long as nobody cuts it.
fn tell(api: &Api, jobs: bool, from: usize) -> Response {
    let (api, mut changes, mut cuts) = (api.clone(), api.changes.subscribe(), api.cuts.subscribe());
    let stream = async_stream(move |sender| async move {
        let mut next = from;
        loop {
            let lines: Vec<String> = {
                let inner = api.inner.lock().unwrap();
                if jobs && next < inner.forgotten {
                    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1",
                        "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}});
                    vec![gone.to_string()]
                } else if jobs {
                    inner.events.get(next..).unwrap_or_default().iter().map(Value::to_string).collect()
                } else {
                    Vec::new()
                }
            };
            next += lines.len();
            for line in lines {
                if sender.send(Ok::<_, std::io::Error>(line + "\n")).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = changes.changed() => changed.unwrap(),
                _ = cuts.changed() => return,
                () = sender.closed() => return,
            }
        }
    });
    Body::from_stream(stream).into_response()
}

type Line = Result<String, std::io::Error>;

fn async_stream<F: Future<Output = ()> + Send + 'static>(
    write: impl FnOnce(tokio::sync::mpsc::Sender<Line>) -> F,
) -> impl futures::Stream<Item = Line> + Send + 'static {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    tokio::spawn(write(sender));
    futures::stream::unfold(receiver, |mut r| async { r.recv().await.map(|line| (line, r)) })
}
