//! From nothing to results that the web app has and a person can read, and back to nothing.

use crate::support::on_each_cluster;
use serde_json::{Value, json};

use super::harness::{System, example};
use crate::outputs::cs_storage;

on_each_cluster!(
    #[tokio::test(flavor = "multi_thread")]
    all_tasks_of_the_examples_run_on_a_cluster_and_their_results_are_pushed
);

async fn all_tasks_of_the_examples_run_on_a_cluster_and_their_results_are_pushed() {
    let models = vec![example("Solow"), example("Epidemic")];
    let Some(system) = System::new(models, "").await else { return };
    system.apply();
    let forward = system.serve();
    for (model, version) in [("Examples/Solow", "1."), ("Examples/Epidemic", "1.")] {
        let (_, answer) = system.post(&forward, model, &json!({"task_name": "version"})).await;
        assert!(
            answer["version"].as_str().is_some_and(|v| v.starts_with(version)),
            "{answer}\n{}",
            system.story()
        );
        let (_, answer) = system
            .post(&forward, model, &json!({"task_name": "defaults", "task_kwargs": {"meta_param_dict": {}}}))
            .await;
        assert_eq!(answer["status"], "SUCCESS", "{answer}");
        assert!(
            answer["model_parameters"].is_object() && answer["meta"]["task_times"].is_array(),
            "{answer}"
        );
        let short = model.to_lowercase().replace('/', "-");
        let parse = format!("{short}-parse");
        let kwargs = json!({"meta_param_dict": {}, "adjustment": {}, "errors_warnings": {}});
        let body = json!({"task_name": "parse", "task_id": parse, "task_kwargs": kwargs});
        let (_, answer) = system.post(&forward, model, &body).await;
        assert_eq!(answer, json!({"task_id": parse, "status": "PENDING"}));
        let sim = format!("{short}-sim");
        let kwargs = json!({"meta_param_dict": {}, "adjustment": {}});
        system.sim(&forward, model, &sim, kwargs.clone()).await;
        // The web app asks again where it got no answer in time.
        system.sim(&forward, model, &sim, kwargs).await;
    }
    let wanted: Vec<String> = ["examples-solow", "examples-epidemic"]
        .iter()
        .flat_map(|m| [format!("{m}-parse"), format!("{m}-sim")])
        .collect();
    system.until_pushed(&wanted).await;
    for id in &wanted {
        let pushed = system.pushed(id);
        assert_eq!(pushed.len(), 1, "{id}: {pushed:?}");
        assert_eq!(pushed[0]["status"], "SUCCESS", "{id}: {}", pushed[0]);
        if id.ends_with("-sim") {
            let location = pushed[0]["outputs"]["renderable"]["ziplocation"].as_str().unwrap();
            assert!(system.disks.bucket().join(location).exists(), "{location}");
        }
    }
    let pushes: Vec<Value> =
        system.web_app.requests().iter().map(|r| json!([r.path, r.body["task_id"]])).collect();
    assert!(pushes.contains(&json!(["/inputs/api/", "examples-solow-parse"])), "{pushes:?}");
    assert!(pushes.contains(&json!(["/outputs/api/", "examples-solow-sim"])), "{pushes:?}");
    // The same numbers as without a cluster.
    system.csw(&["jobs", "wait", "examples-solow-sim", "--scheduler", &forward.url]).ok();
    system
        .csw(&["jobs", "results", "examples-solow-sim", "--scheduler", &forward.url, "--out", "there"])
        .ok();
    system.csw(&["jobs", "run", "-n", "Examples/Solow", "--out", "here"]).ok();
    let work = system.space.sandbox.work();
    // Each folder says whose results it holds.
    let compared = std::process::Command::new("diff")
        .args(["-r", "--exclude=.csw-folder", "here", "there"])
        .current_dir(&work)
        .output()
        .unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
    // And the same as who reads the bucket without csw.
    if let Some(python) = cs_storage::python() {
        for id in wanted.iter().filter(|id| id.ends_with("-sim")) {
            let pointer = &system.pushed(id)[0]["outputs"];
            let script = "answer = cs_storage.read(given, protocol='file')";
            let read = cs_storage::run(&python, &system.disks.bucket(), script, pointer);
            let told = system.get(&forward, &format!("api/v1/jobs/{id}/outputs")).await;
            assert!(!read["renderable"].as_array().unwrap().is_empty(), "{read}");
            assert_eq!(cs_storage::strip_ids(read), cs_storage::strip_ids(told), "{id}");
        }
    }
    // Nothing of a job is left in Redis.
    assert_eq!(system.keys_of_jobs().await, Vec::<String>::new());
    // And back to nothing.
    drop(forward);
    system.csw(&["cluster", "delete", "--yes"]).ok();
    assert_eq!(system.space.members("deployments"), Vec::<String>::new());
}
