use std::future::Future;
use std::path::PathBuf;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::{Builder, Runtime};

use super::GlobalArgs;
use crate::config;
use crate::error::Failure;
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
        // Files with secrets that are read from here on may have to be warned of.
        logs::start(self.printer);
        self.tell_of_an_open_file(&settings);
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

    /// A settings file may be shared on purpose, so that its mode is left as it is.
    fn tell_of_an_open_file(&self, settings: &Settings) {
        use std::os::unix::fs::MetadataExt as _;
        let origins = [&settings.cs_api_token.origin, &settings.scheduler_token.origin];
        let file = origins.into_iter().find_map(|origin| match origin {
            Origin::File { path, .. } => Some(path),
            _ => None,
        });
        let Some(path) = file else { return };
        if std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o044 != 0) {
            let path = path.display();
            self.printer.note(format!("{path} holds a token, and others can read it: `chmod 600 {path}`"));
        }
    }

    /// Runs a future on a new runtime of one thread: enough for clients. Ctrl-C drops it where it stands.
    ///
    /// # Errors
    /// When the runtime can't be made, the future's own, or that it was interrupted.
    pub fn block_on<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let runtime = self.one_thread()?;
        let outcome = runtime.block_on(async {
            tokio::select! {
                biased;
                outcome = future => outcome,
                () = interrupt() => Err(Failure::interrupted("interrupted").into()),
            }
        });
        // What still blocks a thread is not waited for.
        runtime.shutdown_background();
        outcome
    }

    /// The same for a future that knows itself what to do at Ctrl-C.
    ///
    /// # Errors
    /// When the runtime can't be made, or the future's own.
    pub fn block_on_unbroken<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.one_thread()?.block_on(future)
    }

    fn one_thread(&self) -> anyhow::Result<Runtime> {
        logs::start(self.printer);
        Builder::new_current_thread().enable_all().build().context("cannot start the async runtime")
    }

    /// Runs a future on a new runtime of as many threads as there are processors: for services, which know what to do at
    /// Ctrl-C.
    ///
    /// # Errors
    /// When the runtime can't be made, or the future's own.
    pub fn block_on_threads<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        logs::start(self.printer);
        Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?
            .block_on(future)
    }
}

/// Returns at Ctrl-C; never where signals can't be had: then the default ends the program.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
