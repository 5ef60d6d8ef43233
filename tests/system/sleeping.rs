//! Inputs servers that nobody asks are scaled to zero, and woken by the next request.

use crate::support::on_each_cluster;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{System, example};

on_each_cluster!(
    #[tokio::test(flavor = "multi_thread")]
    an_idle_inputs_server_sleeps_until_somebody_asks
);

async fn an_idle_inputs_server_sleeps_until_somebody_asks() {
    let Some(system) = System::new(vec![example("Epidemic")], "  inputs_idle_timeout: 4s\n").await else {
        return;
    };
    system.apply();
    let forward = system.serve();
    let replicas = || system.space.get("deployment/examples-epidemic-api-task")["spec"]["replicas"].clone();
    let sleeps = async || {
        let started = Instant::now();
        while replicas() != json!(0) {
            assert!(started.elapsed() < Duration::from_secs(120), "{}", system.story());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    sleeps().await;
    // What nobody waits for wakes it as well as what somebody waits for.
    let kwargs = json!({"meta_param_dict": {}, "adjustment": {}, "errors_warnings": {}});
    let body = json!({"task_name": "parse", "task_id": "woken", "task_kwargs": kwargs});
    system.post(&forward, "Examples/Epidemic", &body).await;
    system.until_pushed(&["woken".to_owned()]).await;
    assert_eq!(system.pushed("woken")[0]["status"], "SUCCESS", "{:?}", system.pushed("woken"));
    sleeps().await;
    let (_, answer) = system.post(&forward, "Examples/Epidemic", &json!({"task_name": "version"})).await;
    assert!(answer["version"].is_string(), "{answer}\n{}", system.story());
    // To apply the same again wakes nobody.
    sleeps().await;
    system.apply();
    assert_eq!(replicas(), json!(0));
}
