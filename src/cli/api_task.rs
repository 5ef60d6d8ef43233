//! `csw api-task`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;
use url::Url;

use super::Context;
use super::up::Signals;
use crate::error::{Exit, Failure};
use crate::executor::ImageModel;
use crate::model::{JobId, Memory, ModelName, Seconds, TaskName};
use crate::services::ServiceError;
use crate::services::inputs_server::{self, InputsServer, ServerLimits};

/// Serve a model's inputs, inside the model's image
///
/// Answers `version`, `defaults` and `parse` at POST /sync/ with workers that have the model imported; at POST /async/
/// it answers at once and hands the result to the outputs processor. Started by a model's Deployment. On a laptop
/// `csw up` answers the same for every model.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw api-task --start
  csw api-task --start --workers 4 --timeout 60s
  csw api-task --start --model-file ./model.json --listen 127.0.0.1:0")]
pub(super) struct ApiTaskArgs {
    /// Start the server
    #[arg(long, required = true)]
    start: bool,

    /// Address to listen on; port 0 takes any free one [env: CSW_LISTEN] [default: 127.0.0.1:8888]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// What the image says of its model
    #[arg(long, env = "CSW_MODEL_FILE", value_name = "FILE", default_value = ImageModel::PATH)]
    model_file: PathBuf,

    /// Worker processes
    #[arg(long, env = "CSW_WORKERS", value_name = "N", default_value = "1")]
    workers: NonZeroUsize,

    /// Requests that may wait for a worker
    #[arg(long, env = "CSW_WAITING", value_name = "N", default_value_t = 64)]
    waiting: usize,

    /// The longest that a request may take
    #[arg(long, env = "CSW_REQUEST_TIMEOUT", value_name = "TIME", default_value = "300s")]
    timeout: Seconds,

    /// Memory above which a worker that has answered is replaced, as in 2G; leaks end there
    #[arg(long, env = "CSW_WORKER_MEMORY", value_name = "AMOUNT")]
    worker_memory: Option<Memory>,

    /// Base URL of the outputs processor, for results that nobody waits for
    #[arg(long, env = "CSW_OUTPUTS_PROCESSOR", value_name = "URL")]
    outputs_processor: Option<Url>,

    /// Names of the environment variables that are the model's secrets: they are hidden in its log
    #[arg(long, env = "CSW_SECRET_NAMES", value_name = "NAME", value_delimiter = ',')]
    secret_names: Vec<String>,
}

pub(super) fn run(context: &Context, args: ApiTaskArgs) -> anyhow::Result<Exit> {
    let model = ImageModel::read(&args.model_file).map_err(|e| {
        Failure::config(format!("what the image says of its model can't be read: {e}"))
            .hint("This runs inside a model's image; on a laptop `csw up` answers the same")
    })?;
    let expected = (std::env::var("OWNER"), std::env::var("TITLE"));
    if let (Ok(owner), Ok(title)) = expected
        && ModelName::new(&owner, &title).ok().as_ref() != Some(&model.model)
    {
        let message = format!("this is the image of {}, not of {owner}/{title}", model.model);
        return Err(Failure::config(message).hint("Build and apply the model anew").into());
    }
    let listen = args.listen;
    let settings = context.settings(|o| o.listen = listen)?;
    let address = settings.listen.value;
    // A variable that is not text can't be a secret or an argument of a model; Python would not read it either.
    let variables =
        std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
    let (launch, secrets) = model.launch(JobId::random(), TaskName::Version, &args.secret_names, variables);
    let limits = ServerLimits {
        workers: args.workers,
        waiting: args.waiting,
        request: args.timeout.to_duration(),
        keep_below: args.worker_memory.as_ref().map(Memory::bytes),
    };
    let printer = context.printer();
    context.block_on_threads(async move {
        let mut signals = Signals::new()?;
        let listening = TcpListener::bind(address).await.and_then(|l| l.local_addr().map(|a| (l, a)));
        let (listener, bound) = listening.map_err(|source| ServiceError::Listen { address, source })?;
        let server = InputsServer::new(launch, secrets, args.outputs_processor, limits);
        printer.note(format!("Listening on http://{bound}/"));
        printer.note(format!("Model: {}", model.model));
        inputs_server::serve(listener, server, async move { signals.next().await }).await;
        Ok(Exit::Ok)
    })
}
