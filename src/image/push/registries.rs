use std::collections::HashMap;

use tokio::sync::Mutex;

use crate::image::credentials::CredentialStore;
use crate::image::registry::{Registry, RegistryError, Repository};
use crate::model::ImageReference;

/// The registries of a run, each connected once: logins and tokens are shared by all images.
#[derive(Debug)]
pub struct Registries {
    credentials: CredentialStore,
    connected: Mutex<HashMap<String, Registry>>,
}

impl Registries {
    /// None yet; logins will be as these credentials say.
    pub fn new(credentials: CredentialStore) -> Self {
        Self { credentials, connected: Mutex::default() }
    }

    /// Where an image is.
    ///
    /// # Errors
    /// When the credentials or certificates for its registry are not usable; nothing is asked of it yet.
    pub async fn repository(&self, image: &ImageReference) -> Result<Repository, RegistryError> {
        // A reference has its registry always.
        let (host, path) = image.repository().split_once('/').unwrap_or((image.repository(), ""));
        let mut connected = self.connected.lock().await;
        if let Some(registry) = connected.get(host) {
            return Ok(registry.repository(path));
        }
        let registry = Registry::connect(host, &self.credentials).await?;
        let repository = registry.repository(path);
        connected.insert(host.to_owned(), registry);
        Ok(repository)
    }
}
