use std::path::Path;

use clap::{Args, ValueEnum};

use crate::cli::Context;
use crate::config::{self, Catalog, Sources};
use crate::error::Failure;
use crate::model::ModelName;
use crate::publish;
use crate::settings::Settings;

/// Where to look for models.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Where to look: the files, the web app (CS_URL), or both, where a file outweighs the web app
    #[arg(long, value_enum, value_name = "WHERE", default_value_t)]
    source: Where,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Where {
    /// The files of the configuration's folder.
    #[default]
    Files,
    /// The web app.
    Web,
    /// Both.
    All,
}

impl SourceArgs {
    /// The valid models, and what is wrong with the others. Where nothing is configured, a model that is named may
    /// be one of the examples; a command that acts on all models never takes those.
    pub(super) fn load(
        &self,
        context: &Context,
        settings: &Settings,
        named: &[ModelName],
    ) -> anyhow::Result<Catalog> {
        match named {
            [] => self.load_from(context, settings, &settings.config_dir.value),
            _ => self.load_or_examples(context, settings),
        }
    }

    /// As [`load`](Self::load), and the examples are all models where nothing is configured: for who only looks.
    pub(super) fn load_or_examples(&self, context: &Context, settings: &Settings) -> anyhow::Result<Catalog> {
        let folder = match self.source {
            Where::Files => context.models_folder(settings)?,
            Where::Web | Where::All => settings.config_dir.value.clone(),
        };
        self.load_from(context, settings, &folder)
    }

    fn load_from(&self, context: &Context, settings: &Settings, folder: &Path) -> anyhow::Result<Catalog> {
        let mut sources = match self.source {
            Where::Files | Where::All => Sources::files(folder),
            Where::Web => Sources::none(),
        };
        if self.source != Where::Files {
            let Some(url) = &settings.cs_url.value else {
                let failure = Failure::config("no web app is set");
                return Err(failure.hint("name it with --cs-url or CS_URL").into());
            };
            let token = settings.cs_api_token.value.as_ref();
            let answer = context.block_on(async { Ok(publish::fetch_models(url, token).await?) })?;
            sources = sources.with_web_app(answer.url, answer.text);
        }
        Ok(config::load_valid(&sources)?)
    }
}
