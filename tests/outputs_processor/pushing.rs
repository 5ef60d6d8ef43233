//! Results on their way to the web app: at least once, through every failure that passes.

use std::sync::Arc;

use csw::model::TaskName;
use csw::services::outputs_processor::{Limits, OutputsProcessor, PushTarget, accept_spooled, pusher};
use csw::store::JobStore;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Stage, on_laptop, open, raw_outputs, started, success, target};
use crate::support::WebApp;

/// A pusher that runs until it is stopped or the test ends.
struct Pusher {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Pusher {
    fn start(processor: &Arc<OutputsProcessor>) -> Self {
        let (stop, processor) = (CancellationToken::new(), Arc::clone(processor));
        let inner = stop.clone();
        Self { stop, task: tokio::spawn(async move { pusher(&processor, &inner).await }) }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn stage(web_app: &WebApp) -> Stage {
    Stage::new(Some(target(&web_app.url, "s3cret")), Limits::default()).await
}

fn statuses(web_app: &WebApp) -> Vec<u16> {
    web_app.requests().iter().map(|r| r.status).collect()
}

/// Waits until nothing is queued; the store is told after the web app has answered.
async fn until_empty(store: &dyn JobStore) {
    while !store.pushes(1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_task_has_its_endpoint() {
    let web_app = WebApp::start().await;
    let stage = stage(&web_app).await;
    let pusher = Pusher::start(&stage.processor);
    stage.finished("sim-1", TaskName::Sim).await;
    web_app.until("the simulation", |w| w.taken().len() == 1).await;
    // It waits for events now, and one comes.
    stage.finished("parse-1", TaskName::Parse).await;
    web_app.until("both results", |w| w.taken().len() == 2).await;
    let requests = web_app.requests();
    assert_eq!(requests[0].path, "/outputs/api/");
    assert_eq!(requests[1].path, "/inputs/api/");
    assert_eq!(requests[0].authorization, "Token s3cret");
    let recorded = stage.store.result(&super::id("sim-1")).await.unwrap();
    assert_eq!(requests[0].body, json!(recorded.unwrap()));
    assert_eq!(requests[0].body["outputs"]["renderable"]["ziplocation"], "sim-1_renderable.zip");
    until_empty(&*stage.store).await;
    pusher.stop().await;
    assert_eq!(web_app.requests().len(), 2, "each was sent once");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let web_app = WebApp::start().await;
    let stage = stage(&web_app).await;
    web_app.fail_next([
        (500, vec![]),
        (503, vec![("retry-after", "0".into())]),
        (429, vec![("retry-after", "0".into())]),
        (501, vec![]),
        (502, vec![]),
        (408, vec![]),
        (302, vec![("location", format!("{}elsewhere/", web_app.url))]),
    ]);
    stage.finished("run-1", TaskName::Sim).await;
    let pusher = Pusher::start(&stage.processor);
    web_app.until("the result", |w| w.taken() == ["run-1"]).await;
    until_empty(&*stage.store).await;
    pusher.stop().await;
    assert_eq!(statuses(&web_app), [500, 503, 429, 501, 502, 408, 302, 200]);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_loses_nothing() {
    let web_app = WebApp::start().await;
    web_app.set_token("another");
    let stage = stage(&web_app).await;
    let pusher = Pusher::start(&stage.processor);
    stage.finished("run-1", TaskName::Sim).await;
    web_app.until("three tries", |w| w.requests().len() >= 3).await;
    assert!(statuses(&web_app).iter().all(|s| *s == 401));
    web_app.set_token("s3cret");
    web_app.until("the result", |w| w.taken() == ["run-1"]).await;
    pusher.stop().await;
}

#[tokio::test]
async fn what_is_refused_or_broken_holds_up_nobody() {
    let web_app = WebApp::start().await;
    let stage = stage(&web_app).await;
    web_app.always_fail("refused", 400);
    web_app.always_fail("unknown", 404);
    web_app.always_fail("broken", 500);
    for name in ["refused", "broken", "unknown", "run-1", "run-2"] {
        stage.finished(name, TaskName::Sim).await;
    }
    let pusher = Pusher::start(&stage.processor);
    let tries = |w: &WebApp, name: &str| w.requests().iter().filter(|r| r.body["task_id"] == name).count();
    web_app.until("the good ones and many tries", |w| w.taken().len() == 2 && tries(w, "broken") >= 5).await;
    stage.finished("run-3", TaskName::Sim).await;
    web_app.until("a later one", |w| w.taken().len() == 3).await;
    assert_eq!((tries(&web_app, "refused"), tries(&web_app, "unknown")), (1, 1), "refused is refused");
    pusher.stop().await;
    let left = stage.store.pushes(10).await.unwrap();
    assert!(left.iter().any(|p| p.result.task_id.as_str() == "broken"));
    assert!(!left.iter().any(|p| ["refused", "unknown"].contains(&p.result.task_id.as_str())));
    // Whatever the web app thinks of it, the result is kept.
    assert!(stage.store.result(&super::id("refused")).await.unwrap().is_some());
}

#[tokio::test]
async fn results_wait_for_a_web_app_that_is_down_and_for_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    // Taken, but nobody listens yet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let url = url::Url::parse(&format!("http://{address}")).unwrap();
    {
        let (store, bucket) = open(folder.path());
        let processor = on_laptop(&store, bucket, Some(target(&url, "s3cret")), Limits::default());
        let pusher = Pusher::start(&processor);
        for name in ["run-1", "run-2", "run-3"] {
            let token = started(&*store, name, TaskName::Sim).await;
            accept_spooled(&processor, &token, success(name, raw_outputs(name))).await.unwrap();
        }
        while store.pushes(10).await.unwrap().iter().all(|p| p.tries < 2) {
            tokio::task::yield_now().await;
        }
        pusher.stop().await;
    }
    let web_app = WebApp::listen(socket.listen(64).unwrap());
    let (store, bucket) = open(folder.path());
    let processor = on_laptop(&store, bucket, Some(target(&url, "s3cret")), Limits::default());
    let pusher = Pusher::start(&processor);
    web_app.until("all results", |w| w.taken().len() == 3).await;
    until_empty(&*store).await;
    pusher.stop().await;
    assert_eq!(web_app.requests().len(), 3);
}

#[tokio::test]
async fn many_results_arrive_once_each() {
    let web_app = WebApp::start().await;
    let stage = stage(&web_app).await;
    for i in 0..50 {
        web_app.fail_once(&format!("run-{i}"), (if i % 2 == 0 { 500 } else { 503 }, vec![]));
    }
    let pusher = Pusher::start(&stage.processor);
    let jobs = (0..300).map(|i| {
        let (processor, store) = (Arc::clone(&stage.processor), Arc::clone(&stage.store));
        async move {
            let name = format!("run-{i}");
            let token = started(&*store, &name, TaskName::Parse).await;
            accept_spooled(&processor, &token, success(&name, json!({"errors_warnings": {}}))).await.unwrap();
        }
    });
    futures::future::join_all(jobs).await;
    web_app.until("all results", |w| w.taken().len() == 300).await;
    until_empty(&*stage.store).await;
    pusher.stop().await;
    assert_eq!(web_app.requests().len(), 350, "nothing was sent without need");
}

#[test]
fn a_token_never_shows() {
    let url = "http://127.0.0.1:1/".parse().unwrap();
    assert!(!format!("{:?}", target(&url, "s3cret")).contains("s3cret"));
    let refused = PushTarget::new(
        &url,
        &"a\nb".to_owned().into(),
        csw::services::outputs_processor::Backoff::default(),
    );
    assert_eq!(refused.unwrap_err().to_string(), "CS_API_TOKEN holds characters that no token has");
}
