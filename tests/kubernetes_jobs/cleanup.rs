use csw::job::kubernetes::{KubernetesJobs, Retention};
use serde_json::{Value, json};

use super::place::{Job, Place};
use crate::cluster::space::minor;
use crate::support::{on_each_cluster, require};

const LONG_AGO: &str = "2026-01-02T00:00:00Z";
const LATER: &str = "2026-01-03T00:00:00Z";

/// A job for which no pod is made.
fn without_pod(id: &str) -> Job {
    let job = Job::new(id, "exit 0").set("/spec/parallelism", 0.into());
    // The oldest release does not know the field.
    if minor() < 21 { job } else { job.set("/spec/suspend", true.into()) }
}

async fn place() -> Place {
    let place = Place::new();
    let now = jiff::Timestamp::now().to_string();
    let cluster = place.cluster().await;
    let finished = [
        ("good-old", "Complete", LONG_AGO),
        ("good-new", "Complete", now.as_str()),
        ("bad-old", "Failed", LONG_AGO),
        ("bad-later", "Failed", LATER),
    ];
    place.create(finished.iter().map(|(id, ..)| without_pod(id)));
    place.create([
        without_pod("unfinished"),
        without_pod("other-model").set("/metadata/annotations", json!({"csw/model": "Other/Model"})),
        // Nobody's job: no id.
        without_pod("foreign").set("/metadata/labels", json!({"app": "x"})),
    ]);
    for (id, condition, at) in finished {
        place.finish(&cluster, id, condition, at).await;
    }
    place.finish(&cluster, "other-model", "Complete", LATER).await;
    place.finish(&cluster, "foreign", "Complete", LONG_AGO).await;
    place
}

fn removed(cleaned: &Value) -> Vec<&str> {
    cleaned["removed"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
}

on_each_cluster!(
    #[tokio::test]
    only_finished_jobs_go_by_state_age_model_and_number
);

async fn only_finished_jobs_go_by_state_age_model_and_number() {
    if !require("kubernetes") {
        return;
    }
    let place = place().await;
    let all = ["bad-later", "bad-old", "good-new", "good-old", "other-model", "unfinished"];
    let mut chosen = place.json(&["cleanup", "--dry-run"], 0);
    assert_eq!(removed(&chosen).len(), 5, "{chosen}");
    assert_eq!(removed(&chosen).last(), Some(&"good-new"), "the oldest first");
    chosen = place.json(&["cleanup", "--dry-run", "--keep-last", "2"], 0);
    assert_eq!(removed(&chosen).len(), 3, "{chosen}");
    chosen = place.json(&["cleanup", "--dry-run", "-n", "Other/Model"], 0);
    assert_eq!(removed(&chosen), ["other-model"]);
    assert_eq!(place.ids(), all, "a dry run deletes nothing");

    chosen = place.json(&["cleanup", "--yes", "--succeeded", "--older-than", "1h", "-n", "Examples/Echo"], 0);
    assert_eq!(removed(&chosen), ["good-old"]);
    chosen = place.json(&["cleanup", "--yes", "--failed", "--keep-last", "1"], 0);
    assert_eq!(removed(&chosen), ["bad-old"]);
    assert_eq!(place.ids(), ["bad-later", "good-new", "other-model", "unfinished"]);
    // All that succeeded: the server chooses.
    chosen = place.json(&["cleanup", "--yes", "--succeeded"], 0);
    let mut both = removed(&chosen);
    both.sort_unstable();
    assert_eq!(both, ["good-new", "other-model"]);
    chosen = place.json(&["cleanup", "--yes"], 0);
    assert_eq!(removed(&chosen), ["bad-later"]);
    assert_eq!(removed(&place.json(&["cleanup", "--yes"], 0)), Vec::<&str>::new());
    assert_eq!(place.ids(), ["unfinished"]);
    let left = place.space.kubectl(&["get", "jobs", "-o", "name"]);
    assert_eq!(left, "job.batch/foreign\njob.batch/unfinished\n");
}

on_each_cluster!(
    #[tokio::test]
    a_job_that_has_taken_the_place_of_a_finished_one_is_spared
);

async fn a_job_that_has_taken_the_place_of_a_finished_one_is_spared() {
    if !require("kubernetes") {
        return;
    }
    let place = place().await;
    let jobs = KubernetesJobs::new(place.cluster().await);
    let retention = Retention {
        succeeded: true,
        failed: true,
        older_than: Some("1h".parse().unwrap()),
        ..Retention::default()
    };
    let order = jobs.plan_cleanup(&retention).await.unwrap();
    assert_eq!(order.chosen.len(), 4);
    for id in ["good-old", "bad-old"] {
        place.space.kubectl(&["delete", "job", id]);
        place.create([without_pod(id)]);
    }
    jobs.carry_out(&order).await.unwrap();
    assert_eq!(place.ids(), ["bad-old", "good-new", "good-old", "unfinished"]);
}
