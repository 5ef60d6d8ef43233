//! Results that the web app does not have: those that wait, and those that it refused for good.

use std::sync::Arc;
use std::time::Duration;

use csw::model::TaskName;
use csw::services::outputs_processor::{Limits, pusher};
use csw::store::PushOutcome;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Stage, failure, id, raw_outputs, service_token, signed, success, target};
use crate::support::WebApp;

async fn list(stage: &Stage, query: &str) -> Value {
    let answer = stage.get(&format!("api/v1/results?{query}"), Some(&service_token())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn retry(stage: &Stage, name: &str) -> (u16, Value) {
    let answer = stage.post(&format!("api/v1/results/{name}/retry"), Some(&service_token()), "").await;
    (answer.status, answer.body)
}

fn names(page: &Value) -> Vec<&str> {
    page["results"].as_array().unwrap().iter().map(|r| r["task_id"].as_str().unwrap()).collect()
}

async fn fails(stage: &Stage, name: &str) {
    let token = signed(name, 1, TaskName::Sim);
    assert_eq!(stage.push(&token, "sim", &failure(name, "x")).await.status, 200);
}

#[tokio::test]
async fn a_dead_letter_is_listed_and_sent_again() {
    let web_app = WebApp::start().await;
    let stage = Stage::of_cluster(Some(target(&web_app.url, "s3cret")), Limits::default()).await;
    web_app.fail_next([(500, vec![]), (400, vec![])]);
    let stop = CancellationToken::new();
    let pushing = tokio::spawn({
        let (processor, stop) = (Arc::clone(&stage.processor), stop.clone());
        async move { pusher(&processor, &stop).await }
    });
    fails(&stage, "run-1").await;
    web_app.until("it to be refused", |w| w.requests().len() == 2).await;
    let dead = loop {
        let dead = list(&stage, "state=dead").await;
        if !names(&dead).is_empty() {
            break dead;
        }
        tokio::task::yield_now().await;
    };
    let letter = &dead["results"][0];
    assert_eq!(
        (&letter["task_id"], &letter["task"], &letter["state"]),
        (&json!("run-1"), &json!("sim"), &json!("dead"))
    );
    assert_eq!((&letter["model"], &letter["tries"]), (&json!("Examples/Solow"), &json!(2)));
    assert!(letter["reason"].as_str().unwrap().contains("answered 400 Bad Request"), "{letter}");
    assert!(letter["since"].as_str().unwrap().parse::<Timestamp>().unwrap() <= Timestamp::now());
    assert_eq!(dead["next"], Value::Null);

    assert_eq!(retry(&stage, "run-1").await, (200, json!({"task_id": "run-1", "state": "waiting"})));
    web_app.until("the result", |w| w.taken() == ["run-1"]).await;
    while !names(&list(&stage, "state=waiting").await).is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(names(&list(&stage, "state=dead").await).is_empty());
    let (status, body) = retry(&stage, "run-1").await;
    assert_eq!(
        (status, &body["error"]),
        (409, &json!("the result of job run-1 does not wait for the web app"))
    );
    assert_eq!(retry(&stage, "nobody").await.0, 404);
    assert_eq!(web_app.requests().len(), 3);
    stop.cancel();
    pushing.await.unwrap();
}

#[tokio::test]
async fn what_waits_is_listed_page_by_page() {
    let web_app = WebApp::start().await;
    // Nothing pushes: all of them wait.
    let stage = Stage::of_cluster(Some(target(&web_app.url, "s3cret")), Limits::default()).await;
    for n in 0..5 {
        fails(&stage, &format!("run-{n}")).await;
    }
    let tried = PushOutcome::TryLater { reason: "502".into() };
    stage.store.pushed(&id("run-1"), tried).await.unwrap();
    let first = list(&stage, "state=waiting&limit=2").await;
    assert_eq!(
        (names(&first), &first["next"]),
        (vec!["run-0", "run-1"], &json!("run-1")),
        "the order is that of jobs"
    );
    assert_eq!((&first["results"][1]["tries"], &first["results"][1]["reason"]), (&json!(1), &json!("502")));
    assert_eq!((&first["results"][0]["tries"], &first["results"][0]["reason"]), (&json!(0), &Value::Null));
    let second = list(&stage, "state=waiting&limit=2&after=run-1").await;
    assert_eq!((names(&second), &second["next"]), (vec!["run-2", "run-3"], &json!("run-3")));
    let last = list(&stage, "state=waiting&limit=2&after=run-3").await;
    assert_eq!((names(&last), &last["next"]), (vec!["run-4"], &Value::Null));
    // Sent again while it waits: as good as done.
    assert_eq!(retry(&stage, "run-1").await.0, 200);
    let gone = stage.get("api/v1/results?state=waiting&after=gone", Some(&service_token())).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn retention_forgets_what_is_done_and_nothing_else() {
    let web_app = WebApp::start().await;
    let stage = Stage::of_cluster(Some(target(&web_app.url, "s3cret")), Limits::default()).await;
    let token = signed("taken", 1, TaskName::Sim);
    let pointer = stage.write(&token, "taken", raw_outputs("kept in the bucket")).await.body;
    assert_eq!(stage.push(&token, "sim", &success("taken", pointer.clone())).await.status, 200);
    for name in ["dead", "waiting"] {
        fails(&stage, name).await;
    }
    stage.write(&signed("abandoned", 1, TaskName::Sim), "abandoned", raw_outputs("x")).await;
    stage.post("api/v1/results/cancelled/cancel", Some(&service_token()), "").await;
    stage.store.pushed(&id("taken"), PushOutcome::Taken).await.unwrap();
    stage.store.pushed(&id("dead"), PushOutcome::Refused { reason: "400".into() }).await.unwrap();

    let hour = jiff::SignedDuration::from_hours(1);
    assert_eq!(stage.ledger.forget(Timestamp::now() - hour).await.unwrap(), 0, "all of it is young");
    assert_eq!(stage.ledger.forget(Timestamp::now() + hour).await.unwrap(), 3);
    let token = service_token();
    let status = async |name: &str| stage.get(&format!("api/v1/results/{name}"), Some(&token)).await.status;
    assert_eq!(
        (status("taken").await, status("abandoned").await, status("cancelled").await),
        (404, 404, 404)
    );
    assert_eq!((status("dead").await, status("waiting").await), (200, 200));
    assert_eq!(names(&list(&stage, "state=dead").await), ["dead"]);
    assert_eq!(names(&list(&stage, "state=waiting").await), ["waiting"]);
    assert_eq!(stage.stored_report(&pointer).await, "kept in the bucket");
    let counts = stage.store.counts().await.unwrap();
    assert_eq!((counts.running, counts.success, counts.fail, counts.cancelled), (0, 0, 2, 0));
    // Sent again and taken, a dead letter may go too.
    retry(&stage, "dead").await;
    stage.store.pushed(&id("dead"), PushOutcome::Taken).await.unwrap();
    assert_eq!(stage.ledger.forget(Timestamp::now() + hour).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_on_its_way_arrives_before_the_pusher_ends() {
    // Answers only after it was told to.
    let (arrived, answer) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let routes = axum::Router::new().route("/outputs/api/", {
        let (arrived, answer) = (Arc::clone(&arrived), Arc::clone(&answer));
        axum::routing::put(async move || {
            arrived.notify_one();
            answer.notified().await;
        })
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url::Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let stage = Stage::of_cluster(Some(target(&url, "s3cret")), Limits::default()).await;
    fails(&stage, "run-1").await;
    let stop = CancellationToken::new();
    let pushing = tokio::spawn({
        let (processor, stop) = (Arc::clone(&stage.processor), stop.clone());
        async move { pusher(&processor, &stop).await }
    });
    arrived.notified().await;
    stop.cancel();
    answer.notify_one();
    tokio::time::timeout(Duration::from_secs(60), pushing).await.unwrap().unwrap();
    assert!(stage.store.pushes(10).await.unwrap().is_empty(), "it was taken, and that is known");
}
