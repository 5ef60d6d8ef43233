//! In a cluster a token proves all: nobody has told the outputs processor of the job before.

use std::sync::Arc;

use csw::model::{JobStatus, TaskName};
use csw::services::outputs_processor::Limits;
use csw::services::results::{RemoteResults, Results as _};
use csw::store::{AttemptToken, ClusterKey, JobStore as _};
use serde_json::{Value, json};

use super::{Stage, failure, id, open, raw_outputs, service_token, signed, success};

async fn stage() -> Stage {
    Stage::of_cluster(None, Limits::default()).await
}

async fn wanted(stage: &Stage, token: &AttemptToken) -> u16 {
    stage.get("api/v1/attempt", Some(&token.0)).await.status
}

#[tokio::test]
async fn the_first_result_wins_for_ever() {
    let stage = stage().await;
    let token = signed("run-1", 1, TaskName::Sim);
    let answer = stage.get("api/v1/attempt", Some(&token.0)).await;
    assert_eq!((answer.status, answer.body), (200, json!({"wanted": true})));
    assert!(stage.store.get(&id("run-1")).await.unwrap().is_none(), "asking changes nothing");
    let pointer = stage.write(&token, "run-1", raw_outputs("first")).await;
    assert_eq!(pointer.status, 200, "{}", pointer.body);
    assert_eq!(wanted(&stage, &token).await, 200, "stored is not recorded");
    let result = success("run-1", pointer.body.clone());
    let answer = stage.push(&token, "sim", &result).await;
    assert_eq!((answer.status, answer.body), (200, json!({"task_id": "run-1", "status": "accepted"})));
    let answer = stage.push(&token, "sim", &result).await;
    assert_eq!((answer.status, answer.body), (200, json!({"task_id": "run-1", "status": "duplicate"})));
    // Nothing changes it: neither the attempt itself, nor a newer one, nor a wish to cancel.
    assert_eq!(stage.push(&token, "sim", &failure("run-1", "late")).await.body["status"], "duplicate");
    let newer = signed("run-1", 2, TaskName::Sim);
    for token in [&token, &newer] {
        assert_eq!(wanted(&stage, token).await, 409);
        assert_eq!(stage.write(token, "run-1", raw_outputs("late")).await.status, 409);
    }
    assert_eq!(stage.push(&newer, "sim", &failure("run-1", "late")).await.status, 409);
    let cancel = stage.post("api/v1/results/run-1/cancel", Some(&service_token()), "{}").await;
    assert_eq!((cancel.status, &cancel.body["error"]), (409, &json!("job run-1 has a result already")));
    let found = stage.get("api/v1/results/run-1", Some(&service_token())).await;
    assert_eq!((found.status, found.body), (200, json!(result)));
    let outputs = stage.get("api/v1/results/run-1/outputs", Some(&service_token())).await;
    assert_eq!(outputs.body["renderable"][0]["data"], "first");
}

#[tokio::test]
async fn a_newer_attempt_takes_over_from_one_without_a_result() {
    let stage = stage().await;
    let [first, second] = [1, 2].map(|attempt| signed("run-1", attempt, TaskName::Sim));
    let late = stage.write(&first, "run-1", raw_outputs("first")).await.body;
    let pointer = stage.write(&second, "run-1", raw_outputs("second")).await.body;
    assert_eq!(wanted(&stage, &first).await, 409);
    assert_eq!(stage.write(&first, "run-1", raw_outputs("first")).await.status, 409);
    assert_eq!(stage.push(&first, "sim", &success("run-1", late)).await.status, 409);
    assert_eq!(stage.stored_report(&pointer).await, "second");
    assert_eq!(stage.push(&second, "sim", &success("run-1", pointer.clone())).await.status, 200);
    assert_eq!(stage.push(&first, "sim", &failure("run-1", "late")).await.status, 409);
    let counts = stage.store.counts().await.unwrap();
    assert_eq!((counts.running, counts.success, counts.fail), (0, 1, 0));
}

#[tokio::test]
async fn a_cancelled_job_gets_no_result_known_or_not() {
    let stage = stage().await;
    let token = service_token();
    let known = signed("known", 1, TaskName::Sim);
    assert_eq!(stage.write(&known, "known", raw_outputs("x")).await.status, 200);
    for name in ["known", "unknown"] {
        for _ in 0..2 {
            let answer = stage.post(&format!("api/v1/results/{name}/cancel"), Some(&token), "").await;
            assert_eq!((answer.status, answer.body), (200, json!({"status": "CANCELLED"})));
        }
        for attempt in [1, 2] {
            let late = signed(name, attempt, TaskName::Sim);
            assert_eq!(wanted(&stage, &late).await, 409);
            assert_eq!(stage.write(&late, name, raw_outputs("x")).await.status, 409);
            assert_eq!(stage.push(&late, "sim", &failure(name, "x")).await.status, 409);
        }
        let found = stage.get(&format!("api/v1/results/{name}"), Some(&token)).await;
        assert_eq!((found.status, found.body), (409, json!({"error": format!("job {name} was cancelled")})));
    }
}

#[tokio::test]
async fn what_is_sent_must_be_what_the_token_says() {
    let stage = stage().await;
    let token = signed("run-1", 1, TaskName::Parse);
    let answer = stage.write(&token, "run-1", raw_outputs("x")).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (400, &json!("job run-1 is a parse: only a sim has outputs to store"))
    );
    assert_eq!(stage.push(&token, "sim", &failure("run-1", "x")).await.status, 400);
    assert_eq!(
        stage.push(&token, "parse", &success("run-1", json!({"errors_warnings": {}}))).await.status,
        200
    );
}

