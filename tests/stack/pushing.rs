//! Results on their way from a model's process to the web app.

use std::time::Duration;

use csw::model::JobStatus;
use csw::outputs::{Bucket, Pointer};
use csw::services::outputs_processor::{Backoff, PushTarget};
use serde_json::json;

use super::harness::{ECHO, Ground};
use crate::support::WebApp;

#[tokio::test]
async fn results_reach_the_web_app_across_a_restart() {
    let web_app = WebApp::start().await;
    web_app.set_token("not yet");
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(20) };
    let mut ground = Ground::new().model("Examples/Echo", ECHO).model("Examples/Bad", "echo oh >&2; exit 3");
    ground.push = Some(PushTarget::new(&web_app.url, &"s3cret".to_owned().into(), backoff).unwrap());
    let stack = ground.start().await;
    stack.sim("Examples/Echo", "sim-1").await;
    stack.sim("Examples/Bad", "bad-1").await;
    stack.post("Examples/Echo/", json!({"task_name": "parse", "task_id": "parse-1"})).await;
    assert_eq!(stack.wait("sim-1").await.status, JobStatus::Success);
    assert_eq!(stack.wait("bad-1").await.status, JobStatus::Fail);
    assert_eq!(stack.wait("parse-1").await.status, JobStatus::Success);
    web_app.until("a try", |w| !w.requests().is_empty()).await;
    stack.stack.stop().await;
    assert!(web_app.taken().is_empty());

    web_app.set_token("s3cret");
    let stack = ground.start().await;
    web_app.until("all three", |w| w.taken().len() == 3).await;
    stack.stack.stop().await;
    let requests = web_app.requests();
    let body = |id: &str| requests.iter().rfind(|r| r.body["task_id"] == id).unwrap();
    assert_eq!(
        (body("sim-1").path.as_str(), body("parse-1").path.as_str()),
        ("/outputs/api/", "/inputs/api/")
    );
    assert_eq!(body("bad-1").body["status"], "FAIL");
    assert!(body("bad-1").body["traceback"].as_str().unwrap().contains("oh"), "{:?}", body("bad-1"));
    assert_eq!(body("parse-1").body["outputs"], json!({"errors_warnings": {}}));
    // What the web app keeps leads to what the model has made.
    let pointer: Pointer = serde_json::from_value(body("sim-1").body["outputs"].clone()).unwrap();
    let outputs =
        Bucket::open(ground.path().join("bucket").to_str().unwrap()).unwrap().read(&pointer).await.unwrap();
    assert_eq!(&*outputs.downloadable[0].file(), b"hello");
}
