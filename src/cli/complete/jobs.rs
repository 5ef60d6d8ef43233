use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use crate::services::client::SchedulerClient;
use crate::services::tokens::Tokens;
use crate::settings::{Overrides, Settings};

/// Nobody waits longer than this at TAB.
const PATIENCE: Duration = Duration::from_millis(800);

/// A shell that offers more helps nobody.
const MOST: usize = 1000;

/// Completes the ids of the jobs that the scheduler knows, with their model and how they stand.
pub(in crate::cli) fn job_ids() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    typed.to_str().and_then(ask).unwrap_or_default()
}

fn ask(typed: &str) -> Option<Vec<CompletionCandidate>> {
    let settings = Settings::resolve(Overrides::default(), &std::env::current_dir().ok()?).ok()?;
    let token = Tokens::shown(&settings).ok()?;
    let client = SchedulerClient::new(settings.scheduler.value, token).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let page = async { tokio::time::timeout(PATIENCE, client.page(&[], &[], None, MOST)).await };
    let page = runtime.block_on(page).ok()?.ok()?;
    let matching = page.jobs.into_iter().filter(|job| job.id.as_str().starts_with(typed));
    Some(
        matching
            .map(|job| {
                let help = format!("{} {}", job.model, job.status);
                CompletionCandidate::new(job.id.to_string()).help(Some(help.into()))
            })
            .collect(),
    )
}
