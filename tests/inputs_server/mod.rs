//! `csw api-task --start` as a process of its own, with real interpreters.

mod answers;
mod endings;
mod handed_on;

use serde_json::{Value, json};

use crate::support::{Csw, Sandbox, Up};

/// Counts its calls, so that a test can tell who answered.
const FUNCTIONS: &str = "
import os, time, ctypes
CALLS = 0
KEPT = []

def get_version():
    return '1.2.3'

def answer(do):
    global CALLS
    CALLS += 1
    if do == 'crash': ctypes.string_at(0)
    if do == 'hang': time.sleep(60)
    if do == 'fail': raise ValueError(os.environ.get('DB_PASSWORD', 'nothing'))
    if do == 'leak': KEPT.append(bytearray(os.urandom(1)) * 200_000_000)
    if do == 'wait':
        open('waiting', 'w').close()
        time.sleep(1)
    return {'pid': os.getpid(), 'calls': CALLS, 'env': sorted(os.environ)}

def get_inputs(meta):
    return {'meta_parameters': answer(meta.get('do')), 'model_parameters': {}}

def validate_inputs(meta, adjustment, errors_warnings):
    return {'errors_warnings': answer(adjustment.get('do'))}
";

/// A server in a sandbox, and a client for it.
pub struct Server {
    pub sandbox: Sandbox,
    pub up: Up,
    client: reqwest::Client,
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

/// A sandbox with what a model's image has.
pub fn image() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("model/cs-config/cs_config/__init__.py", "");
    sandbox.write("model/cs-config/cs_config/functions.py", FUNCTIONS);
    let model = json!({
        "model": "Test/Counting", "entry": {"python": {"interpreter": null}}, "commit": "c0ffee",
        "workdir": sandbox.work().join("model"),
    });
    sandbox.write("model.json", model.to_string());
    sandbox
}

pub fn api_task(sandbox: &Sandbox, args: &[&str]) -> Csw {
    let all = ["api-task", "--start", "--model-file", "model.json", "--listen", "127.0.0.1:0"];
    let all: Vec<&str> = all.iter().chain(args).copied().collect();
    sandbox.csw(all)
}

impl Server {
    pub fn start(args: &[&str]) -> Self {
        Self::with(args, |csw| csw)
    }

    pub fn with(args: &[&str], change: impl FnOnce(Csw) -> Csw) -> Self {
        let sandbox = image();
        let up = Up::start(change(api_task(&sandbox, args)));
        let client = csw::http::client(&up.url.parse().unwrap()).unwrap();
        Self { sandbox, up, client }
    }

    pub fn request(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.up.url)).json(body)
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let response = self.request(path, &body).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.json().await.unwrap() }
    }

    /// Asks for a check of `do`, which is never remembered.
    pub async fn parse(&self, what: &str) -> Value {
        let body = json!({"task_name": "parse", "task_kwargs": {"adjustment": {"do": what}}});
        let answer = self.post("sync/", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}
