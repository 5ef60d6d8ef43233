//! The scheduler's HTTP face.

use serde_json::{Value, json};

use super::harness::{ECHO, Ground};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulation_goes_through() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    assert_eq!(stack.sim("Examples/Echo", "one").await, "one");
    let job = stack.wait("one").await;
    assert_eq!((job.status.as_str(), job.attempt, job.reason), ("SUCCESS", 1, None));
    let (status, result) = stack.get("api/v1/jobs/one/result").await;
    assert_eq!(
        (status.as_u16(), &result["status"], &result["version"]),
        (200, &json!("SUCCESS"), &json!("v1"))
    );
    assert_eq!(result["model_version"], "1.2.3");
    assert_eq!(result["outputs"]["downloadable"]["ziplocation"], "one_downloadable.zip");
    let (_, outputs) = stack.get("api/v1/jobs/one/outputs").await;
    assert_eq!(outputs["downloadable"][0]["data"], "hello");
    let (_, log) = stack.get("api/v1/jobs/one/logs").await;
    assert!(log.as_str().unwrap().contains("simulating"), "{log}");
    // Once more is the same job.
    assert_eq!(stack.sim("Examples/Echo", "one").await, "one");
    assert_eq!(stack.wait("one").await.attempt, 1);
    let other = json!({"task_name": "sim", "task_id": "one", "task_kwargs": {"adjustment": {"a": 1}}});
    let (status, body) = stack.post("Examples/Echo/", other).await;
    assert_eq!((status.as_u16(), &body["error"]), (409, &json!("job one exists with other inputs")));
    assert_eq!(stack.stack.stop().await, 0);
    assert!(!ground.path().join("data/jobs/one").exists(), "only the log is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_tasks_are_answered() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    let (status, body) = stack.post("Examples/Echo", json!({"task_name": "version"})).await;
    assert_eq!(
        (status.as_u16(), &body["version"], &body["status"]),
        (200, &json!("1.2.3"), &json!("SUCCESS"))
    );
    assert!(body["meta"]["task_times"][0].is_number(), "{body}");
    let (_, body) = stack.post("Examples/Echo/", json!({"task_name": "defaults", "task_kwargs": {}})).await;
    assert_eq!(body["model_parameters"], json!({}));
    let (status, body) = stack.post("Examples/Echo/", json!({"task_name": "parse", "task_id": "p"})).await;
    assert_eq!((status.as_u16(), body), (200, json!({"task_id": "p", "status": "PENDING"})));
    assert_eq!(stack.wait("p").await.status.as_str(), "SUCCESS");
    let (_, result) = stack.get("api/v1/jobs/p/result").await;
    assert_eq!(result["outputs"], json!({"errors_warnings": {}}));
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_request_is_said() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    for (path, body, status, says) in [
        ("Examples/Ecco/", json!({"task_name": "sim"}), 404, "there is no model Examples/Ecco"),
        ("Examples/Echo/", json!({"task_name": "simulate"}), 404, "there is no task `simulate`"),
        ("Examples/Echo/", json!({}), 400, "missing field `task_name`"),
        ("Examples/Echo/", json!({"task_name": "sim", "task_kwargs": [1]}), 400, "task_kwargs: invalid type"),
        (
            "Examples/Echo/",
            json!({"task_name": "sim", "task_kwargs": {"adjustment": 3}}),
            400,
            "task_kwargs.adjustment: expected an object",
        ),
        (
            "Examples/Echo/",
            json!({"task_name": "sim", "task_kwargs": {"adjustments": {}}}),
            400,
            "task_kwargs.adjustments: unknown argument",
        ),
        ("Examples/Echo/", json!({"task_name": "sim", "task_id": "No Id"}), 400, "task_id: invalid job id"),
        ("api/v1/jobs/cleanup", json!({"status": ["RUNNING"]}), 400, "RUNNING jobs have not ended"),
        ("api/v1/jobs/nobody/cancel", json!({}), 404, "there is no job nobody"),
        ("nowhere", json!({}), 404, "there is nothing at this path"),
    ] {
        let (got, answer) = stack.post(path, body.clone()).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(got.as_u16() == status && error.contains(says), "{path} {body}: {got} {answer}");
    }
    let (_, answer) = stack.post("Examples/Ecco/", json!({"task_name": "sim"})).await;
    assert_eq!(answer["hints"], json!(["Did you mean Examples/Echo?"]));
    let broken =
        stack.request("POST", "Examples/Echo/").header("content-type", "application/json").body("{\"task");
    assert_eq!(broken.send().await.unwrap().status(), 400);
    let large = json!({"task_name": "sim", "task_kwargs": {"adjustment": {"a": "x".repeat(33 << 20)}}});
    let (status, body) = stack.post("Examples/Echo/", large).await;
    assert_eq!(status, 413, "{body}");
    assert_eq!(stack.get("api/v1/jobs/one").await.0, 404);
    assert_eq!(stack.get("api/v1/jobs?status=DONE").await.0, 400);
    assert_eq!(stack.get("api/v1/jobs").await.1, json!({"jobs": [], "next": null}), "nothing was accepted");
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_pages_are_kept_out() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    let body = r#"{"task_name": "version"}"#;
    let post = || stack.request("POST", "Examples/Echo/").body(body);
    let status = async |r: reqwest::RequestBuilder| r.send().await.unwrap().status().as_u16();
    let json = "application/json";
    // What a form can send without asking the browser's permission.
    assert_eq!(status(post().header("content-type", "text/plain")).await, 415);
    assert_eq!(status(post()).await, 415);
    assert_eq!(
        status(post().header("content-type", json).header("origin", "http://evil.example")).await,
        403
    );
    // A name of theirs that points here.
    assert_eq!(status(post().header("content-type", json).header("host", "evil.example:8888")).await, 403);
    assert_eq!(status(stack.request("GET", "api/v1/jobs").header("host", "evil.example")).await, 403);
    assert_eq!(status(post().header("content-type", json)).await, 200);
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_asked_for_when_there_is_one() {
    let mut ground = Ground::new().model("Examples/Echo", ECHO);
    ground.token = Some("s3cret");
    let stack = ground.start().await;
    for path in ["api/v1/jobs", "api/v1/models"] {
        assert_eq!(stack.get(path).await.0, 401, "{path}");
    }
    let submit = json!({"task_name": "sim", "task_id": "one"});
    assert_eq!(stack.post("Examples/Echo/", submit.clone()).await.0, 401);
    assert_eq!(stack.get("healthz").await.1, json!({"status": "ok"}));
    let with = |scheme: &str| {
        stack.request("GET", "api/v1/models").header("authorization", format!("{scheme} s3cret"))
    };
    assert_eq!(with("Bearer").send().await.unwrap().status(), 200);
    let models: Value = with("Token").send().await.unwrap().json().await.unwrap();
    assert_eq!(models[0]["name"], "Examples/Echo");
    let submitted = stack
        .request("POST", "Examples/Echo/")
        .header("authorization", "Token s3cret")
        .json(&submit)
        .send()
        .await;
    assert_eq!(submitted.unwrap().status(), 200);
    stack.stack.stop().await;
}
