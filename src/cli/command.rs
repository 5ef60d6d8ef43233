use clap::{Parser, Subcommand};

use super::Context;
use super::args::{Deferred, GlobalArgs};
use super::{
    api_task, cluster, completions, help, images, isolate, job, jobs, man, models, outputs_processor,
    scheduler, secrets, svc, up, version,
};
use crate::error::Exit;
use crate::secret::Scope;

/// Publish simulation models and run them as jobs
#[derive(Debug, Parser)]
#[command(name = "csw", version = env!("CSW_VERSION"), arg_required_else_help = true, disable_help_subcommand = true, help_template = help::TEMPLATE, after_help = help::EXAMPLES, after_long_help = help::LONG)]
pub struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Work on models: list, check, build, apply
    Models(Deferred<models::ModelsArgs>),
    /// Run simulations and follow them
    Jobs(Deferred<jobs::JobsArgs>),
    #[command(hide = true)]
    Job(job::JobArgs),
    Isolate(isolate::IsolateArgs),
    Up(up::UpArgs),
    #[command(hide = true)]
    ApiTask(api_task::ApiTaskArgs),
    #[command(hide = true)]
    Scheduler(scheduler::SchedulerArgs),
    #[command(visible_alias = "outputs", hide = true)]
    OutputsProcessor(outputs_processor::OutputsProcessorArgs),
    /// Work on the services that serve models
    #[command(visible_alias = "services")]
    Svc(Deferred<svc::SvcArgs>),
    /// See and manage the images of services and models
    Images(Deferred<images::ImagesArgs>),
    /// Keep secrets in an encrypted file
    Secrets(Deferred<secrets::SecretsArgs>),
    /// See and manage where everything runs
    Cluster(Deferred<cluster::ClusterArgs>),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Help(help::HelpArgs),
    Version(version::VersionArgs),
}

/// Runs what was asked for.
pub(super) fn dispatch(context: &Context, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Models(Deferred(args)) => models::run(context, args),
        Command::Jobs(Deferred(args)) => jobs::run(context, args),
        Command::Job(args) => job::run(context, args),
        Command::Isolate(args) => isolate::run(context, args),
        Command::Up(args) => up::run(context, args),
        Command::ApiTask(args) => api_task::run(context, args),
        Command::Scheduler(args) => scheduler::run(context, args),
        Command::OutputsProcessor(args) => outputs_processor::run(context, args),
        Command::Svc(Deferred(args)) => svc::run(context, args),
        Command::Images(Deferred(args)) => images::run(context, args),
        Command::Secrets(Deferred(args)) => secrets::run(context, &[Scope::Cluster], args),
        Command::Cluster(Deferred(args)) => cluster::run(context, args),
        Command::Completions(args) => completions::run(context, args),
        Command::Man(args) => man::run(context, args),
        Command::Version(args) => version::run(context, args),
        // The parser has turned it into the help that it asks for.
        Command::Help(_) => Ok(Exit::Ok),
    }
}
