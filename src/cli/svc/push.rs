use clap::Args;

use crate::cli::push::{self, PushArgs};
use crate::cli::{Context, image_targets};
use crate::error::Exit;

/// Push the services' images to their registry
///
/// What is there already is not sent again. Credentials are Docker's: `docker login`, or a credential helper.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc push
  csw svc push --tag v1 --also-tag latest
  csw svc push --check
  csw svc push --load kind
  csw svc push -o json | jq -r '.images[].digest'")]
pub(super) struct SvcPushArgs {
    #[command(flatten)]
    push: PushArgs,
}

pub(super) fn run(context: &Context, args: SvcPushArgs) -> anyhow::Result<Exit> {
    let SvcPushArgs { push } = args;
    let settings = context.settings(|_| {})?;
    let targets = image_targets::of_services(&settings)?;
    push::run(context, &settings, &targets, &push)
}
