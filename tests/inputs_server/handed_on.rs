use csw::model::{JobStatus, TaskName};
use serde_json::json;

use super::Server;
use crate::outputs_processor::{Stage, id, started};

#[tokio::test]
async fn a_result_that_nobody_waits_for_goes_to_the_outputs_processor() {
    let stage = Stage::new(None, Default::default()).await;
    let token = started(&*stage.store, "check-1", TaskName::Parse).await;
    let server = Server::start(&["--outputs-processor", stage.url.as_str()]);
    let body = json!({
        "task_id": "check-1", "task_name": "parse", "task_kwargs": {"adjustment": {"do": ""}},
    });
    let response = server.request("async/", &body).bearer_auth(&token.0).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: serde_json::Value = response.json().await.unwrap();
    assert_eq!(answer, json!({"task_id": "check-1", "status": "PENDING"}));
    // It ends when nothing is left to hand on.
    let Server { up, .. } = server;
    let ended = tokio::task::spawn_blocking(move || up.terminate()).await.unwrap();
    assert!(ended.success(), "{ended}");
    let job = stage.store.get(&id("check-1")).await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Success);
    let result = stage.store.result(&id("check-1")).await.unwrap().unwrap();
    assert!(result.outputs.unwrap()["errors_warnings"]["pid"].is_u64());
}

#[tokio::test]
async fn what_a_handed_on_task_needs_is_asked_for() {
    let server = Server::start(&[]);
    let answer = server.post("async/", json!({"task_name": "parse"})).await;
    assert_eq!(answer.status, 400);
    let with_id = json!({"task_name": "parse", "task_id": "a"});
    let answer = server.post("async/", with_id.clone()).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    let server = Server::start(&["--outputs-processor", "http://127.0.0.1:9/"]);
    assert_eq!(server.post("async/", with_id).await.status, 401);
}
