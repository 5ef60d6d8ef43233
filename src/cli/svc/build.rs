use std::collections::BTreeSet;

use clap::Args;

use crate::cli::Context;
use crate::cli::build::{self, BuildArgs, Job, What};
use crate::cli::image_targets::{self, SERVICES};
use crate::error::Exit;
use crate::secret::{self, Scope};

/// Build the images of the services
///
/// Scheduler and outputs processor are the csw program alone, so it has to be a static one (make dist). What has not
/// changed is not built again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc build --project my-project
  csw svc build scheduler outputs_processor --program target/x86_64-unknown-linux-gnu/dist/csw
  csw svc build --tag v1 --push --out build.json && csw svc config --images build.json")]
pub(super) struct SvcBuildArgs {
    /// Services to build; all if none is named
    #[arg(value_name = "SERVICE", value_parser = SERVICES)]
    services: Vec<String>,

    #[command(flatten)]
    build: BuildArgs,
}

pub(super) fn run(context: &Context, args: SvcBuildArgs) -> anyhow::Result<Exit> {
    let SvcBuildArgs { services, build: args } = args;
    let settings = context.settings(|_| {})?;
    let named: BTreeSet<&str> = services.iter().map(String::as_str).collect();
    let jobs = SERVICES
        .into_iter()
        .filter(|name| named.is_empty() || named.contains(name))
        .map(|name| Ok(Job { target: image_targets::of_service(&settings, name)?, what: What::Service }))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let backend = secret::open(&settings)?;
    context.block_on_unbroken(async {
        let kept = backend.entries(&Scope::Cluster).await?;
        let workshop = build::workshop(&settings, &args, &kept, &BTreeSet::new()).await?;
        let at_once = args.jobs.unwrap_or(settings.build_jobs.value);
        build::run(context, &workshop, &args, at_once, jobs).await
    })
}
