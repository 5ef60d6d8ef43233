//! `csw outputs-processor --start` as a process: it is killed, asked to end, and started wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use csw::model::TaskName;
use serde_json::{Value, json};
use url::Url;

use super::{Answer, SECRET, raw_outputs, service_token, signed, success};
use crate::support::{Csw, Sandbox, Up, WebApp};

pub fn processor(sandbox: &Sandbox, listen: &str) -> Csw {
    sandbox
        .csw(["outputs-processor", "--start", "--listen", listen, "--data", "data"])
        .env("CSW_CLUSTER_KEY", SECRET)
        .env("BUCKET", format!("file://{}", sandbox.work().join("bucket").display()))
}

fn pushing_to(csw: Csw, web_app: &WebApp) -> Csw {
    csw.env("CS_URL", web_app.url.as_str()).env("CS_API_TOKEN", "s3cret")
}

/// Posts until somebody answers: the service may be in the middle of a restart.
pub async fn post(client: &reqwest::Client, url: &Url, path: &str, token: &str, body: &Value) -> Answer {
    loop {
        let request = client.post(url.join(path).unwrap()).bearer_auth(token).json(body);
        if let Ok(response) = request.send().await {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            // An answer may be cut in the middle, too.
            if let Ok(body) = response.json().await {
                return Answer { status, headers, body };
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What the executor of a simulation does at its end.
async fn deliver(client: &reqwest::Client, url: &Url, name: &str) {
    let token = signed(name, 1, TaskName::Sim).0;
    let body = json!({"task_id": name, "outputs": raw_outputs(name)});
    let written = post(client, url, "write/", &token, &body).await;
    assert_eq!(written.status, 200, "{}", written.body);
    let body = json!({"task_name": "sim", "result": success(name, written.body)});
    let pushed = post(client, url, "push/", &token, &body).await;
    assert_eq!(pushed.status, 200, "{}", pushed.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_loses_and_doubles_nothing() {
    const JOBS: usize = 120;
    let sandbox = Sandbox::new();
    let web_app = WebApp::start().await;
    for n in 40..80 {
        let failure = ([500, 503, 502, 429][n % 4], vec![("retry-after", "0".to_owned())]);
        web_app.fail_once(&format!("run-{n}"), failure);
    }
    web_app.always_fail("run-7", 400);
    let first = Up::start(pushing_to(processor(&sandbox, "127.0.0.1:0"), &web_app));
    let url: Url = first.url.parse().unwrap();
    let client = csw::http::client(&url).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let killing = {
        let (done, web_app) = (Arc::clone(&done), web_app.clone());
        let listen = format!("127.0.0.1:{}", url.port().unwrap());
        let sandbox = sandbox.work();
        let again = move || {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_csw"));
            command
                .args(["outputs-processor", "--start", "--listen", &listen, "--data", "data"])
                .current_dir(&sandbox)
                .env_clear()
                .env("HOME", &sandbox)
                .env("CSW_CLUSTER_KEY", SECRET)
                .env("BUCKET", format!("file://{}", sandbox.join("bucket").display()))
                .env("CS_URL", web_app.url.as_str())
                .env("CS_API_TOKEN", "s3cret");
            Up::spawn(command)
        };
        std::thread::spawn(move || {
            let mut running = first;
            for round in 0..6u64 {
                std::thread::sleep(Duration::from_millis(60 + 50 * round));
                running.kill();
                running = again();
            }
            while !done.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            running.terminate()
        })
    };
    let names: Vec<String> = (0..JOBS).map(|n| format!("run-{n}")).collect();
    futures::future::join_all(names.iter().map(|name| deliver(&client, &url, name))).await;
    web_app.until("all results but the refused one", |w| w.taken().len() == JOBS - 1).await;
    // Until the last is noted as taken.
    let token = service_token();
    let results = async |state: &str| {
        let url = url.join(&format!("api/v1/results?state={state}")).unwrap();
        match client.get(url).bearer_auth(&token).send().await {
            Ok(response) => response.json::<Value>().await.unwrap()["results"].clone(),
            Err(_) => Value::Null,
        }
    };
    while results("waiting").await != json!([]) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let dead = results("dead").await;
    assert_eq!((dead.as_array().unwrap().len(), &dead[0]["task_id"]), (1, &json!("run-7")));
    done.store(true, Ordering::SeqCst);
    assert!(tokio::task::spawn_blocking(move || killing.join().unwrap()).await.unwrap().success());

    let mut taken = web_app.taken();
    taken.sort();
    let mut expected: Vec<String> = names.into_iter().filter(|name| name != "run-7").collect();
    expected.sort();
    assert_eq!(taken, expected);
    // Whatever was sent twice was sent the same.
    let mut bodies = std::collections::BTreeMap::<String, Value>::new();
    for request in web_app.requests() {
        let name = request.body["task_id"].as_str().unwrap().to_owned();
        assert_eq!(bodies.entry(name).or_insert_with(|| request.body.clone()), &request.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end_it_finishes_what_is_under_way() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let sandbox = Sandbox::new();
    let up = Up::start(processor(&sandbox, "127.0.0.1:0"));
    let url: Url = up.url.parse().unwrap();
    let address = url.socket_addrs(|| None).unwrap()[0];
    let body = json!({"task_id": "run-1", "outputs": raw_outputs("x")}).to_string();
    let token = signed("run-1", 1, TaskName::Sim).0;
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /write/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut went_on = [0; 25];
    socket.read_exact(&mut went_on).await.unwrap();
    assert!(went_on.starts_with(b"HTTP/1.1 100"), "it reads the body now");
    let ending = tokio::task::spawn_blocking(move || up.terminate());
    // It takes nothing new.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!ending.is_finished());
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(ending.await.unwrap().success());
    assert!(sandbox.work().join("bucket/run-1_renderable.zip").exists());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let sandbox = Sandbox::new();
    let start = || sandbox.csw(["outputs", "--start", "--data", "data", "--listen", "127.0.0.1:0"]);
    let output = start().env("BUCKET", "http://x").env("CS_URL", "http://127.0.0.1:1").output();
    assert_eq!(output.code, 1);
    insta::assert_snapshot!(output.stderr);
    for (name, value, says) in [
        ("CSW_CLUSTER_KEY", "short-secret", "CSW_CLUSTER_KEY: the cluster key is shorter than 32 characters"),
        ("CSW_CLUSTER_KEY_FILE", "nowhere/key", "CSW_CLUSTER_KEY_FILE: cannot read nowhere/key"),
        ("CS_URL", "no url", "CS_URL"),
    ] {
        let output = start().env(name, value).output();
        assert_eq!(output.code, 1, "{name}");
        assert!(output.stderr.contains(says), "{name}: {}", output.stderr);
        assert!(!output.stderr.contains("short-secret"), "{}", output.stderr);
    }
    let both = start().env("CSW_CLUSTER_KEY", SECRET).env("CSW_CLUSTER_KEY_FILE", "key").output();
    assert!(both.stderr.contains("CSW_CLUSTER_KEY and CSW_CLUSTER_KEY_FILE: set one of the two"));
    assert!(!both.stderr.contains(SECRET), "{}", both.stderr);
}

#[test]
fn secrets_may_be_in_files() {
    let sandbox = Sandbox::new();
    sandbox.write("key", format!("{SECRET}\n"));
    sandbox.write("token", "s3cret\n");
    let up = Up::start(
        sandbox
            .csw(["outputs", "--start", "--data", "data", "--listen", "127.0.0.1:0"])
            .env("CSW_CLUSTER_KEY_FILE", "key")
            .env("CS_URL", "http://127.0.0.1:1")
            .env("CS_API_TOKEN_FILE", "token"),
    );
    assert!(sandbox.work().join("data/bucket").is_dir());
    assert!(up.terminate().success());
}
