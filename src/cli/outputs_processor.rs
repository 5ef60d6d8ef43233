//! `csw outputs-processor`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use tokio::net::TcpListener;

use super::Context;
use super::up::Signals;
use crate::error::{Exit, Failure};
use crate::model::{Memory, Seconds};
use crate::outputs::Bucket;
use crate::private;
use crate::secret::SecretValue;
use crate::services::ServiceError;
use crate::services::outputs_processor::{self, Backoff, Limits, OutputsProcessor, PushTarget};
use crate::settings::{Settings, secret_variable};
use crate::store::{ClusterKey, EmbeddedStore};
use crate::ui::logs;

/// Serve as the outputs processor of a cluster
///
/// Takes simulations' outputs at POST /write/ and results at POST /push/ from executors, stores the outputs in BUCKET, and
/// hands the results to the web app at CS_URL, again and again until it takes them. Started by a Deployment. Secrets come
/// from the environment: CSW_CLUSTER_KEY, which the scheduler has too, and CS_API_TOKEN; or from the files that
/// CSW_CLUSTER_KEY_FILE and CS_API_TOKEN_FILE name. On a laptop `csw up` does the same. At SIGTERM it finishes what is
/// under way.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw outputs-processor --start
  csw --bucket gs://my-outputs outputs-processor --start --data /data --keep-results 720h
  CSW_CLUSTER_KEY_FILE=/etc/csw/key csw outputs --start --listen 0.0.0.0:8888")]
pub(super) struct OutputsProcessorArgs {
    /// Start the service
    #[arg(long, required = true)]
    start: bool,

    /// Address to listen on; port 0 takes any free one [env: CSW_LISTEN] [default: 127.0.0.1:8888]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Folder for its state; one process at a time [env: CSW_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// How long results are known that the web app has; their files in the bucket stay
    #[arg(long, env = "CSW_KEEP_RESULTS", value_name = "TIME", default_value = "168h")]
    keep_results: Seconds,

    /// The largest outputs of a simulation, as JSON
    #[arg(long, env = "CSW_MAX_OUTPUTS", value_name = "AMOUNT", default_value = "512Mi")]
    max_outputs: Memory,

    /// The largest result without outputs, as JSON
    #[arg(long, env = "CSW_MAX_RESULT", value_name = "AMOUNT", default_value = "64Mi")]
    max_result: Memory,

    /// A sender that is silent for so long is given up
    #[arg(long, env = "CSW_SILENCE", value_name = "TIME", default_value = "60s")]
    silence: Seconds,
}

/// What the settings say, all of it checked.
struct Checked {
    settings: Settings,
    key: ClusterKey,
    bucket: Bucket,
    target: Option<PushTarget>,
}

pub(super) fn run(context: &Context, args: OutputsProcessorArgs) -> anyhow::Result<Exit> {
    let OutputsProcessorArgs { start: _, listen, data, keep_results, max_outputs, max_result, silence } =
        args;
    let limits = Limits {
        write: usize::try_from(max_outputs.bytes()).unwrap_or(usize::MAX),
        push: usize::try_from(max_result.bytes()).unwrap_or(usize::MAX),
        silence: silence.to_duration(),
    };
    let Checked { settings, key, bucket, target } = check(context, listen, data)?;
    let printer = context.printer();
    let (address, data_dir) = (settings.listen.value, settings.data_dir.value);
    context.block_on_threads(async move {
        let mut signals = Signals::new()?;
        let ledger = Arc::new(EmbeddedStore::open(&data_dir)?);
        let listening = TcpListener::bind(address).await.and_then(|l| l.local_addr().map(|a| (l, a)));
        let (listener, bound) = listening.map_err(|source| ServiceError::Listen { address, source })?;
        printer.note(format!("Listening on http://{bound}/"));
        printer.note(format!("State: {}", data_dir.display()));
        printer.note(format!("Outputs: {}", bucket.url()));
        printer.note(match &settings.cs_url.value {
            Some(url) => format!("Results are handed to {url}"),
            None => "Results are kept here: CS_URL names no web app".to_owned(),
        });
        let state = OutputsProcessor::of_cluster(key, ledger, bucket, target, limits);
        let stopped = async move {
            signals.next().await;
            printer.note("Stopping");
        };
        outputs_processor::serve(listener, state, keep_results.to_duration(), stopped).await;
        Ok(Exit::Ok)
    })
}

/// Everything that is set, or all that is wrong with it.
fn check(context: &Context, listen: Option<String>, data: Option<PathBuf>) -> anyhow::Result<Checked> {
    let mut wrong = Vec::new();
    let settings = context.settings(|o| {
        o.listen = listen;
        o.data_dir = data;
    });
    let key = cluster_key().map_err(|e| wrong.push(e)).ok();
    let settings = match settings {
        Ok(settings) => settings,
        // What is in a file is shown with its place, which a list of sentences can't.
        Err(e) if wrong.is_empty() => return Err(e),
        Err(e) => {
            wrong.insert(0, e.to_string());
            return Err(failure(&wrong).into());
        }
    };
    let data_dir = &settings.data_dir.value;
    private::folder(data_dir)?;
    let bucket = match &settings.bucket.value {
        Some(bucket) => Bucket::open(bucket),
        None => Bucket::open(&data_dir.join("bucket").to_string_lossy()),
    };
    let bucket = bucket.map_err(|e| wrong.push(format!("BUCKET: {e}"))).ok();
    let target = push_target(&settings).map_err(|e| wrong.push(e)).ok();
    match (key, bucket, target) {
        (Some(key), Some(bucket), Some(target)) => Ok(Checked { settings, key, bucket, target }),
        _ => Err(failure(&wrong).into()),
    }
}

fn failure(wrong: &[String]) -> Failure {
    let failure = Failure::config(format!("the outputs processor can't start:\n  {}", wrong.join("\n  ")));
    failure.hint("In a cluster its Deployment sets all of this: `csw svc apply`")
}

pub(super) fn cluster_key() -> Result<ClusterKey, String> {
    let name = "CSW_CLUSTER_KEY";
    let secret = secret_variable(name)?
        .ok_or_else(|| format!("{name}: not set; it is the secret that the scheduler has too"))?;
    logs::mask(&[SecretValue::from(secret.clone())]);
    ClusterKey::new(&secret).map_err(|e| format!("{name}: {e}"))
}

fn push_target(settings: &Settings) -> Result<Option<PushTarget>, String> {
    let Some(url) = &settings.cs_url.value else { return Ok(None) };
    let token: Option<SecretString> = match settings.cs_api_token.value.clone() {
        Some(token) => Some(token),
        None => secret_variable("CS_API_TOKEN")?,
    };
    let token = token.ok_or_else(|| {
        format!("CS_API_TOKEN: not set; without it {url} takes no results (unset CS_URL to keep them here)")
    })?;
    logs::mask(&[SecretValue::from(token.clone())]);
    PushTarget::new(url, &token, Backoff::default()).map(Some).map_err(|e| e.to_string())
}
