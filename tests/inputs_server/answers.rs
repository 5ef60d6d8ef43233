use serde_json::json;

use super::Server;

#[tokio::test]
async fn version_defaults_and_parse_are_answered_by_one_warm_worker() {
    let server = Server::start(&[]);
    let version = server.post("sync/", json!({"task_name": "version"})).await.body;
    assert_eq!((&version["version"], &version["status"]), (&json!("1.2.3"), &json!("SUCCESS")));
    assert_eq!(version["meta"]["task_times"].as_array().unwrap().len(), 1);
    let first = server.parse("").await;
    let second = server.parse("").await;
    assert_eq!(first["errors_warnings"]["pid"], second["errors_warnings"]["pid"]);
    let calls = |answer: &serde_json::Value| answer["errors_warnings"]["calls"].as_u64().unwrap();
    assert!(calls(&first) < calls(&second), "{first} {second}");
}

#[tokio::test]
async fn the_same_defaults_are_asked_of_the_model_once() {
    let server = Server::start(&["--workers", "4"]);
    let ask = async |what: &str| {
        let body = json!({"task_name": "defaults", "task_kwargs": {"meta_param_dict": {"do": what}}});
        server.post("sync/", body).await.body
    };
    let answers = futures::future::join_all((0..20).map(|_| ask("wait"))).await;
    for answer in &answers {
        assert_eq!(answer["meta_parameters"], answers[0]["meta_parameters"]);
    }
    let other = ask("").await;
    assert_eq!(other["status"], "SUCCESS");
    // A failure is not remembered.
    let (first, second) = (ask("fail").await, ask("fail").await);
    assert_eq!((&first["status"], &second["status"]), (&json!("FAIL"), &json!("FAIL")));
    let calls = |answer: &serde_json::Value| answer["meta_parameters"]["calls"].as_u64().unwrap();
    assert_eq!(calls(&answers[0]), 1);
}

#[tokio::test]
async fn a_model_sees_its_own_variables_and_its_secrets_are_hidden() {
    let server = Server::with(&["--secret-names", "DB_PASSWORD"], |csw| {
        csw.env("DB_PASSWORD", "s3cret-word").env("THREADS", "2").env("REDIS_EXECUTOR_PW", "hidden")
    });
    let seen = server.parse("").await["errors_warnings"]["env"].to_string();
    assert!(seen.contains("THREADS") && seen.contains("DB_PASSWORD"), "{seen}");
    assert!(!seen.contains("REDIS") && !seen.contains("CSW_"), "{seen}");
    let failed = server.parse("fail").await;
    let traceback = failed["traceback"].as_str().unwrap();
    assert!(traceback.contains("ValueError: ******"), "{traceback}");
    assert!(!server.up.said().contains("s3cret-word"));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let server = Server::start(&[]);
    for (body, status, words) in [
        (json!({"task_name": "sim"}), 400, "a simulation is a job of its own"),
        (json!({"task_name": "simm"}), 404, "there are version, defaults and parse"),
        (json!({"task_name": "parse", "task_kwargs": 3}), 400, "task_kwargs"),
        (json!([]), 400, "the body is not what is expected"),
    ] {
        let answer = server.post("sync/", body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body["error"].as_str().unwrap().contains(words), "{}", answer.body);
    }
    assert_eq!(server.post("nowhere", json!({})).await.status, 404);
}
