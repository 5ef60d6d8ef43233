use std::future::Future;
use std::path::PathBuf;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::GlobalArgs;
use crate::config;
use crate::secret::SecretValue;
use crate::services::tokens;
use crate::settings::{Origin, Overrides, Setting, Settings};
use crate::ui::{Printer, Verbosity, logs};

/// What every handler gets: the printer, and ways to the settings and to an async runtime. Neither is made before a
/// handler asks, because most of a short command's time would go there.
#[derive(Debug)]
pub struct Context {
    global: GlobalArgs,
    printer: Printer,
}

impl Context {
    pub(super) fn new(global: GlobalArgs) -> Self {
        let printer = global.printer();
        if printer.verbosity() > Verbosity::Normal {
            logs::start(printer);
        }
        Self { global, printer }
    }

    /// Where to write.
    pub fn printer(&self) -> Printer {
        self.printer
    }

    /// The effective settings; `adjust` adds what the command's own flags say.
    ///
    /// # Errors
    /// See [`Settings::resolve`].
    pub fn settings(&self, adjust: impl FnOnce(&mut Overrides)) -> anyhow::Result<Settings> {
        let mut overrides = self.global.overrides();
        adjust(&mut overrides);
        let cwd = std::env::current_dir().context("cannot tell the working folder")?;
        let settings = Settings::resolve(overrides, &cwd)?;
        let api = settings.cs_api_token.value.clone();
        let tokens =
            settings.scheduler_token.value.iter().flat_map(|text| tokens::words(text.expose_secret()));
        let tokens = tokens.map(|token| SecretString::from(token.to_owned()));
        logs::mask(&api.into_iter().chain(tokens).map(SecretValue::from).collect::<Vec<_>>());
        tracing::debug!(root = %settings.root.display(), "settings resolved");
        Ok(settings)
    }

    /// The folder of the models' files that is in effect: the setting `config_dir`, or, where nobody has set it and
    /// there is no such folder, that of the examples that csw carries, which is said.
    ///
    /// # Errors
    /// When the examples can't be written to the cache folder.
    pub fn models_folder(&self, settings: &Settings) -> anyhow::Result<PathBuf> {
        let Setting { value: folder, origin } = &settings.config_dir;
        if *origin != Origin::Default || folder.exists() {
            return Ok(folder.clone());
        }
        let cache = &settings.cache_dir.value;
        let examples = config::examples::config_dir(cache)
            .with_context(|| format!("cannot write the examples below {}", cache.display()))?;
        self.printer.note(format!(
            "No folder {}: these are the examples that csw brings; `csw models new OWNER/TITLE` writes a model of your own",
            folder.display()
        ));
        Ok(examples)
    }

    /// Runs a future on a new runtime of one thread: enough for clients.
    ///
    /// # Errors
    /// When the runtime can't be made, or the future's own.
    pub fn block_on<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        logs::start(self.printer);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?
            .block_on(future)
    }

    /// Runs a future on a new runtime of as many threads as there are processors: for services.
    ///
    /// # Errors
    /// When the runtime can't be made, or the future's own.
    pub fn block_on_threads<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        logs::start(self.printer);
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?
            .block_on(future)
    }
}
