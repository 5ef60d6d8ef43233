use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::errors::Error;
use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::TryStreamExt as _;
use tokio::sync::OnceCell;

use super::credentials::CredentialStore;
use super::{Engine, ImageError, Lock, Locked, engine_auth};
use crate::executor::environment::PrepareProgress;

/// An image that others start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// What a Dockerfile names: with its digest where that is known.
    pub(super) pinned: String,
    /// Its digest in the registry, else its id in the engine.
    pub(super) identity: String,
}

/// The base images of a run: each is looked up once.
#[derive(Debug)]
pub(super) struct Bases {
    engine: Engine,
    lock: Lock,
    credentials: CredentialStore,
    known: Mutex<HashMap<String, Arc<OnceCell<Base>>>>,
    present: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

impl Bases {
    /// Base images of this engine, locked by this lock file; these are the logins at their registries.
    pub(super) fn new(engine: Engine, lock: Lock, credentials: CredentialStore) -> Self {
        Self { engine, lock, credentials, known: Mutex::default(), present: Mutex::default() }
    }

    /// What the name of a base image means. One that is neither locked nor in the engine is pulled.
    pub(super) async fn resolve(
        &self,
        image: &str,
        progress: &dyn PrepareProgress,
    ) -> Result<Base, ImageError> {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(image.to_owned()).or_default())
        };
        cell.get_or_try_init(|| self.look_up(image, progress)).await.cloned()
    }

    async fn look_up(&self, image: &str, progress: &dyn PrepareProgress) -> Result<Base, ImageError> {
        if let Some((_, digest)) = image.split_once('@') {
            return Ok(Base { pinned: image.to_owned(), identity: digest.to_owned() });
        }
        match self.lock.images.get(image) {
            Some(Locked::Digest(digest)) => {
                Ok(Base { pinned: format!("{image}@{digest}"), identity: digest.clone() })
            }
            Some(Locked::Id(locked)) => match inspect(&self.engine, image).await?.and_then(|i| i.id) {
                Some(id) if id == *locked => Ok(Base { pinned: image.to_owned(), identity: id }),
                found => {
                    Err(ImageError::BaseMoved { image: image.to_owned(), locked: locked.clone(), found })
                }
            },
            None => {
                let id = match inspect(&self.engine, image).await? {
                    Some(found) => found.id,
                    None => {
                        self.pull(image, progress).await?;
                        inspect(&self.engine, image).await?.and_then(|i| i.id)
                    }
                };
                let gone = || ImageError::NoImage { image: image.to_owned() };
                Ok(Base { pinned: image.to_owned(), identity: id.ok_or_else(gone)? })
            }
        }
    }

    /// Pulls a base image that isn't in the engine: the builder would do it without the user's credentials.
    pub(super) async fn fetch(&self, base: &Base, progress: &dyn PrepareProgress) -> Result<(), ImageError> {
        let cell = {
            let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(present.entry(base.pinned.clone()).or_default())
        };
        let fetch = async || match inspect(&self.engine, &base.pinned).await? {
            Some(_) => Ok(()),
            None => self.pull(&base.pinned, progress).await,
        };
        cell.get_or_try_init(fetch).await.copied()
    }

    async fn pull(&self, image: &str, progress: &dyn PrepareProgress) -> Result<(), ImageError> {
        progress.step(&format!("Pulling {image}"));
        // Without a tag the engine would pull all that there are.
        let name = image.rsplit('/').next().unwrap_or(image);
        let full = if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") };
        let options = CreateImageOptionsBuilder::default().from_image(&full).build();
        let login = engine_auth::login(&self.credentials, engine_auth::registry_of(image), progress).await;
        let docker = engine_auth::with_logins(&self.engine);
        let mut stream = docker.create_image(Some(options), None, login);
        let failed = |answer| ImageError::Pull { image: image.to_owned(), answer };
        while let Some(info) = stream.try_next().await.map_err(failed)? {
            if let Some(status) = info.status {
                progress.detail(&status);
            }
        }
        Ok(())
    }
}

/// An image of the engine, `None` if it has none of that name or id.
pub(super) async fn inspect(engine: &Engine, image: &str) -> Result<Option<ImageInspect>, ImageError> {
    match engine.docker().inspect_image(image).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(e) => Err(ImageError::engine(format!("look for the image {image}"))(e)),
    }
}

/// What the name of a base image means now: its digest where a registry has it, else its id in the engine.
///
/// # Errors
/// When neither a registry nor the engine has it.
pub async fn current(
    engine: &Engine,
    credentials: &CredentialStore,
    image: &str,
    progress: &dyn PrepareProgress,
) -> Result<Locked, ImageError> {
    progress.step(&format!("Looking up {image}"));
    let login = engine_auth::login(credentials, engine_auth::registry_of(image), progress).await;
    match engine_auth::with_logins(engine).inspect_registry_image(image, login).await {
        Ok(found) => {
            if let Some(digest) = found.descriptor.digest {
                return Ok(Locked::Digest(digest));
            }
            Err(ImageError::NoImage { image: image.to_owned() })
        }
        Err(source) => match inspect(engine, image).await?.and_then(|i| i.id) {
            Some(id) => {
                progress.note(&format!(
                    "no registry tells the digest of {image} ({}): it is locked to the one in this engine",
                    super::error::message(&source)
                ));
                Ok(Locked::Id(id))
            }
            None => Err(ImageError::Pull { image: image.to_owned(), answer: source }),
        },
    }
}
