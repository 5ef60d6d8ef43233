//! `csw cluster …`

mod apply;
mod delete;
mod diff;
mod doctor;
mod info;
mod status;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    Info(info::InfoArgs),
    Diff(diff::DiffArgs),
    Apply(apply::ClusterApplyArgs),
    Status(status::StatusArgs),
    Delete(delete::DeleteArgs),
    Doctor(doctor::DoctorArgs),
}

pub(super) fn run(context: &Context, args: ClusterArgs) -> anyhow::Result<Exit> {
    match args.command {
        ClusterCommand::Info(args) => info::run(context, args),
        ClusterCommand::Diff(args) => diff::run(context, args),
        ClusterCommand::Apply(args) => apply::run(context, args),
        ClusterCommand::Status(args) => status::run(context, args),
        ClusterCommand::Delete(args) => delete::run(context, args),
        ClusterCommand::Doctor(args) => doctor::run(context, args),
    }
}
