use std::collections::BTreeMap;

use crate::model::{Job, JobStatus, ModelName, TaskName};

/// Seconds that a job took, if it has started and ended.
pub(super) fn seconds(job: &Job) -> Option<f64> {
    let took = job.finished_at?.duration_since(job.started_at?);
    Some(took.as_secs_f64().max(0.0))
}

/// How long a model's last simulations that succeeded took, half of them longer and half shorter.
pub(super) fn typical(jobs: &[Job]) -> BTreeMap<ModelName, f64> {
    let mut times: BTreeMap<ModelName, Vec<f64>> = BTreeMap::new();
    for job in jobs.iter().filter(|j| j.status == JobStatus::Success && j.task == TaskName::Sim) {
        times.entry(job.model.clone()).or_default().extend(seconds(job));
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    };
    times.into_iter().filter_map(|(model, times)| Some((model, median(times)?))).collect()
}
