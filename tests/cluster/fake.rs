//! As much of an API server as ConfigMaps need, for answers that a real one doesn't give on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub uri: String,
    pub headers: HeaderMap,
    pub at: Instant,
}

/// An answer that is given instead of the right one.
#[derive(Debug, Clone)]
pub struct Fault {
    /// A request whose "METHOD uri" contains all of these; `real` stands for one that is no dry run.
    pub when: Vec<&'static str>,
    pub code: u16,
    pub retry_after: Option<u64>,
    /// How often; `usize::MAX` is always.
    pub times: usize,
}

#[derive(Default)]
pub struct Inner {
    objects: BTreeMap<String, Value>,
    seen: Vec<Seen>,
    faults: Vec<Fault>,
}

#[derive(Clone, Default)]
pub struct Fake {
    pub inner: Arc<Mutex<Inner>>,
    pub url: String,
}

impl Fake {
    pub fn start(faults: Vec<Fault>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let fake = Self {
            inner: Arc::new(Mutex::new(Inner { faults, ..Inner::default() })),
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let app = Router::new().fallback(answer).with_state(fake.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        fake
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    /// Names of the ConfigMaps that are there.
    pub fn names(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        inner.objects.keys().filter_map(|k| k.rsplit_once('/')).map(|(_, n)| n.to_owned()).collect()
    }

    pub fn fail(&self, fault: Fault) {
        self.inner.lock().unwrap().faults.push(fault);
    }

    pub fn heal(&self) {
        self.inner.lock().unwrap().faults.clear();
    }

    /// A kubeconfig with one user, given as YAML.
    pub fn kubeconfig(&self, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\nclusters: [{{name: fake, cluster: {{server: \"{}\"}}}}]\nusers: [{{name: me, user: {user}}}]\ncontexts: [{{name: fake, context: {{cluster: fake, user: me, namespace: here}}}}]\n",
            self.url
        )
    }
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message});
    (StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

async fn answer(
    State(fake): State<Fake>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inner = fake.inner.lock().unwrap();
    inner.seen.push(Seen { method: method.clone(), uri: uri.to_string(), headers, at: Instant::now() });
    let real = if uri.query().unwrap_or_default().contains("dryRun") { "" } else { " real" };
    let line = format!("{method} {uri}{real}");
    if let Some(fault) =
        inner.faults.iter_mut().find(|f| f.times > 0 && f.when.iter().all(|w| line.contains(w)))
    {
        fault.times -= 1;
        let mut response = status(fault.code, "InternalError", "made to fail by the test");
        if let Some(seconds) = fault.retry_after {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        return response;
    }
    let query = uri.query().unwrap_or_default();
    let path = uri.path().to_owned();
    let name = path.rsplit('/').next().unwrap();
    if path == "/api/v1" {
        let verbs = json!(["get", "list", "watch", "patch", "delete"]);
        return axum::Json(json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            {"name": "configmaps", "namespaced": true, "kind": "ConfigMap", "verbs": verbs}]}))
        .into_response();
    }
    if name == "configmaps" {
        let items: Vec<&Value> = inner
            .objects
            .values()
            .filter(|o| o["metadata"]["labels"]["applyset.kubernetes.io/part-of"].is_string())
            .collect();
        return axum::Json(
            json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": items}),
        )
        .into_response();
    }
    if !path.contains("/configmaps/") {
        return status(404, "NotFound", "the server could not find the requested resource");
    }
    match method {
        Method::GET => match inner.objects.get(&path) {
            Some(object) => axum::Json(object).into_response(),
            None => status(404, "NotFound", "not found"),
        },
        Method::PATCH => {
            let mut object: Value = serde_json::from_slice(&body).unwrap();
            object["metadata"]["uid"] = json!(path);
            object["metadata"]["managedFields"] = json!([{"manager": "csw", "operation": "Apply", "apiVersion": "v1",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:value": {}}}}]);
            let created = !inner.objects.contains_key(&path);
            if !query.contains("dryRun=All") {
                inner.objects.insert(path, object.clone());
            }
            let code = if created { StatusCode::CREATED } else { StatusCode::OK };
            (code, axum::Json(object)).into_response()
        }
        Method::DELETE => match inner.objects.remove(&path) {
            Some(object) => axum::Json(object).into_response(),
            None => status(404, "NotFound", "not found"),
        },
        _ => status(405, "MethodNotAllowed", "not allowed"),
    }
}
