//! Gives an image at a registry more names, without pulling or pushing any of it.

use super::push::{PushError, Registries};
use super::registry::{Manifest, RegistryError, Repository};
use crate::model::ImageReference;

/// An image that has got another name.
#[derive(Debug, Clone)]
pub struct Promoted {
    /// What it was called.
    pub from: ImageReference,
    /// What it is called too.
    pub to: ImageReference,
    /// Its digest, which is the same under both.
    pub digest: String,
    /// Whether it was called so before.
    pub existing: bool,
}

/// Makes `to` stand for what `from` stands for now: a tag of the same repository, or of another of the same registry,
/// which mounts the layers. With a digest in `from`, its tag has to stand for that still.
///
/// # Errors
/// When `from` isn't there or has moved, the registry refuses, or `to` is at another registry.
pub async fn promote(
    registries: &Registries,
    from: &ImageReference,
    to: &ImageReference,
) -> Result<Promoted, PushError> {
    let tag = to.tag().ok_or_else(|| PushError::Untagged { image: Box::new(to.clone()) })?;
    let source = registries.repository(from).await?;
    let target = registries.repository(to).await?;
    if source.registry().host() != target.registry().host() {
        return Err(PushError::OtherRegistry { from: Box::new(from.clone()), to: Box::new(to.clone()) });
    }
    let digest = resolve(&source, from).await?;
    let done = |existing| Promoted { from: from.clone(), to: to.clone(), digest: digest.clone(), existing };
    if target.digest(tag).await?.as_ref() == Some(&digest) {
        return Ok(done(true));
    }
    let manifest = existing(&source, &digest).await?;
    if source.name() != target.name() {
        bring(&source, &target, &manifest).await?;
    }
    target.put_manifest(tag, &manifest).await?;
    match target.digest(tag).await? {
        Some(found) if found == digest => Ok(done(false)),
        found => Err(RegistryError::Digest {
            what: to.to_string(),
            expected: digest,
            found: found.unwrap_or_else(|| "none".to_owned()),
        }
        .into()),
    }
}

/// The digest of an image at its registry.
async fn resolve(source: &Repository, from: &ImageReference) -> Result<String, RegistryError> {
    let reference = from.tag().or(from.digest()).unwrap_or("latest");
    let found = source.digest(reference).await?;
    let found = found.ok_or_else(|| RegistryError::Missing {
        registry: source.registry().host().to_owned(),
        what: format!("image {from}"),
    })?;
    match from.digest() {
        Some(expected) if expected != found => {
            Err(RegistryError::Digest { what: from.to_string(), expected: expected.to_owned(), found })
        }
        _ => Ok(found),
    }
}

async fn existing(source: &Repository, digest: &str) -> Result<Manifest, RegistryError> {
    source.manifest(digest).await?.ok_or_else(|| RegistryError::Missing {
        registry: source.registry().host().to_owned(),
        what: format!("image {}@{digest}", source.name()),
    })
}

/// Everything that a manifest needs, in another repository: an index's own manifests first.
async fn bring(source: &Repository, target: &Repository, manifest: &Manifest) -> Result<(), RegistryError> {
    let mut wanted = vec![manifest.clone()];
    for part in manifest.manifests() {
        wanted.push(existing(source, &part.digest).await?);
    }
    for manifest in &wanted {
        for blob in manifest.blobs() {
            target.bring(&blob.digest, source).await?;
        }
    }
    // The index itself is put under its tag by who asked for it.
    for manifest in wanted.iter().skip(1) {
        target.put_manifest(&manifest.digest(), manifest).await?;
    }
    Ok(())
}
