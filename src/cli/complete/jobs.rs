use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::context::{access, settings};
use super::words::{value_of, words};
use super::{MOST, in_time};
use crate::cli::jobs::{JobFinder, JobSource};
use crate::model::{Job, JobStatus};
use crate::services::scheduler::wire::{JobQuery, Order};

/// Completes the ids of the jobs that the command can do something with, with their model and how they stand.
pub(in crate::cli) fn job_ids() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

/// Which jobs a command of `csw jobs` works on; all if it says nothing.
fn worked_on(words: &[String]) -> &'static [JobStatus] {
    match words.iter().skip_while(|word| *word != "jobs").nth(1).map(String::as_str) {
        Some("cancel" | "wait") => &[JobStatus::Pending, JobStatus::Running],
        Some("results") => &[JobStatus::Success, JobStatus::Fail],
        _ => &[],
    }
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(typed), words) = (typed.to_str(), words()) else { return Vec::new() };
    let jobs = ask(&words, worked_on(&words)).unwrap_or_default();
    // One that is named already is not wanted twice.
    let matching = jobs.into_iter().filter(|job| {
        let id = job.id.as_str();
        id.starts_with(typed) && !words.iter().any(|word| word == id)
    });
    let candidate = |job: Job| {
        let help = format!("{} {}", job.model, job.status);
        CompletionCandidate::new(job.id.to_string()).help(Some(help.into()))
    };
    matching.take(MOST).map(candidate).collect()
}

fn ask(words: &[String], status: &[JobStatus]) -> Option<Vec<Job>> {
    let settings = settings(words)?;
    let access = access(words, &settings);
    let finder = JobFinder::of(value_of(words, &["--on"]).as_deref(), settings, access);
    in_time(async {
        match finder.find().await.ok()? {
            JobSource::Scheduler(client) => {
                let status = status.to_vec();
                let query = JobQuery { status, order: Order::Newest, limit: MOST, ..JobQuery::default() };
                Some(client.page(&query).await.ok()?.jobs)
            }
            JobSource::Kubernetes(cluster) => {
                let jobs = cluster.list().await.ok()?.into_iter().map(|found| found.job);
                Some(jobs.filter(|job| status.is_empty() || status.contains(&job.status)).collect())
            }
        }
    })
}
