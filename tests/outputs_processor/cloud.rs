//! Buckets of cloud providers: a server that speaks S3's protocol, and what goes over the wire to Google's.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use csw::model::TaskName;
use serde_json::{Value, json};
use url::Url;

use super::process::{post, processor};
use super::{raw_outputs, service_token, signed, success};
use crate::support::{FaultyProxy, Instead, Sandbox, Up, python_environment};

/// moto, which plays Amazon's services; killed when dropped.
struct S3 {
    server: Child,
    address: String,
}

impl S3 {
    async fn start() -> Option<Self> {
        let packages = ["moto[s3]==5.1.22", "flask==3.1.3", "flask-cors==6.0.5"];
        let python = python_environment("moto-5.1.22", &[&packages])?;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &free.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let s3 = Self { server, address: free.to_string() };
        let client = reqwest::Client::new();
        loop {
            match client.put(format!("http://{}/outputs", s3.address)).send().await {
                Ok(made) if made.status().is_success() => return Some(s3),
                other => drop(other),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Random enough that it stays large in a zip file: more than one part of an upload.
fn large() -> String {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b' ' + (state >> 24) as u8 % 90)
    };
    (0..24 << 20).map(|_| next()).collect()
}

fn start(sandbox: &Sandbox, bucket: &str, environment: &[(&str, &str)]) -> Up {
    let csw = processor(sandbox, "127.0.0.1:0").env("BUCKET", bucket);
    Up::start(environment.iter().fold(csw, |csw, (name, value)| csw.env(name, value)))
}

async fn writes(url: &Url, name: &str, text: &str) -> (u16, Value) {
    let client = csw::http::client(url).unwrap();
    let token = signed(name, 1, TaskName::Sim).0;
    let answer =
        post(&client, url, "write/", &token, &json!({"task_id": name, "outputs": raw_outputs(text)})).await;
    (answer.status, answer.body)
}

/// Stores outputs and reads them back through the service.
async fn round_trip(url: &Url, name: &str, text: &str) {
    let (status, pointer) = writes(url, name, text).await;
    assert_eq!(status, 200, "{pointer}");
    let client = csw::http::client(url).unwrap();
    let token = signed(name, 1, TaskName::Sim).0;
    let push = json!({"task_name": "sim", "result": success(name, pointer)});
    assert_eq!(post(&client, url, "push/", &token, &push).await.status, 200);
    let path = format!("api/v1/results/{name}/outputs");
    let read = client.get(url.join(&path).unwrap()).bearer_auth(service_token()).send().await.unwrap();
    let read: Value = read.json().await.unwrap();
    assert!(read["renderable"][0]["data"] == text, "what is read back is something else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_are_kept_by_what_speaks_s3() {
    let Some(s3) = S3::start().await else { return };
    let sandbox = Sandbox::new();
    let proxy = FaultyProxy::start(&s3.address);
    let endpoint = format!("http://{}", proxy.address);
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_REGION", "us-east-1"),
    ];
    let up = start(&sandbox, "s3://outputs/sims", &environment);
    let url: Url = up.url.parse().unwrap();
    round_trip(&url, "run-1", "hello").await;
    round_trip(&url, "run-2", &large()).await;
    let listed = reqwest::get(format!("http://{}/outputs?list-type=2", s3.address))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for name in ["run-1_renderable.zip", "run-1_downloadable.zip", "run-2_renderable.zip"] {
        assert!(listed.contains(&format!("<Key>sims/{name}</Key>")), "{name} is not in {listed}");
    }
    // What passes is got over without the executor's help.
    proxy.answer(Instead { request: "PUT ", times: 2, status: "503 Slow Down", headers: "" });
    round_trip(&url, "run-3", "slowly").await;
    assert_eq!(proxy.answered(), 2);
    // What lasts is for the executor to wait out; it says why.
    proxy.answer(Instead { request: "PUT ", times: 1, status: "403 Forbidden", headers: "" });
    let (status, answer) = writes(&url, "run-4", "x").await;
    assert_eq!(status, 503, "{answer}");
    let error = answer["error"].as_str().unwrap();
    assert!(error.starts_with("cannot write run-4_renderable.zip in s3://outputs/sims: "), "{error}");
    assert_eq!(
        answer["hints"],
        json!(["Give the account that this runs as the right to read and write s3://outputs/sims"])
    );
    round_trip(&url, "run-4", "x").await;
    assert!(!up.said().contains("hunter2"), "{}", up.said());
    assert!(up.terminate().success());

    let up = start(&sandbox, "s3://nowhere", &environment);
    let (status, answer) = writes(&up.url.parse().unwrap(), "run-5", "x").await;
    assert_eq!(
        (status, &answer["hints"]),
        (503, &json!(["Make the bucket s3://nowhere, or set BUCKET (or --bucket) to another"])),
        "{answer}"
    );
}

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_are_kept_by_googles_emulators() {
    let objects = Objects::default();
    let put = async |Path(path): Path<String>, State(objects): State<Objects>, body: Bytes| {
        objects.lock().unwrap().insert(path, body);
        [("etag", "\"1\""), ("x-goog-generation", "1")]
    };
    let fetch = async |Path(path): Path<String>, State(objects): State<Objects>| {
        let found = objects.lock().unwrap().get(&path).cloned();
        let headers = [("etag", "\"1\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
        found.map(|bytes| (headers, bytes)).ok_or(StatusCode::NOT_FOUND)
    };
    let delete = async |Path(path): Path<String>, State(objects): State<Objects>| {
        objects.lock().unwrap().remove(&path);
        StatusCode::NO_CONTENT
    };
    let routes = axum::Router::new()
        .route("/{*path}", get(fetch).put(put).delete(delete))
        .with_state(Arc::clone(&objects));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let sandbox = Sandbox::new();
    // A plain name is one of Google's buckets.
    let up = start(&sandbox, "cs-outputs", &[("STORAGE_EMULATOR_HOST", &host)]);
    round_trip(&up.url.parse().unwrap(), "run-1", "hello").await;
    let names: Vec<String> = objects.lock().unwrap().keys().cloned().collect();
    assert_eq!(names, ["cs-outputs/run-1_downloadable.zip", "cs-outputs/run-1_renderable.zip"]);
    assert!(up.terminate().success());
}
