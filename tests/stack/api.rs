//! The scheduler's HTTP face as its own description has it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::harness::{ECHO, Ground, Running};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every described path, with the methods that it takes.
async fn described(stack: &Running) -> Vec<(String, Value)> {
    let (status, document) = stack.get("openapi.json").await;
    assert_eq!((status, &document["openapi"]), (StatusCode::OK, &json!("3.1.0")));
    document["paths"].as_object().unwrap().iter().map(|(path, ops)| (path.clone(), ops.clone())).collect()
}

/// A path without holes.
fn filled(path: &str) -> String {
    let path = path.replace("{owner}", "Nobody").replace("{title}", "Nothing").replace("{id}", "no-job");
    path.trim_start_matches('/').to_owned()
}

fn request(stack: &Running, method: &str, path: &str) -> reqwest::RequestBuilder {
    let request = stack.request(&method.to_uppercase(), &filled(path));
    // `follow` and others are left out: nothing here waits.
    if method == "post" { request.json(&json!({})) } else { request }
}

async fn answered(request: reqwest::RequestBuilder) -> (StatusCode, reqwest::header::HeaderMap, Value) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_described_is_there_and_nothing_else_is_taken() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    let paths = described(&stack).await;
    assert!(paths.len() >= 15, "{paths:?}");
    for (path, operations) in &paths {
        for method in METHODS {
            let (status, headers, body) = answered(request(&stack, method, path)).await;
            if operations.get(method).is_some() {
                assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert_ne!(body["error"], "there is nothing at this path", "{method} {path}");
                assert!(!status.is_server_error(), "{method} {path}: {body}");
                let documented = operations[method]["responses"].as_object().unwrap();
                assert!(documented.contains_key(status.as_str()) || status.is_client_error(), "{path}");
            } else {
                assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                let allow = headers["allow"].to_str().unwrap().to_lowercase();
                let taken = operations.as_object().unwrap().keys().all(|m| allow.contains(m.as_str()));
                assert!(taken && body["error"].is_string(), "{method} {path}: {allow} {body}");
            }
        }
    }
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_a_token_unless_its_description_says_that_it_does_not() {
    let mut ground = Ground::new().model("Examples/Echo", ECHO);
    ground.token = Some("present,older");
    let stack = ground.start().await;
    let mut open = Vec::new();
    for (path, operations) in described(&stack).await {
        for (method, operation) in operations.as_object().unwrap() {
            let (method, path) = (method.as_str(), path.as_str());
            let asked = |request: reqwest::RequestBuilder| async { answered(request).await.0 };
            let bare = || request(&stack, method, path);
            let bearer = |token: &'static str| bare().bearer_auth(token);
            if operation.get("security").is_none() {
                assert_ne!(asked(bare()).await, StatusCode::UNAUTHORIZED, "{method} {path}");
                open.push(path.to_owned());
                continue;
            }
            let token = |value: &'static str| bare().header("authorization", value);
            let refused = [
                bare(),
                bearer("outdated"),
                bearer(""),
                bearer("present,older"),
                token("present"),
                token("Digest present"),
                bare().basic_auth("present", Some("outdated")),
                bare().basic_auth("present", None::<&str>),
            ];
            for request in refused {
                let (status, headers, body) = answered(request).await;
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
                assert!(headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
                assert!(body["hints"][0].as_str().unwrap().contains("CSW_SCHEDULER_TOKEN"), "{body}");
            }
            for request in [bearer("present"), bearer("older"), token("Token present")] {
                assert_ne!(asked(request).await, StatusCode::UNAUTHORIZED, "{method} {path}");
            }
            // A browser may look, and do nothing.
            let status = asked(bare().basic_auth("me", Some("present"))).await;
            assert_eq!(status != StatusCode::UNAUTHORIZED, method == "get", "{method} {path}");
        }
    }
    open.sort();
    assert_eq!(open, ["/healthz", "/openapi.json", "/readyz"]);
    // Paths that are not described are not a way around.
    for path in ["Nobody/Nothing", "sync"] {
        let status = answered(stack.request("POST", path).json(&json!({}))).await.0;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_refused_is_refused_in_json() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    let get = |path: &str| stack.request("GET", path);
    let post = |path: &str, body: &'static [u8]| {
        stack.request("POST", path).header("content-type", "application/json").body(body)
    };
    let cases = [
        (get("api/v1/jobs?limit=many"), 400, "limit"),
        (get("api/v1/jobs?status=BROKEN"), 400, "status"),
        (get("api/v1/jobs/UPPER"), 400, "job id"),
        (get("api/v1/jobs/a%FF"), 400, "UTF-8"),
        (get("api/v1/jobs/x?wait=-1"), 400, "wait"),
        (get("api/v1/jobs/x/logs?follow=perhaps"), 400, "follow"),
        (get("nowhere"), 404, "nothing at this path"),
        (get("api/v1/jobs/x/cancel"), 405, "does not take GET"),
        (stack.request("DELETE", "api/v1/jobs"), 405, "does not take DELETE"),
        (post("sync/", b"\xff\xfe"), 400, "UTF-8"),
        (post("Examples/Echo/", b"{"), 400, "not what is expected"),
        (stack.request("POST", "sync/").body("x=y"), 415, "Content-Type"),
    ];
    for (request, code, says) in cases {
        let (status, headers, body) = answered(request).await;
        assert_eq!(status.as_u16(), code, "{says}: {body}");
        assert_eq!(headers["content-type"], "application/json", "{says}");
        let error = body["error"].as_str().unwrap();
        assert!(error.contains(says), "{says}: {error}");
    }
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_may_be_called_as_a_route_is() {
    let ground = Ground::new().model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    stack.sim("Examples/Echo", "cleanup").await;
    assert_eq!(stack.wait("cleanup").await.status.as_str(), "SUCCESS");
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_is_told_of_requests_jobs_and_the_store() {
    let mut ground = Ground::new().model("Examples/Echo", ECHO).model("Examples/Stuck", "sleep 1000");
    ground.limits.max_jobs = 1;
    let stack = ground.start().await;
    stack.sim("Examples/Echo", "done").await;
    stack.wait("done").await;
    stack.sim("Examples/Stuck", "stuck").await;
    stack.wait_running("stuck").await;
    for id in ["one", "two"] {
        stack.sim("Examples/Echo", id).await;
    }
    assert_eq!(stack.get("readyz").await, (StatusCode::OK, json!({"status": "ok"})));
    let response = stack.request("GET", "metrics").send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = response.text().await.unwrap();
    for line in [
        "csw_jobs{status=\"success\"} 1",
        "csw_jobs{status=\"pending\"} 2",
        "csw_model_jobs{model=\"Examples/Echo\",status=\"pending\"} 2",
        "csw_model_jobs{model=\"Examples/Stuck\",status=\"running\"} 1",
        "csw_executors 1",
        "csw_queue_oldest_seconds ",
        "csw_http_requests_total{method=\"POST\",route=\"/{owner}/{title}/\",status=\"200\"} 4",
        "csw_http_request_seconds_count{route=\"/readyz\"} 1",
        "csw_store_seconds_count{operation=\"submit\"} 4",
        "csw_build_info{version=",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    // Ids make no series.
    assert!(!text.contains("stuck") && !text.contains("done"), "{text}");
    let cancelled = stack.post("api/v1/jobs/stuck/cancel", json!({})).await.0;
    assert_eq!(cancelled, StatusCode::OK);
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_can_be_got_can_be_asked_for_its_head() {
    let ground = Ground::new();
    let stack = ground.start().await;
    for path in ["", "healthz", "metrics", "openapi.json"] {
        let response = stack.request(Method::HEAD.as_str(), path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    stack.stack.stop().await;
}