/// Every route with every kind of token: nobody gets further than the token says.
#[tokio::test]
async fn each_route_has_its_token() {
    let stage = stage().await;
    let right = signed("run-1", 1, TaskName::Sim);
    let of_another_job = signed("run-2", 1, TaskName::Sim);
    let elsewhere = ClusterKey::new(&"the-key-of-some-other-cluster-than-this".to_owned().into()).unwrap();
    let forged = elsewhere.attempt_token(&key_claims());
    let service = service_token();
    let write = json!({"task_id": "run-1", "outputs": raw_outputs("x")}).to_string();
    let push = json!({"task_name": "sim", "result": failure("run-1", "x")}).to_string();
    let tokens: [(&str, Option<&str>); 6] = [
        ("none", None),
        ("wrong", Some("wrong")),
        ("forged", Some(&forged.0)),
        ("of another job", Some(&of_another_job.0)),
        ("of a service", Some(&service)),
        ("of the attempt", Some(&right.0)),
    ];
    // The last of each row is what the one with the right token gets; it comes last, because it changes things.
    for (method, path, body, statuses) in [
        ("GET", "healthz", "", [200; 6]),
        ("GET", "readyz", "", [200; 6]),
        ("GET", "nowhere", "", [404; 6]),
        ("GET", "api/v1/attempt", "", [401, 403, 403, 200, 403, 200]),
        ("POST", "write/", &write, [401, 403, 403, 403, 403, 200]),
        ("POST", "push/", &push, [401, 403, 403, 403, 403, 200]),
        ("GET", "api/v1/results/run-1", "", [401, 403, 403, 403, 200, 403]),
        ("GET", "api/v1/results/run-1/outputs", "", [401, 403, 403, 403, 409, 403]),
        ("POST", "api/v1/results/run-1/cancel", "{}", [401, 403, 403, 403, 409, 403]),
        ("POST", "api/v1/results/run-1/retry", "{}", [401, 403, 403, 403, 409, 403]),
        ("GET", "api/v1/results?state=dead", "", [401, 403, 403, 403, 200, 403]),
        ("GET", "api/v1/results?state=waiting&limit=1", "", [401, 403, 403, 403, 200, 403]),
        ("GET", "api/v1/results?state=other", "", [401, 403, 403, 403, 400, 403]),
        ("GET", "api/v1/results/A%20B", "", [401, 403, 403, 403, 400, 403]),
    ] {
        for ((who, token), status) in tokens.iter().zip(statuses) {
            let answer = match method {
                "GET" => stage.get(path, *token).await,
                _ => stage.post(path, *token, body.to_owned()).await,
            };
            assert_eq!(answer.status, status, "{method} {path} with a token {who}: {}", answer.body);
            if status >= 400 {
                assert!(answer.body["error"].is_string(), "{method} {path}, {who}: {}", answer.body);
            }
            let text = answer.body.to_string();
            assert!(!text.contains(&service) && !text.contains(&right.0), "{text}");
        }
    }
}

fn key_claims() -> csw::store::Claims {
    csw::store::Claims {
        id: id("run-1"),
        attempt: 1,
        model: "Examples/Solow".parse().unwrap(),
        task: TaskName::Sim,
    }
}

#[tokio::test]
async fn without_a_cluster_no_token_opens_the_services_routes() {
    let stage = Stage::new(None, Limits::default()).await;
    for token in [service_token(), signed("run-1", 1, TaskName::Sim).0, String::from("x")] {
        assert_eq!(stage.get("api/v1/results?state=dead", Some(&token)).await.status, 403);
        assert_eq!(stage.get("api/v1/attempt", Some(&token)).await.status, 403);
    }
}

#[tokio::test]
async fn it_counts() {
    let stage = stage().await;
    let token = signed("run-1", 1, TaskName::Sim);
    for _ in 0..2 {
        stage.push(&token, "sim", &failure("run-1", "x")).await;
    }
    stage.push(&signed("run-1", 2, TaskName::Sim), "sim", &failure("run-1", "x")).await;
    let answer = reqwest::get(stage.url.join("metrics").unwrap()).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let text = answer.text().await.unwrap();
    for line in [
        "csw_results_total{outcome=\"accepted\"} 1",
        "csw_results_total{outcome=\"duplicate\"} 1",
        "csw_results_total{outcome=\"fenced\"} 1",
        "csw_undelivered_results{state=\"waiting\"} 0",
        "csw_http_requests_total{method=\"POST\",route=\"/push/\",status=\"200\"} 2",
        "csw_http_requests_total{method=\"POST\",route=\"/push/\",status=\"409\"} 1",
        "csw_http_request_seconds_count{route=\"/push/\"} 3",
    ] {
        assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn values_of_tokens_never_show() {
    let token = signed("run-1", 1, TaskName::Sim);
    assert!(!format!("{token:?}").contains(&token.0));
    let Value::String(_) = json!(token.0) else { panic!("a token is text") };
}

#[tokio::test]
async fn a_scheduler_that_comes_after_the_executor_notes_what_the_executor_said() {
    let stage = stage().await;
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let token = signed("run-1", 1, TaskName::Sim);
    store.adopt(&key_claims(), &token).await.unwrap();
    let pointer = stage.write(&token, "run-1", raw_outputs("x")).await.body;
    let result = success("run-1", pointer);
    assert_eq!(stage.push(&token, "sim", &result).await.status, 200);
    let scheduler =
        RemoteResults::new(stage.url.clone(), service_token().into(), Arc::clone(&store) as _).unwrap();
    scheduler.take(&token, TaskName::Sim, failure("run-1", "its pod is gone")).await.unwrap();
    assert_eq!(scheduler.find(&id("run-1")).await.unwrap(), Some(result));
    assert_eq!(store.get(&id("run-1")).await.unwrap().unwrap().status, JobStatus::Success);
}
