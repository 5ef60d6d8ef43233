//! `csw up`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Context;
use super::configuration::Watch;
use super::stack_config::{Differences, isolation_note, keep_private, stack_config};
use crate::error::{Exit, Failure};
use crate::executor::environment::PrepareProgress;
use crate::secret::SecretValue;
use crate::services::catalogue::Catalogue;
use crate::services::outputs_processor::{Backoff, PushTarget};
use crate::services::stack::Stack;
use crate::services::tokens::{LocalToken, Tokens};
use crate::settings::Settings;
use crate::ui::{Printer, logs};

/// Run the embedded stack: scheduler, outputs processor and jobs on this machine
///
/// Its configuration is read again when it changes: new and changed models are taken, those with mistakes stay as they were.
/// Stays in the foreground until Ctrl-C or SIGTERM. Then it accepts nothing more and asks running jobs to end; they get
/// the grace period (CSW_GRACE_PERIOD, 30 s) for that and go back to their place in the queue: the next `csw up` runs
/// them again. Queued jobs and results are kept. A second Ctrl-C ends at once.
///
/// Callers show a token. Without CSW_SCHEDULER_TOKEN the stack makes one and keeps it in its folder, in the file `token`,
/// where `csw jobs` of the same user finds it by itself. The link that is printed opens the page in a browser, once and
/// within ten minutes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw up
  csw up --listen 127.0.0.1:0 --data ./state --max-jobs 2
  CSW_SCHEDULER_TOKEN=$(openssl rand -hex 32) csw up --listen 0.0.0.0:8888")]
pub(super) struct UpArgs {
    /// Address to listen on; port 0 takes any free one [env: CSW_LISTEN] [default: 127.0.0.1:8888]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Folder for the stack's state [env: CSW_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Jobs that run at once [env: CSW_MAX_JOBS] [default: processors]
    #[arg(long, value_name = "N")]
    max_jobs: Option<usize>,

    /// Want no token: everybody who reaches the address, every user of this machine to begin with, can run any program as
    /// you
    #[arg(long)]
    no_token: bool,
}

pub(super) fn run(context: &Context, args: UpArgs) -> anyhow::Result<Exit> {
    let UpArgs { listen, data, max_jobs, no_token } = args;
    let resolve = || {
        context.settings(|o| {
            o.listen.clone_from(&listen);
            o.data_dir.clone_from(&data);
            o.max_jobs = max_jobs;
        })
    };
    // Before anything is read: what changes from here on is seen.
    let mut watch = Watch::new(context)?;
    let settings = resolve()?;
    watch.start(&settings);
    let printer = context.printer();
    keep_private(printer, &settings)?;
    let data_dir = settings.data_dir.value.clone();
    let (catalogue, catalog) = Catalogue::open(&context.models_folder(&settings)?, &data_dir)?;
    if !catalog.diagnostics().is_empty() {
        printer.warn(catalog.diagnostics().render(printer.report_style()));
    }
    let names: Vec<String> = catalog.models().map(|model| model.name.to_string()).collect();
    let isolation = isolation_note(&settings, catalog.models());
    drop(catalog);
    let Entry { tokens, token_file } = entry(&settings, no_token)?;
    let mut config = stack_config(
        &settings,
        Differences {
            catalogue: catalogue.clone(),
            data_dir: data_dir.clone(),
            listen: settings.listen.value,
            tokens,
            progress: Arc::new(Steps(printer)),
        },
    )?;
    config.push = push_target(&settings)?;
    let bucket = config.bucket.url().to_owned();
    context.block_on_threads(async move {
        let mut signals = Signals::new()?;
        let stack = Stack::start(config).await?;
        // Whoever has seen that it listens can ask at once.
        let noted = token_file.as_ref().map(|f| LocalToken::register(&settings.state_dir, stack.url(), f));
        printer.note(format!("Listening on {}", stack.url()));
        if let Some(file) = &token_file {
            printer.note(format!("Token: in {}", file.display()));
        }
        if let Some(Err(e)) = &noted {
            printer.warn(format!("warning: `csw jobs` does not find the token by itself: {e}"));
            printer.warn("  Set CSW_SCHEDULER_TOKEN_FILE for it to the token's file");
        }
        if no_token {
            printer.warn(format!(
                "warning: everybody who reaches {}, every user of this machine to begin with, can run any program as you",
                stack.url()
            ));
        } else {
            printer.note(format!("Page: {} (this link opens once, within 10 minutes)", stack.page_link()));
        }
        printer.note(match names.as_slice() {
            [] => format!(
                "No models in {}: write the first with `csw models new OWNER/TITLE`",
                settings.config_dir.value.display()
            ),
            names => format!("Models: {}", names.join(", ")),
        });
        printer.note(format!("State: {}", data_dir.display()));
        printer.note(format!("Results: {bucket}"));
        if let Some(note) = isolation {
            printer.warn(note);
        }
        if let Some(url) = &settings.cs_url.value {
            printer.note(format!("Results are handed to {url}"));
        }
        tokio::select! {
            () = signals.next() => {}
            () = watch.follow(&catalogue, &stack, resolve) => {}
        }
        stop(printer, stack, &mut signals, settings.grace_period.value.as_secs_f64()).await;
        drop(noted);
        Ok(Exit::Ok)
    })
}

/// What callers have to show.
struct Entry {
    tokens: Tokens,
    /// Where the token is that was made because none is set.
    token_file: Option<PathBuf>,
}

/// What the settings say; else a token of the stack's own.
fn entry(settings: &Settings, no_token: bool) -> anyhow::Result<Entry> {
    if no_token {
        return Ok(Entry { tokens: Tokens::default(), token_file: None });
    }
    let tokens = Tokens::of(settings)?;
    // For callers on other machines somebody has to have chosen it.
    if !tokens.is_empty() || !settings.listen.value.ip().is_loopback() {
        return Ok(Entry { tokens, token_file: None });
    }
    let (token, file) = LocalToken::of_stack(&settings.data_dir.value)?;
    logs::mask([&SecretValue::from(token.clone())]);
    Ok(Entry { tokens: Tokens::fixed(&token), token_file: Some(file) })
}

/// The web app, if one is set.
fn push_target(settings: &Settings) -> anyhow::Result<Option<PushTarget>> {
    match (&settings.cs_url.value, &settings.cs_api_token.value) {
        (None, _) => Ok(None),
        (Some(url), Some(token)) => Ok(Some(PushTarget::new(url, token, Backoff::default())?)),
        (Some(url), None) => {
            let failure = Failure::config(format!("results can't be handed to {url} without a token"));
            Err(failure.hint("Set CS_API_TOKEN, or unset CS_URL to keep results here").into())
        }
    }
}

/// What is done to make models ready, line by line.
struct Steps(Printer);

impl PrepareProgress for Steps {
    fn step(&self, what: &str) {
        self.0.note(what);
    }

    fn detail(&self, line: &str) {
        tracing::debug!("{line}");
    }

    fn note(&self, line: &str) {
        self.0.note(line);
    }
}

async fn stop(printer: Printer, stack: Stack, signals: &mut Signals, grace: f64) {
    match stack.running() {
        0 => printer.note("Stopping"),
        n => printer.note(format!(
            "Stopping; running jobs: {n}, which get {grace} s to end (Ctrl-C again ends at once)"
        )),
    }
    tokio::select! {
        requeued = stack.stop() => if requeued > 0 {
            printer.note(format!("Back in the queue for the next start: {requeued}"));
        },
        () = signals.next() => {
            printer.note("Ended at once; what still runs is adopted by the next start");
        }
    }
}

/// Ctrl-C and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns at the next of either.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
