//! Bodies that are too large, or never end.

use std::time::Duration;

use csw::model::TaskName;
use csw::services::outputs_processor::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Stage, raw_outputs, started};

fn body(size: usize) -> String {
    let empty = json!({"task_id": "run-1", "outputs": raw_outputs("")}).to_string().len();
    json!({"task_id": "run-1", "outputs": raw_outputs(&"x".repeat(size - empty))}).to_string()
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_however_it_comes() {
    let limits = Limits { write: 1 << 20, push: 1000, ..Limits::default() };
    let stage = Stage::new(None, limits).await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let answer = stage.post("write/", Some(&token.0), body(1 << 20)).await;
    assert_eq!(answer.status, 200, "exactly the limit: {}", answer.body);
    let chunked = |text: String| {
        let parts: Vec<_> =
            text.into_bytes().chunks(60_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
        reqwest::Body::wrap_stream(futures::stream::iter(parts))
    };
    assert_eq!(stage.post("write/", Some(&token.0), chunked(body(1 << 20))).await.status, 200);
    for (path, body, limit) in [
        ("write/", reqwest::Body::from(body((1 << 20) + 1)), 1 << 20),
        ("write/", chunked(body(3 << 20)), 1 << 20),
        ("write/", reqwest::Body::from(body(3 << 20)), 1 << 20),
        ("push/", reqwest::Body::from(body(1001)), 1000),
    ] {
        let answer = stage.post(path, Some(&token.0), body).await;
        assert_eq!(answer.status, 413);
        assert_eq!(answer.body["error"], format!("the body is larger than the limit of {limit} bytes"));
    }
}

#[tokio::test]
async fn many_at_once_wait_for_each_other() {
    let stage = Stage::new(None, Limits { write: 100_000, ..Limits::default() }).await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let posts = (0..20).map(|_| stage.post("write/", Some(&token.0), body(90_000)));
    for answer in futures::future::join_all(posts).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_sender_that_falls_silent_is_given_up() {
    let limits = Limits { silence: Duration::from_millis(50), ..Limits::default() };
    let stage = Stage::new(None, limits).await;
    let mut socket =
        tokio::net::TcpStream::connect(stage.url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
    let token = started(&*stage.store, "run-1", TaskName::Sim).await.0;
    let head = format!(
        "POST /write/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n{{\"task_id\""
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("nothing came for 0.05 seconds"), "{answer}");
}
