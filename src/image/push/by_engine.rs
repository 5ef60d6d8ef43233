use std::collections::BTreeMap;

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::models::PushImageInfo;
use bollard::query_parameters::PushImageOptionsBuilder;
use futures::StreamExt as _;

use super::{PushError, PushEvent, PushProgress};
use crate::image::Engine;
use crate::image::engine_auth::{for_engine, with_logins};
use crate::image::registry::{Manifest, Repository};
use crate::model::ImageReference;

/// The engine waits five seconds longer with each attempt at a layer. Whoever waits for the third has lost two
/// connections in the middle of the same layer, and every attempt starts it anew.
const PATIENCE_SECONDS: u64 = 10;

/// An image of the engine.
#[derive(Debug)]
pub(in crate::image) struct Local {
    id: String,
    digests: Vec<String>,
}

impl Local {
    /// Whether it is the one with this id.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.id == id
    }

    /// Whether a manifest is this image's. Engines name images by their configuration; those that keep their images in
    /// containerd, by the manifest.
    pub(super) fn is(&self, manifest: &Manifest) -> bool {
        let digest = manifest.digest();
        manifest.config().is_some_and(|config| config.digest == self.id)
            || digest == self.id
            || self.digests.iter().any(|known| known.ends_with(&format!("@{digest}")))
    }
}

/// Looks an image up.
pub(in crate::image) async fn find(engine: &Engine, image: &ImageReference) -> Result<Local, PushError> {
    match engine.docker().inspect_image(&image.to_string()).await {
        Ok(found) => Ok(Local {
            id: found.id.unwrap_or_default(),
            // Of this repository only: the same manifest elsewhere says nothing of what is here.
            digests: found
                .repo_digests
                .unwrap_or_default()
                .into_iter()
                .filter(|known| known.starts_with(&format!("{}@", image.repository())))
                .collect(),
        }),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            Err(PushError::NotBuilt { image: Box::new(image.clone()) })
        }
        Err(e) => Err(unusable(image, "look the image up", &e)),
    }
}

pub(super) fn unusable(image: &ImageReference, what: &'static str, error: &Error) -> PushError {
    PushError::Unusable { image: Box::new(image.clone()), what, why: error.to_string() }
}

/// Has the engine push, and returns the digest that it says it has pushed; else why not, for people.
pub(super) async fn push(
    engine: &Engine,
    repository: &Repository,
    image: &ImageReference,
    tag: &str,
    progress: &dyn PushProgress,
) -> Result<String, String> {
    let docker = with_logins(engine);
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let mut answers = docker.push_image(image.repository(), Some(options), credentials(repository));
    let mut digest = None;
    // The layers have no names here; but their sizes tell them apart.
    let mut layers = BTreeMap::new();
    while let Some(answer) = answers.next().await {
        let PushImageInfo { status, progress_detail, .. } = answer.map_err(|e| match e {
            Error::DockerStreamError { error } => error,
            e => e.to_string(),
        })?;
        let status = status.unwrap_or_default();
        if let Some(found) = status.split_once("digest: ").and_then(|(_, rest)| rest.split(' ').next()) {
            digest = Some(found.to_owned());
        }
        if retries_after(&status).is_some_and(|seconds| seconds >= PATIENCE_SECONDS) {
            return Err("its connections are cut in the middle of a layer".to_owned());
        }
        let detail = progress_detail.and_then(|detail| Some((detail.total?, detail.current?)));
        if let Some((total, current)) = detail.filter(|(total, _)| *total > 0) {
            layers.insert(total.unsigned_abs(), current.unsigned_abs());
            let done = layers.iter().map(|(total, current)| total.min(current)).sum();
            progress.event(image, PushEvent::Bytes { done, total: layers.keys().sum() });
        }
    }
    digest.ok_or_else(|| "it does not say what it has pushed".to_owned())
}

/// `Retrying in 10 seconds`.
fn retries_after(status: &str) -> Option<u64> {
    status.strip_prefix("Retrying in ")?.split(' ').next()?.parse().ok()
}

fn credentials(repository: &Repository) -> Option<DockerCredentials> {
    let registry = repository.registry();
    registry.credential().map(|credential| for_engine(credential, registry.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_s_patience_is_read() {
        assert_eq!(retries_after("Retrying in 1 second"), Some(1));
        assert_eq!(retries_after("Retrying in 10 seconds"), Some(10));
        assert_eq!(retries_after("Pushing"), None);
    }
}
