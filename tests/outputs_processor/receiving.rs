//! What executors send, and who may.

use csw::model::{JobStatus, TaskName};
use csw::services::outputs_processor::Limits;
use csw::store::AttemptToken;
use serde_json::{Value, json};

use super::{Stage, failure, id, raw_outputs, started, success};

async fn stage() -> Stage {
    Stage::new(None, Limits::default()).await
}

async fn status(stage: &Stage, name: &str) -> JobStatus {
    stage.store.get(&id(name)).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_simulation_is_stored_then_recorded() {
    let stage = stage().await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let pointer = stage.write(&token, "run-1", raw_outputs("hello")).await;
    assert_eq!(pointer.status, 200, "{}", pointer.body);
    assert_eq!(status(&stage, "run-1").await, JobStatus::Running, "stored is not recorded");

    let result = success("run-1", pointer.body.clone());
    let answer = stage.push(&token, "sim", &result).await;
    assert_eq!((answer.status, answer.body), (200, json!({"task_id": "run-1", "status": "accepted"})));
    assert_eq!(status(&stage, "run-1").await, JobStatus::Success);
    assert_eq!(stage.store.result(&id("run-1")).await.unwrap(), Some(result.clone()));
    assert_eq!(stage.stored_report(&pointer.body).await, "hello");

    // A sender that missed the answer asks again; what is stored does not change any more.
    let answer = stage.push(&token, "sim", &result).await;
    assert_eq!((answer.status, answer.body), (200, json!({"task_id": "run-1", "status": "duplicate"})));
    assert_eq!(stage.write(&token, "run-1", raw_outputs("other")).await.status, 409);
    assert_eq!(stage.stored_report(&pointer.body).await, "hello");
    assert_eq!(stage.store.pushes(10).await.unwrap(), [], "nothing waits for a web app that isn't there");
}

#[tokio::test]
async fn a_failure_and_a_parse_need_no_files() {
    let stage = stage().await;
    let token = started(&*stage.store, "bad", TaskName::Sim).await;
    assert_eq!(stage.push(&token, "sim", &failure("bad", "Traceback:\nValueError: no")).await.status, 200);
    assert_eq!(status(&stage, "bad").await, JobStatus::Fail);

    let token = started(&*stage.store, "check", TaskName::Parse).await;
    let result = success("check", json!({"errors_warnings": {"Solow": {"errors": {}, "warnings": {}}}}));
    assert_eq!(stage.push(&token, "parse", &result).await.status, 200);
    assert_eq!(status(&stage, "check").await, JobStatus::Success);
}

#[tokio::test]
async fn only_the_current_attempt_may_deliver() {
    let stage = stage().await;
    let body = json!({"task_id": "run-1", "outputs": raw_outputs("x")}).to_string();
    for path in ["write/", "push/"] {
        for token in [None, Some("")] {
            let answer = stage.post(path, token, body.clone()).await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let forged = AttemptToken("made up".into());
    let result = failure("run-1", "x");
    assert_eq!(stage.write(&forged, "run-1", raw_outputs("x")).await.status, 403);
    assert_eq!(stage.push(&forged, "sim", &result).await.status, 403);

    let first = started(&*stage.store, "run-1", TaskName::Sim).await;
    let answer = stage.write(&forged, "run-1", raw_outputs("x")).await;
    assert_eq!(
        (answer.status, answer.body),
        (403, json!({"error": "this is no token of an attempt: it was made with another key, or by nobody"}))
    );
    assert_eq!(stage.push(&forged, "sim", &result).await.status, 403);
    // A token is good for its own job only.
    let other = started(&*stage.store, "run-2", TaskName::Sim).await;
    assert_eq!(stage.write(&other, "run-1", raw_outputs("x")).await.status, 403);

    // The first attempt is given up and a second one runs: the first one's late words change nothing.
    stage.store.requeue(&id("run-1"), 1, true, "lost").await.unwrap();
    assert_eq!(stage.write(&first, "run-1", raw_outputs("x")).await.status, 409);
    let second = stage.store.start(&id("run-1")).await.unwrap().unwrap().token;
    let pointer = stage.write(&second, "run-1", raw_outputs("second")).await.body;
    assert_eq!(stage.write(&first, "run-1", raw_outputs("first")).await.status, 409);
    let late = stage.push(&first, "sim", &result).await;
    assert_eq!(late.status, 409);
    assert_eq!(late.body["error"], "job run-1 does not wait for the outputs of this attempt (any more)");
    assert_eq!(stage.stored_report(&pointer).await, "second");
    assert_eq!(stage.push(&second, "sim", &success("run-1", pointer)).await.status, 200);
    assert_eq!(stage.push(&first, "sim", &result).await.status, 409);
    assert_eq!(status(&stage, "run-1").await, JobStatus::Success);

    stage.store.cancel(&id("run-2"), "asked").await.unwrap();
    assert_eq!(stage.push(&other, "sim", &failure("run-2", "x")).await.status, 409);
    assert_eq!(status(&stage, "run-2").await, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_with_the_reason() {
    let stage = stage().await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let check = started(&*stage.store, "check", TaskName::Parse).await;
    let pointer = stage.write(&token, "run-1", raw_outputs("x")).await.body;
    let mut elsewhere = pointer.clone();
    elsewhere["downloadable"]["ziplocation"] = json!("run-2_downloadable.zip");
    let mut silent = failure("run-1", "x");
    silent.traceback = None;
    let mut empty = success("run-1", Value::Null);
    empty.outputs = None;
    let push = |task: &str, result| json!({"task_name": task, "result": result}).to_string();
    for (token, path, body, says) in [
        (&token, "write/", "{".to_owned(), "invalid body: EOF"),
        (&token, "write/", json!({"task_id": "A B", "outputs": {}}).to_string(), "invalid job id `A B`"),
        (&token, "write/", json!({"task_id": "run-1"}).to_string(), "missing field `outputs`"),
        (
            &token,
            "write/",
            json!({"task_id": "run-1", "outputs": {"renderable": [{"title": "T", "media_type": "GIF", "data": ""}]}}).to_string(),
            "renderable output 1 (\"T\"): unknown media type \"GIF\"",
        ),
        (&check, "write/", json!({"task_id": "check", "outputs": raw_outputs("x")}).to_string(), "job check is a parse"),
        (&token, "push/", push("sims", success("run-1", pointer.clone())), "unknown variant `sims`"),
        (&token, "push/", push("parse", success("run-1", pointer.clone())), "job run-1 is a sim, not a parse"),
        (&token, "push/", push("sim", success("run-1", raw_outputs("x"))), "must be what /write/ answered"),
        (&token, "push/", push("sim", success("run-1", elsewhere)), "do not point to the files of job run-1"),
        (&token, "push/", push("sim", silent), "must have a `traceback`"),
        (&token, "push/", push("sim", empty), "must have `outputs`"),
    ] {
        let answer = stage.post(path, Some(&token.0), body).await;
        assert_eq!(answer.status, 400, "{says}: {}", answer.body);
        let error = answer.body["error"].as_str().unwrap();
        assert!(error.contains(says), "{error} does not say {says}");
    }
    assert_eq!(status(&stage, "run-1").await, JobStatus::Running);
}

#[tokio::test]
async fn a_bucket_that_fails_is_worth_another_try() {
    let stage = stage().await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let folder = url::Url::parse(stage.bucket.url()).unwrap().to_file_path().unwrap();
    // A folder where the file belongs: whoever runs the tests may write everywhere, so permissions don't help.
    std::fs::create_dir_all(folder.join("run-1_renderable.zip/x")).unwrap();
    let answer = stage.write(&token, "run-1", raw_outputs("x")).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(
        answer.body["error"].as_str().unwrap().starts_with("cannot write run-1_renderable.zip in file:///")
    );
    std::fs::remove_dir_all(folder.join("run-1_renderable.zip")).unwrap();
    assert_eq!(stage.write(&token, "run-1", raw_outputs("x")).await.status, 200);
}

#[tokio::test]
async fn it_tells_that_it_is_up() {
    let stage = stage().await;
    let answer = reqwest::get(stage.url.join("healthz").unwrap()).await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"status": "ok"}));
}
