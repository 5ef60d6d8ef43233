//! What the runtime asks an API server for, and what it makes of one that goes away for a while.

use std::sync::Arc;
use std::time::Duration;

use csw::job::kubernetes::KubernetesRuntime;
use csw::job::{AttemptEnd, AttemptSpec, AttemptState, EndCause, JobRuntime};
use futures::StreamExt as _;

use super::api::Api;
use super::conformance::spec;
use super::kubernetes::manifest;

async fn runtime(api: &Api) -> KubernetesRuntime {
    let make = |spec: &AttemptSpec| Ok(manifest(spec, "exit 0"));
    KubernetesRuntime::start(api.jobs().await, Arc::new(make)).await.unwrap()
}

#[tokio::test]
async fn a_thousand_jobs_cost_a_request_each() {
    let api = Api::start().await;
    let runtime = runtime(&api).await;
    let ids: Vec<String> = (0..1000).map(|n| format!("run-{n}")).collect();
    let each = futures::stream::iter(&ids).map(async |id| {
        runtime.create(&spec(id, 1)).await.unwrap();
        assert_eq!(runtime.state(&spec(id, 1).key).await.unwrap(), AttemptState::Running);
        api.complete(id);
        let end = runtime.wait(&spec(id, 1).key).await.unwrap();
        assert_eq!(end, AttemptEnd::exited(Some(0), None));
        runtime.put_away(&spec(id, 1).key).await.unwrap();
    });
    each.buffer_unordered(16).collect::<Vec<()>>().await;
    assert_eq!(runtime.list().await.unwrap(), []);
    let others = ["GET jobs", "GET pods", "GET events", "WATCH jobs", "WATCH pods", "WATCH events"];
    // Whether there is a server is the first of them.
    assert_eq!(others.map(|request| api.count(request)), [2, 1, 1, 1, 1, 1]);
    assert_eq!((api.total(), api.count("POST jobs")), (1007, 1000));
    // A later one finds what has not been cleaned up.
    assert_eq!(self::runtime(&api).await.list().await.unwrap().len(), 1000);
}

#[tokio::test]
async fn credentials_cost_a_request_more_and_belong_to_their_job() {
    let api = Api::start().await;
    let runtime = runtime(&api).await.with_credentials(super::credentials::of_attempt());
    let ids: Vec<String> = (0..100).map(|n| format!("run-{n}")).collect();
    let each = futures::stream::iter(&ids).map(async |id| runtime.create(&spec(id, 1)).await.unwrap());
    each.buffer_unordered(16).collect::<Vec<()>>().await;
    assert_eq!((api.count("POST jobs"), api.count("POST secrets")), (100, 100));
    let before = api.total();
    // What is there already is made sure of, and made once.
    runtime.create(&spec("run-7", 1)).await.unwrap();
    assert_eq!((api.total() - before, api.secrets().len()), (3, 100));
    let of = |id: &str| {
        let secrets = api.secrets();
        secrets.into_iter().find(|s| s["metadata"]["labels"]["job-id"] == id).unwrap()
    };
    let secret = of("run-7");
    assert_eq!(secret["stringData"]["CSW_JOB_TOKEN"], "token of run-7 (attempt 1)");
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&"Job".into(), &"run-7".into()));
    assert!(owner["uid"].as_str().is_some_and(|uid| uid.starts_with("uid-")), "{owner}");
}

#[tokio::test]
async fn what_happens_while_the_server_is_away_is_made_up_for() {
    let api = Api::start().await;
    let runtime = runtime(&api).await;
    for id in ["ends", "goes", "runs"] {
        runtime.create(&spec(id, 1)).await.unwrap();
    }
    // All of them have been told of.
    while runtime.list().await.unwrap().len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    api.go_away();
    api.complete("ends");
    api.remove("goes");
    // Made while nobody tells of it: one that stays, and one that is deleted before anybody does.
    for id in ["late", "brief"] {
        runtime.create(&spec(id, 1)).await.unwrap();
        assert_eq!(runtime.state(&spec(id, 1).key).await.unwrap(), AttemptState::Running);
    }
    api.remove("brief");
    let end = async |id: &str| runtime.wait(&spec(id, 1).key).await.unwrap();
    let (ends, brief, ()) = tokio::join!(end("ends"), end("brief"), async { api.go_on() });
    assert_eq!(ends, AttemptEnd::exited(Some(0), None));
    assert_eq!(brief.cause, Some(EndCause::Deleted));
    let (late, ()) = tokio::join!(end("late"), async { api.complete("late") });
    assert_eq!(late.code, Some(0));
    let state = async |id: &str| runtime.state(&spec(id, 1).key).await.unwrap();
    assert_eq!((state("goes").await, state("runs").await), (AttemptState::Absent, AttemptState::Running));
}
