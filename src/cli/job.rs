//! `csw job`

mod container;
mod folder;
mod secrets;
mod stop;

pub(super) use stop::cancelled_by_sigterm;

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::Context;
use crate::error::Exit;
use crate::executor::ImageModel;
use crate::model::{JobId, TaskName};

/// Run one task of a model and post its result
///
/// Started by the scheduler, once for every attempt of a job. The model's output goes to stdout.
///
/// With CSW_JOB_DIR it works in that folder: launch.json and kwargs.json say what to run; result.json is written before the
/// result is posted to the outputs processor at CSW_OUTPUTS_PROCESSOR.
///
/// Without, it works in a container of the model's image. What to run is in the file CSW_MODEL_FILE, which the image has;
/// the inputs are in Redis (REDIS_HOST, REDIS_PORT, REDIS_EXECUTOR_PW), sealed with CSW_JOB_KEY; CSW_JOB_TOKEN proves to the
/// outputs processor whose attempt it is. CSW_SECRET_NAMES (with commas) names the variables that are the model's secrets,
/// CSW_TIME_LIMIT is in seconds. Redis and the outputs processor are waited for, ten minutes each.
///
/// Exit codes in a container: 0 when the result (also that of a model that failed) is delivered, or none is wanted; 1, 2 and
/// 70 when another attempt would end likewise: wrong configuration or usage, or a bug; 4 when Redis or the outputs processor
/// could not be reached, and 5 when it was ended from outside (SIGTERM) before there was a result: both to be tried again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  CSW_JOB_DIR=$PWD/attempt csw job --job-id run-1 --route-name sim")]
pub(super) struct JobArgs {
    /// The job's id
    #[arg(short = 't', long, value_name = "ID")]
    job_id: JobId,

    /// What is asked of the model
    #[arg(short, long, value_enum, value_name = "TASK")]
    route_name: TaskName,

    /// Folder of the attempt; none in a container
    #[arg(long, env = "CSW_JOB_DIR", value_name = "DIR")]
    job_dir: Option<PathBuf>,

    /// What a container's image says of its model
    #[arg(long, env = "CSW_MODEL_FILE", value_name = "FILE", default_value = ImageModel::PATH)]
    model_file: PathBuf,

    /// Base URL of the outputs processor; without one the result stays in the folder
    #[arg(long, env = "CSW_OUTPUTS_PROCESSOR", value_name = "URL")]
    outputs_processor: Option<Url>,
}

pub(super) fn run(context: &Context, args: JobArgs) -> anyhow::Result<Exit> {
    let JobArgs { job_id, route_name, job_dir, model_file, outputs_processor } = args;
    match job_dir {
        Some(folder) => folder::run(context, &job_id, route_name, folder, outputs_processor),
        None => container::run(context, job_id, route_name, &model_file, outputs_processor),
    }
}
