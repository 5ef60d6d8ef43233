use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use crate::executor::environment::{Environments, PrepareProgress};
use crate::isolation;
use crate::model::{Isolation, Model};
use crate::outputs::Bucket;
use crate::private;
use crate::secret;
use crate::services::catalogue::Catalogue;
use crate::services::dispatch::Limits;
use crate::services::stack::{Isolating, LocalHost, StackConfig};
use crate::services::tokens::Tokens;
use crate::settings::Settings;
use crate::ui::Printer;

/// Attempts that end without a result before a job fails.
const MAX_LOST: u32 = 3;

/// Sees to it that what csw keeps by these settings is this user's alone, before anything of it is read.
pub(super) fn keep_private(printer: Printer, settings: &Settings) -> anyhow::Result<()> {
    private::make_all_private();
    let repaired = private::tree(&settings.data_dir.value)?;
    if repaired > 0 {
        printer.note(format!(
            "Others could look into {}: closed to them now ({repaired} files and folders)",
            settings.data_dir.value.display()
        ));
    }
    keep_cache_private(printer, settings)
}

/// The same for the cache alone, which may be large: nobody gets into a folder that is closed.
pub(super) fn keep_cache_private(printer: Printer, settings: &Settings) -> anyhow::Result<()> {
    private::make_all_private();
    let cache = &settings.cache_dir.value;
    if private::folder(cache)? {
        printer.note(format!("Others could look into {}: closed to them now", cache.display()));
    }
    Ok(())
}

/// What differs between `csw up` and `csw jobs run`.
pub(super) struct Differences {
    pub(super) catalogue: Catalogue,
    pub(super) data_dir: PathBuf,
    pub(super) listen: SocketAddr,
    pub(super) tokens: Tokens,
    pub(super) progress: Arc<dyn PrepareProgress>,
}

/// What leads to the Docker engine, as docker's own client takes it.
const ENGINE: [&str; 8] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "XDG_RUNTIME_DIR",
    "HOME",
    "PATH",
];

/// How models are kept to what is theirs.
fn isolating(settings: &Settings, launcher: PathBuf) -> Isolating {
    let Settings { data_dir, cache_dir, secrets_file, identity, file, scheduler_token_file, bucket, .. } =
        settings;
    let home = std::env::home_dir();
    let bucket = bucket.value.as_deref().and_then(|bucket| bucket.strip_prefix("file://")).map(PathBuf::from);
    let own = [&data_dir.value, &cache_dir.value, &secrets_file.value, &identity.value].map(Clone::clone);
    let named = [file.clone(), scheduler_token_file.value.clone(), bucket];
    let others = home.iter().flat_map(|home| isolation::credentials(home));
    Isolating {
        launcher,
        level: settings.isolation.value,
        hidden: own.into_iter().chain(named.into_iter().flatten()).chain(others).collect(),
        engine: ENGINE
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect(),
    }
}

/// What is to be said where models are meant to be kept to what is theirs, and can't be.
pub(super) fn isolation_note<'m>(
    settings: &Settings,
    mut models: impl Iterator<Item = &'m Model>,
) -> Option<String> {
    let level = |model: &Model| model.reach.isolation.unwrap_or(settings.isolation.value);
    if !models.any(|model| level(model) == Isolation::Process) {
        return None;
    }
    isolation::not_enforced().map(|why| {
        format!(
            "Models can read and write what you can: {why}. With a Docker engine, `isolation: container` keeps them to what \
             is theirs"
        )
    })
}

/// What the embedded stack is started with.
pub(super) fn stack_config(settings: &Settings, differences: Differences) -> anyhow::Result<StackConfig> {
    let Differences { catalogue, data_dir, listen, tokens, progress } = differences;
    let bucket = match &settings.bucket.value {
        Some(bucket) => Bucket::open(bucket)?,
        None => Bucket::open(&data_dir.join("bucket").to_string_lossy())?,
    };
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let grace = settings.grace_period.value.to_duration();
    let environments = Environments::new(&settings.cache_dir.value, settings.python.value.as_str());
    Ok(StackConfig {
        data_dir,
        listen,
        tokens,
        catalogue,
        host: LocalHost::new(environments, progress, Arc::from(secret::open(settings)?), grace)
            .isolating(isolating(settings, program.clone())),
        program,
        bucket,
        push: None,
        limits: Limits { max_jobs: settings.max_jobs.value, grace, max_lost: MAX_LOST, ..Limits::default() },
    })
}
