use futures::future::join_all;
use serde_json::json;

use super::{Server, api_task, image};

#[tokio::test]
async fn a_worker_that_dies_hangs_or_leaks_is_replaced() {
    let server = Server::start(&["--timeout", "2s", "--worker-memory", "150M"]);
    let pid = async || server.parse("").await["errors_warnings"]["pid"].clone();
    let mut before = pid().await;
    for (what, status) in [("crash", "FAIL"), ("hang", "FAIL"), ("leak", "SUCCESS")] {
        let answer = server.parse(what).await;
        assert_eq!(answer["status"], status, "{what}: {answer}");
        let after = pid().await;
        assert_ne!(before, after, "{what}");
        before = after;
    }
    assert_eq!(pid().await, before);
}

#[tokio::test]
async fn more_than_may_wait_are_told_to_come_again() {
    let server = Server::start(&["--waiting", "1"]);
    server.parse("").await;
    let ask = async || {
        let body = json!({"task_name": "parse", "task_kwargs": {"adjustment": {"do": "wait"}}});
        server.post("sync/", body).await
    };
    let answers = join_all((0..5).map(|_| ask())).await;
    let taken = answers.iter().filter(|a| a.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|a| a.status == 429).collect();
    assert_eq!((taken, refused.len()), (2, 3));
    for answer in refused {
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(server.parse("").await["status"], "SUCCESS");
}

#[tokio::test]
async fn what_is_under_way_is_answered_before_the_end() {
    let server = Server::start(&[]);
    server.parse("").await;
    let body = json!({"task_name": "parse", "task_kwargs": {"adjustment": {"do": "wait"}}});
    let asked = tokio::spawn(server.request("sync/", &body).send());
    let Server { up, sandbox, .. } = server;
    while !sandbox.work().join("model/waiting").exists() {
        tokio::task::yield_now().await;
    }
    let ended = tokio::task::spawn_blocking(move || up.terminate()).await.unwrap();
    assert!(ended.success(), "{ended}");
    let answer: serde_json::Value = asked.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(answer["status"], "SUCCESS");
}

#[test]
fn without_the_images_file_or_in_another_models_image_it_says_so() {
    let sandbox = image();
    let outside = sandbox.csw(["api-task", "--start", "--model-file", "none.json"]).output();
    assert_eq!(outside.code, 1);
    assert!(outside.stderr.contains("none.json") && outside.stderr.contains("csw up"), "{}", outside.stderr);
    let other = api_task(&sandbox, &[]).env("OWNER", "Test").env("TITLE", "Other").output();
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("the image of Test/Counting, not of Test/Other"), "{}", other.stderr);
}
