use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::kube::DEFAULT_CONCURRENCY;
use crate::model::Seconds;
use crate::ui::Format;

/// Where a dry run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DryRunMode {
    /// Compare with what is there, without asking the server to check
    Client,
    /// Let the server check everything that would change
    Server,
}

/// How to apply.
#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArgs {
    /// Only say what would be done
    #[arg(long, value_enum, value_name = "BY", num_args = 0..=1, require_equals = true, default_missing_value = "server")]
    pub(in crate::cli) dry_run: Option<DryRunMode>,

    /// Delete members of the set that are no longer wanted; never namespaces, volume claims or definitions
    #[arg(long)]
    pub(in crate::cli) prune: bool,

    /// Prune even if nothing at all is wanted any more
    #[arg(long, requires = "prune")]
    pub(in crate::cli) allow_empty: bool,

    /// Wait until everything is ready; fail early when something can't get ready
    #[arg(long)]
    pub(in crate::cli) wait: bool,

    /// How long to wait for an object
    #[arg(long, value_name = "TIME", default_value = "5m", requires = "wait")]
    pub(in crate::cli) timeout: Seconds,

    /// Take over fields that other field managers own
    #[arg(long)]
    pub(in crate::cli) force_conflicts: bool,

    /// Delete members of the set whose fields can't be changed as wanted, and make them anew; never namespaces, volume
    /// claims or definitions
    #[arg(long)]
    pub(in crate::cli) force_replace: bool,

    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CONCURRENCY, value_parser = concurrency)]
    pub(in crate::cli) concurrency: usize,

    /// Don't ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) output: Format,
}

/// Objects from files instead of the configuration.
#[derive(Debug, Args)]
pub(in crate::cli) struct SourceArgs {
    /// File, folder (its .yaml, .yml and .json files) or `-` for stdin to take the objects from, instead of the services
    /// and models of the configuration; may be given several times
    #[arg(short, long = "filename", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
}

fn concurrency(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=1000).contains(n))
        .ok_or_else(|| "expected a whole number from 1 to 1000".to_owned())
}
