//! Results that an executor left behind.

use csw::model::{JobStatus, Outcome, TaskName};
use csw::services::outputs_processor::{Limits, Refusal, accept_spooled};
use csw::store::{AttemptToken, Recorded};
use serde_json::json;

use super::{Stage, failure, id, raw_outputs, started, success};

#[tokio::test]
async fn a_spooled_result_is_stored_and_recorded_once() {
    let stage = Stage::new(None, Limits::default()).await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let spooled = success("run-1", raw_outputs("spooled"));
    assert_eq!(accept_spooled(&stage.processor, &token, spooled.clone()).await.unwrap(), Recorded::Accepted);
    let result = stage.store.result(&id("run-1")).await.unwrap().unwrap();
    assert_eq!(stage.stored_report(result.outputs.as_ref().unwrap()).await, "spooled");
    let again =
        accept_spooled(&stage.processor, &token, success("run-1", raw_outputs("other"))).await.unwrap();
    assert_eq!(again, Recorded::Duplicate);
    assert_eq!(stage.store.result(&id("run-1")).await.unwrap().unwrap(), result);
    assert_eq!(stage.stored_report(result.outputs.as_ref().unwrap()).await, "spooled");
}

#[tokio::test]
async fn failures_and_parses_are_recorded_as_they_are() {
    let stage = Stage::new(None, Limits::default()).await;
    for (name, task, result) in [
        ("bad", TaskName::Sim, failure("bad", "ValueError")),
        ("check", TaskName::Parse, success("check", json!({"errors_warnings": {}}))),
    ] {
        let token = started(&*stage.store, name, task).await;
        assert_eq!(
            accept_spooled(&stage.processor, &token, result.clone()).await.unwrap(),
            Recorded::Accepted
        );
        assert_eq!(stage.store.result(&id(name)).await.unwrap(), Some(result));
    }
}

#[tokio::test]
async fn outputs_that_are_invalid_fail_the_job() {
    let stage = Stage::new(None, Limits::default()).await;
    let token = started(&*stage.store, "run-1", TaskName::Sim).await;
    let spooled = success("run-1", json!({"renderable": [{"title": "T", "media_type": "PNG", "data": "?"}]}));
    assert_eq!(accept_spooled(&stage.processor, &token, spooled).await.unwrap(), Recorded::Accepted);
    let result = stage.store.result(&id("run-1")).await.unwrap().unwrap();
    assert_eq!((result.status, result.outputs), (Outcome::Fail, None));
    assert!(result.traceback.unwrap().contains("renderable output 1 (\"T\"): the data is no base64"));
}

#[tokio::test]
async fn a_result_of_an_older_attempt_counts_for_nothing() {
    let stage = Stage::new(None, Limits::default()).await;
    let first = started(&*stage.store, "run-1", TaskName::Sim).await;
    stage.store.requeue(&id("run-1"), 1, true, "lost").await.unwrap();
    let spooled = success("run-1", raw_outputs("first"));
    assert_eq!(accept_spooled(&stage.processor, &first, spooled.clone()).await.unwrap(), Recorded::Fenced);
    assert_eq!(stage.store.get(&id("run-1")).await.unwrap().unwrap().status, JobStatus::Pending);
    let second = stage.store.start(&id("run-1")).await.unwrap().unwrap().token;
    assert_eq!(accept_spooled(&stage.processor, &first, spooled.clone()).await.unwrap(), Recorded::Fenced);
    assert_eq!(accept_spooled(&stage.processor, &second, spooled.clone()).await.unwrap(), Recorded::Accepted);

    let forged = AttemptToken("x".into());
    started(&*stage.store, "run-2", TaskName::Sim).await;
    let refused = accept_spooled(&stage.processor, &forged, success("run-2", raw_outputs("x"))).await;
    assert!(matches!(refused, Err(Refusal::Forged { .. })));
    let refused = accept_spooled(&stage.processor, &forged, success("nobody", raw_outputs("x"))).await;
    assert!(matches!(refused, Err(Refusal::NoSuchJob { .. })));
}
