use std::collections::BTreeMap;
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream;

use super::{PushError, PushEvent, PushProgress, Registries, by_csw, by_engine};
use crate::image::Engine;
use crate::image::registry::{Manifest, RegistryError, Repository};
use crate::model::ImageReference;

/// An image to push, and what else it is to be called there.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// Its name in the engine and at the registry, with a tag.
    pub image: ImageReference,
    /// More tags of the same repository.
    pub also_tags: Vec<String>,
    /// Its id in the engine, where only that image is meant: its name may have been given to another one since.
    pub id: Option<String>,
}

/// How an image came to its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// It was there.
    Existing,
    /// The engine pushed it.
    Engine,
    /// csw pushed it, because the engine couldn't.
    Csw,
}

/// An image that is at its registry: the registry says so.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// Its name, with the tag.
    pub image: ImageReference,
    /// The digest of its manifest, which its tags stand for.
    pub digest: String,
    /// How it came there.
    pub way: Way,
    /// Seconds that it took.
    pub duration_seconds: f64,
}

/// Pushes images, so many at once. What is at the registry already is not sent again, and the manifest goes last: a
/// tag stands for a whole image or for what it stood for before. The outcomes are in the order of the requests.
///
/// An image of which the engine knows is found by what identifies its content: the registry's manifest names the same
/// configuration.
pub async fn push(
    engine: &Engine,
    registries: &Registries,
    requests: &[PushRequest],
    jobs: usize,
    progress: &dyn PushProgress,
) -> Vec<Result<Pushed, PushError>> {
    let pushes = requests.iter().map(async |request| {
        let outcome = one(engine, registries, request, progress).await;
        progress.event(&request.image, PushEvent::Done);
        outcome
    });
    stream::iter(pushes).buffered(jobs.max(1)).collect().await
}

/// Checks that all of these may be pushed, before anything is built; all refusals.
///
/// # Errors
/// An error a repository that can't be pushed to.
pub async fn check(registries: &Registries, images: &[ImageReference], jobs: usize) -> Vec<RegistryError> {
    let repositories: BTreeMap<&str, &ImageReference> =
        images.iter().map(|image| (image.repository(), image)).collect();
    let checks =
        repositories.into_values().map(async |image| registries.repository(image).await?.check_push().await);
    stream::iter(checks).buffered(jobs.max(1)).filter_map(async |outcome| outcome.err()).collect().await
}

async fn one(
    engine: &Engine,
    registries: &Registries,
    request: &PushRequest,
    progress: &dyn PushProgress,
) -> Result<Pushed, PushError> {
    let started = Instant::now();
    let image = &request.image;
    let tag = image.tag().ok_or_else(|| PushError::Untagged { image: Box::new(image.clone()) })?;
    progress.event(image, PushEvent::Looking);
    let local = by_engine::find(engine, image).await?;
    if let Some(expected) = request.id.as_ref().filter(|id| !local.has_id(id)) {
        return Err(PushError::Moved { image: Box::new(image.clone()), expected: expected.clone() });
    }
    let repository = registries.repository(image).await?;
    let (way, manifest) = match repository.manifest(tag).await? {
        Some(manifest) if local.is(&manifest) => (Way::Existing, manifest),
        _ => send(engine, &repository, image, tag, &local, progress).await?,
    };
    let digest = manifest.digest();
    for tag in request.also_tags.iter().filter(|also| *also != tag) {
        if repository.digest(tag).await?.as_ref() != Some(&digest) {
            repository.put_manifest(tag, &manifest).await?;
            confirm(&repository, tag, &digest).await?;
        }
    }
    Ok(Pushed { image: image.clone(), digest, way, duration_seconds: started.elapsed().as_secs_f64() })
}

/// By the engine, which knows which layers are there; where it doesn't get through, by csw, which goes on where a
/// connection was cut, and tells why a registry refuses.
async fn send(
    engine: &Engine,
    repository: &Repository,
    image: &ImageReference,
    tag: &str,
    local: &by_engine::Local,
    progress: &dyn PushProgress,
) -> Result<(Way, Manifest), PushError> {
    let why = match by_engine::push(engine, repository, image, tag, progress).await {
        Ok(digest) => {
            let manifest = confirm(repository, tag, &digest).await?;
            return Ok((Way::Engine, manifest));
        }
        Err(why) => why,
    };
    tracing::debug!(%image, "the engine did not push: {why}");
    // Says precisely what is wrong if it is more than the network, before gigabytes are read.
    repository.check_push().await?;
    // The engine may have been done, and only its last answer lost.
    if let Some(manifest) = repository.manifest(tag).await?.filter(|manifest| local.is(manifest)) {
        return Ok((Way::Engine, manifest));
    }
    progress.event(image, PushEvent::TakenOver(why));
    let manifest = by_csw::push(engine, repository, image, tag, progress).await?;
    confirm(repository, tag, &manifest.digest()).await?;
    Ok((Way::Csw, manifest))
}

/// Success is what the registry says: the tag stands for this digest now.
async fn confirm(repository: &Repository, tag: &str, digest: &str) -> Result<Manifest, RegistryError> {
    let found = repository.manifest(tag).await?;
    match found {
        Some(manifest) if manifest.digest() == digest => Ok(manifest),
        other => Err(RegistryError::Digest {
            what: format!("{}:{tag}", repository.name()),
            expected: digest.to_owned(),
            found: other.map_or_else(|| "none".to_owned(), |manifest| manifest.digest()),
        }),
    }
}
