//! What images there are, in the engine and at a registry.

use bollard::query_parameters::ListImagesOptionsBuilder;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Deserialize;

use super::Engine;
use super::push::{PushError, Registries};
use super::registry::RegistryError;
use crate::model::ImageReference;

/// Questions to a registry under way at once.
const CONCURRENCY: usize = 8;

/// An image under one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// The name, with its tag.
    pub image: ImageReference,
    /// The digest of its manifest; `None` in an engine that has neither pushed nor pulled it.
    pub digest: Option<String>,
    /// The digest of its configuration, the id in engines; `None` for an index.
    pub id: Option<String>,
    /// When it was built, if it says so.
    pub created: Option<Timestamp>,
    /// Bytes: unpacked in an engine, compressed at a registry.
    pub size: u64,
}

/// The engine's images of which the name begins so (`gcr.io/my-project/`), by name.
///
/// # Errors
/// When the engine doesn't answer.
pub async fn in_engine(engine: &Engine, prefix: &str) -> Result<Vec<StoredImage>, PushError> {
    let options = ListImagesOptionsBuilder::default().all(false).build();
    let found = engine.docker().list_images(Some(options)).await;
    let found =
        found.map_err(|e| PushError::EngineRefused { what: "list its images", why: e.to_string() })?;
    let mut images = Vec::new();
    for summary in found {
        for name in summary.repo_tags.iter().filter(|name| name.starts_with(prefix)) {
            // Docker allows names that csw doesn't; they are none of its images.
            let Ok(image) = name.parse::<ImageReference>() else { continue };
            let own = format!("{}@", image.repository());
            let digest = summary.repo_digests.iter().find_map(|known| known.strip_prefix(&own));
            images.push(StoredImage {
                digest: digest.map(str::to_owned),
                id: Some(summary.id.clone()),
                created: Timestamp::from_second(summary.created).ok(),
                size: summary.size.unsigned_abs(),
                image,
            });
        }
    }
    images.sort_by(|a, b| a.image.cmp(&b.image));
    Ok(images)
}

/// All tags of these repositories at their registries, by name. References' own tags don't matter.
///
/// # Errors
/// When a registry can't be reached or refuses.
pub async fn at_registry(
    registries: &Registries,
    repositories: &[ImageReference],
) -> Result<Vec<StoredImage>, RegistryError> {
    let mut names = Vec::new();
    for reference in repositories {
        let tags = registries.repository(reference).await?.tags().await?;
        names.extend(tags.iter().filter_map(|tag| reference.with_tag(tag).ok()));
    }
    let looks = names.into_iter().map(|image| look(registries, image));
    let found = stream::iter(looks).buffered(CONCURRENCY).try_collect::<Vec<_>>().await?;
    let mut images: Vec<_> = found.into_iter().flatten().collect();
    images.sort_by(|a, b| a.image.cmp(&b.image));
    Ok(images)
}

#[derive(Deserialize)]
struct Configuration {
    created: Option<Timestamp>,
}

async fn look(registries: &Registries, image: ImageReference) -> Result<Option<StoredImage>, RegistryError> {
    let repository = registries.repository(&image).await?;
    // A tag that is deleted meanwhile is gone.
    let Some(manifest) = repository.manifest(image.tag().unwrap_or_default()).await? else { return Ok(None) };
    let created = match manifest.config() {
        // What has no time is shown without.
        Some(config) => serde_json::from_slice::<Configuration>(&repository.blob(&config.digest).await?)
            .ok()
            .and_then(|configuration| configuration.created),
        None => None,
    };
    Ok(Some(StoredImage {
        digest: Some(manifest.digest()),
        id: manifest.config().map(|config| config.digest.clone()),
        created,
        size: manifest.blobs().map(|blob| blob.size).sum(),
        image,
    }))
}
