//! Everything is killed, restarted and cut off while hundreds of jobs run: each ends in exactly one result that the web
//! app has, and none that has ended runs again.

use std::collections::{BTreeMap, HashSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::process::Command;

use super::harness::System;
use super::quick::quick;
use crate::cluster::space::{kubeconfig, server};
use crate::support::{WebApp, docker_says, node_loss_command, on_each_cluster, require, restart_command};

/// Jobs, unless `CSW_TEST_JOBS` says how many.
const JOBS: usize = 120;
/// Harms that are done for every so many jobs: all kinds of them once.
const JOBS_A_ROUND: usize = 120;
/// Kinds of harms.
const KINDS: usize = 9;

/// Kills the container of a service without any warning.
fn kill(namespace: &str, container: &str) {
    let filter = format!("name=^/k8s_{container}_[^_]*_{namespace}_");
    let ids = docker_says(["ps", "-q", "--filter", &filter]);
    for id in ids.split_whitespace() {
        // One that has just ended by itself is dead as well.
        drop(std::process::Command::new("docker").args(["kill", "--signal=KILL", id]).output());
    }
}

/// How often a simulation has begun.
fn runs(app: &WebApp) -> usize {
    app.requests().iter().filter(|r| r.path.starts_with("/ran/started/")).count()
}

async fn run(script: &str) {
    // What it starts would keep a pipe open.
    let (out, err) = (Stdio::null(), Stdio::null());
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).env("KUBECONFIG", kubeconfig());
    let status = shell.stdout(out).stderr(err).status().await;
    assert!(status.unwrap().success(), "{script}");
}

on_each_cluster!(
    #[tokio::test(flavor = "multi_thread")] oldest every_job_ends_in_one_result_whatever_is_killed,
    "its containers are killed, and its node lost, by the Docker engine, which runs the pods of that cluster alone"
);

#[allow(clippy::await_holding_lock)] // nobody in this process waits for the lock on a thread of this runtime
async fn every_job_ends_in_one_result_whatever_is_killed() {
    if !["kubernetes-node", "kubernetes-restart", "docker"].iter().all(|what| require(what)) {
        return;
    }
    let restart = restart_command().unwrap();
    let lose_node = require("kubernetes-node-loss").then(|| node_loss_command().unwrap());
    let _alone = server().write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let count = std::env::var("CSW_TEST_JOBS").ok().map_or(JOBS, |n| n.parse().unwrap());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let settings = "  jobs: {max_running: 12}\n  replicas: {scheduler: 2}\n";
    let written = |app: &str| vec![("Test/Quick".to_owned(), quick(folder.path(), app))];
    let Some(system) = System::alone(written, settings).await else { return };
    system.apply();
    let forward = system.serve();
    let ids: Vec<String> = (0..count).map(|n| format!("job-{n}")).collect();
    let namespace = system.space.name.clone();
    let submitting = async {
        for (n, id) in ids.iter().enumerate() {
            let kwargs =
                json!({"meta_param_dict": {}, "adjustment": {"Numbers": {"number": n, "seconds": n % 4}}});
            system.sim(&forward, "Test/Quick", id, kwargs).await;
        }
    };
    let started = Instant::now();
    let harming = async {
        let rounds = KINDS * count.div_ceil(JOBS_A_ROUND);
        for round in 0..rounds {
            // What is harmed does something again before the next harm: simulations have just begun.
            let before = runs(&system.web_app);
            let goes_on = |app: &WebApp| runs(app) >= before + 6;
            system.web_app.reaches(Duration::from_secs(30), goes_on).await;
            let (begun, taken) = (runs(&system.web_app), system.web_app.taken().len());
            eprintln!("{:.0?}: harm {round}, {begun} have begun, {taken} results", started.elapsed());
            match round % KINDS {
                0 => kill(&namespace, "outputs-processor"),
                1 => kill(&namespace, "scheduler"),
                2 => kill(&namespace, "redis"),
                3 => system.web_app.fail_for(Duration::from_secs(60)),
                4 => run(&restart).await,
                5 => run(&system.drain_command()).await,
                6 => {
                    if let Some(command) = &lose_node {
                        run(command).await;
                    }
                }
                7 => system.web_app.cut_for(Duration::from_secs(20)),
                _ => system.web_app.fail_next((0..20).map(|_| (503, vec![("retry-after", "2".to_owned())]))),
            }
        }
        rounds
    };
    let (rounds, ()) = tokio::join!(harming, submitting);
    eprintln!("{:.0?}: the last harm is done, all jobs are submitted", started.elapsed());
    system.until_pushed(&ids).await;
    eprintln!("{:.0?}: all results are there", started.elapsed());
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in system.web_app.requests() {
        let Some(id) = request.body["task_id"].as_str() else { continue };
        let what = if request.path.starts_with("/ran/") {
            "started".to_owned()
        } else {
            format!("pushed {}", request.status)
        };
        events.entry(id.to_owned()).or_default().push(what);
    }
    let mut ran_twice = 0;
    for (n, id) in ids.iter().enumerate() {
        let told = &events[id];
        let pushed = system.pushed(id);
        let texts: HashSet<String> =
            pushed.iter().map(|p| p["status"].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(
            texts,
            HashSet::from(["SUCCESS".to_owned()]),
            "{id}: {told:?}: {pushed:?}\n{}",
            system.story()
        );
        // A push whose answer was lost is repeated with the same words.
        let same: HashSet<String> = pushed.iter().map(ToString::to_string).collect();
        assert_eq!(same.len(), 1, "{id}: {pushed:?}");
        let taken = told.iter().position(|e| e == "pushed 200").unwrap();
        assert!(!told[taken..].contains(&"started".to_owned()), "{id} ran again after its end: {told:?}");
        ran_twice += usize::from(told.iter().filter(|e| *e == "started").count() > 1);
        let location = pushed[0]["outputs"]["renderable"]["ziplocation"].as_str().unwrap();
        let text = system.read_zip(location);
        assert!(text.contains(&format!("The number is {n}")), "{id}: {text}");
    }
    eprintln!("{count} jobs, {rounds} harms, {ran_twice} were run again because their first run was killed");
    assert_eq!(system.keys_of_jobs().await, Vec::<String>::new());
}
