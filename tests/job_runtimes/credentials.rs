//! What executors prove themselves with is in a Secret of each Job, on a real cluster.

use std::sync::Arc;
use std::time::Duration;

use csw::job::kubernetes::{Credentials, KubernetesRuntime};
use csw::job::{AttemptEnd, AttemptSpec, JobRuntime, Obstacle};

use super::conformance::spec;
use super::kubernetes::{Jobs, bed, manifest};
use crate::support::on_each_cluster;

/// The same for the same attempt, and with what a shell or Kubernetes could take for something else.
pub fn of_attempt() -> Arc<Credentials> {
    Arc::new(|key, model, task| {
        [
            ("CSW_JOB_TOKEN".to_owned(), format!("token of {key}").into()),
            ("CSW_JOB_KEY".to_owned(), format!("$(HOME) `{model}` \\n {}", task.as_str()).into()),
        ]
        .into()
    })
}

/// Ends well where the variables are right.
const CHECK: &str = r#"[ "$CSW_JOB_TOKEN" = "token of $JOB (attempt 1)" ] || exit 3
[ "$CSW_JOB_KEY" = '$(HOME) `Examples/Echo` \n sim' ] || exit 4"#;

async fn runtime(bed: &Jobs) -> KubernetesRuntime {
    let make = |spec: &AttemptSpec| Ok(manifest(spec, &format!("JOB={}\n{CHECK}", spec.key.id)));
    let runtime = KubernetesRuntime::start(bed.jobs.clone(), Arc::new(make)).await.unwrap();
    runtime.with_credentials(of_attempt())
}

fn secrets(bed: &Jobs, id: &str) -> Vec<String> {
    let labels = format!("job-id={id}");
    let names = bed.space.kubectl(&["get", "secrets", "-l", &labels, "-o", "name"]);
    names.lines().map(str::to_owned).collect()
}

on_each_cluster!(
    #[tokio::test]
    they_reach_the_executor_and_go_with_the_job
);

async fn they_reach_the_executor_and_go_with_the_job() {
    let Some(bed) = bed().await else { return };
    let runtime = runtime(&bed).await;
    let spec = spec("one", 1);
    runtime.create(&spec).await.unwrap();
    let [secret] = &*secrets(&bed, "one") else { panic!() };
    assert_eq!(runtime.wait(&spec.key).await.unwrap(), AttemptEnd::exited(Some(0), None));
    let job = bed.space.get("job/one").to_string();
    assert!(!job.contains("token of one") && job.contains(secret.trim_start_matches("secret/")), "{job}");
    // As long as the Job, whatever ends it.
    bed.space.kubectl(&["delete", "job", "one"]);
    bed.space.kubectl(&["wait", "--for=delete", secret, "--timeout=60s"]);
}

on_each_cluster!(
    #[tokio::test]
    a_job_whose_maker_was_killed_before_its_secret_was_there_gets_it_from_the_next
);

async fn a_job_whose_maker_was_killed_before_its_secret_was_there_gets_it_from_the_next() {
    let Some(bed) = bed().await else { return };
    bed.space.occupy("none");
    let first = runtime(&bed).await;
    let spec = spec("one", 1);
    first.create(&spec).await.unwrap();
    // As if it had not come that far: the pod, which had no room so far, finds no Secret.
    bed.space.kubectl(
        &[&["delete"], &*secrets(&bed, "one").iter().map(String::as_str).collect::<Vec<_>>()].concat(),
    );
    drop(first);
    let next = runtime(&bed).await.with_startup_patience(Duration::from_secs(200));
    bed.space.kubectl(&["delete", "quota", "none"]);
    assert_eq!(next.wait(&spec.key).await.unwrap(), AttemptEnd::exited(Some(0), None));
    assert_eq!(secrets(&bed, "one").len(), 1);
}

on_each_cluster!(
    #[tokio::test]
    a_job_that_can_have_none_does_not_stay
);

async fn a_job_that_can_have_none_does_not_stay() {
    let Some(bed) = bed().await else { return };
    bed.space.kubectl(&["create", "quota", "none", "--hard=secrets=0"]);
    let refused = || {
        let make = ["create", "secret", "generic", "probe", "--dry-run=server"];
        String::from_utf8_lossy(&bed.space.kubectl_output(&make).stderr).contains("exceeded quota")
    };
    while !refused() {}
    let runtime = runtime(&bed).await;
    let spec = spec("one", 1);
    let error = runtime.create(&spec).await.unwrap_err();
    assert!(matches!(error.obstacle(), Some(Obstacle::ForAll { .. })), "{error}");
    assert!(error.to_string().contains("quota") && !error.to_string().contains("token of"), "{error}");
    bed.space.kubectl(&["wait", "--for=delete", "job/one", "--timeout=60s"]);
    // Once there is room it is made as if nothing had been.
    bed.space.kubectl(&["delete", "quota", "none"]);
    while refused() {}
    runtime.create(&spec).await.unwrap();
    assert_eq!(runtime.wait(&spec.key).await.unwrap(), AttemptEnd::exited(Some(0), None));
}
