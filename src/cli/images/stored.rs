use clap::Args;
use serde::Serialize;

use crate::cli::{Context, image_targets};
use crate::config::{self, Sources};
use crate::image::Engine;
use crate::image::credentials::CredentialStore;
use crate::image::list::{StoredImage, at_registry, in_engine};
use crate::image::push::Registries;
use crate::model::ImageReference;
use crate::settings::Settings;

/// Which images.
#[derive(Debug, Args)]
pub(super) struct StoredArgs {
    /// At the registry: those of the services, and of the models of the configuration; else those in the Docker engine
    #[arg(long)]
    pub(super) registry: bool,

    /// Only repositories of which the name holds this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Images, and what they were found with.
pub(super) enum Stored {
    Engine(Engine, Vec<StoredImage>),
    Registry(Registries, Vec<StoredImage>),
}

impl Stored {
    pub(super) fn images(&self) -> &[StoredImage] {
        match self {
            Self::Engine(_, images) | Self::Registry(_, images) => images,
        }
    }
}

impl StoredArgs {
    /// Looks them up: where they are named `<registry>/<project>/…`.
    pub(super) fn find(&self, context: &Context, settings: &Settings) -> anyhow::Result<Stored> {
        let wanted = |image: &ImageReference| {
            self.filter.as_ref().is_none_or(|text| image.repository().contains(text))
        };
        if !self.registry {
            let prefix = format!("{}/{}/", settings.registry.value, image_targets::project(settings)?);
            return context.block_on(async {
                let engine = Engine::connect(None).await?;
                let mut images = in_engine(&engine, &prefix).await?;
                images.retain(|stored| wanted(&stored.image));
                Ok(Stored::Engine(engine, images))
            });
        }
        let catalog = config::load_valid(&Sources::files(&settings.config_dir.value))?;
        if !catalog.diagnostics().is_empty() {
            context.printer().warn(catalog.diagnostics().render(context.printer().report_style()));
        }
        let models = catalog.select::<String>(&[])?;
        let targets =
            [image_targets::of_services(settings)?, image_targets::of_models(settings, &models, false)?];
        let repositories: Vec<_> =
            targets.into_iter().flatten().map(|target| target.reference).filter(wanted).collect();
        context.block_on(async {
            let registries = Registries::new(CredentialStore::from_environment());
            let images = at_registry(&registries, &repositories).await?;
            Ok(Stored::Registry(registries, images))
        })
    }
}

/// How an image shows.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) image: ImageReference,
    pub(super) digest: Option<String>,
    pub(super) id: Option<String>,
    pub(super) created: Option<jiff::Timestamp>,
    pub(super) size: u64,
}

impl From<&StoredImage> for Row {
    fn from(stored: &StoredImage) -> Self {
        let StoredImage { image, digest, id, created, size } = stored.clone();
        Self { image, digest, id, created, size }
    }
}

impl Row {
    /// `sha256:` and so many digits that nobody meets the same twice.
    pub(super) fn short_digest(&self) -> String {
        self.digest.as_ref().map_or("-".to_owned(), |digest| digest.chars().take(19).collect())
    }

    pub(super) fn date(&self) -> String {
        self.created.map_or("-".to_owned(), |created| created.strftime("%Y-%m-%d %H:%M").to_string())
    }

    pub(super) fn size(&self) -> String {
        indicatif::HumanBytes(self.size).to_string()
    }
}
