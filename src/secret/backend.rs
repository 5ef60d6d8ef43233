use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;

use super::{FileBackend, Scope, SecretError, SecretName, SecretValue};
use crate::settings::Settings;

/// One change to what is kept.
#[derive(Debug, Clone)]
pub enum Change {
    /// Add the secret or replace its value.
    Set(Scope, SecretName, SecretValue),
    /// Remove the secret, which must be there.
    Delete(Scope, SecretName),
}

/// Somewhere that secrets are kept. Nothing ever set is an empty scope, not an error.
#[async_trait]
pub trait SecretBackend: Debug + Send + Sync {
    /// Every secret of a scope with its value.
    ///
    /// # Errors
    /// When what is kept can't be reached or decrypted.
    async fn entries(&self, scope: &Scope) -> Result<BTreeMap<SecretName, SecretValue>, SecretError>;

    /// Every secret of several scopes, in their order; reads what is kept once where it can.
    ///
    /// # Errors
    /// See [`entries`](Self::entries).
    async fn entries_of(
        &self,
        scopes: &[Scope],
    ) -> Result<Vec<BTreeMap<SecretName, SecretValue>>, SecretError> {
        let mut all = Vec::with_capacity(scopes.len());
        for scope in scopes {
            all.push(self.entries(scope).await?);
        }
        Ok(all)
    }

    /// Makes all changes or none. When it returns they are durable.
    ///
    /// # Errors
    /// When what is kept can't be read or written, a secret to delete is not there, or a model's secret has a
    /// name that no environment variable can have.
    async fn change(&self, changes: Vec<Change>) -> Result<(), SecretError>;

    /// Adds a secret or replaces its value.
    ///
    /// # Errors
    /// See [`change`](Self::change).
    async fn set(&self, scope: &Scope, name: &SecretName, value: &SecretValue) -> Result<(), SecretError> {
        self.change(vec![Change::Set(scope.clone(), name.clone(), value.clone())]).await
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// When there is none of this name ([`SecretError::NotFound`], with the nearest one that there is), or see
    /// [`entries`](Self::entries).
    async fn get(&self, scope: &Scope, name: &SecretName) -> Result<SecretValue, SecretError> {
        let mut entries = self.entries(scope).await?;
        entries.remove(name).ok_or_else(|| SecretError::not_found(scope, name, entries.keys()))
    }

    /// The names of a scope's secrets, sorted.
    ///
    /// # Errors
    /// See [`entries`](Self::entries).
    async fn list(&self, scope: &Scope) -> Result<Vec<SecretName>, SecretError> {
        Ok(self.entries(scope).await?.into_keys().collect())
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// When there is none of this name, or see [`change`](Self::change).
    async fn delete(&self, scope: &Scope, name: &SecretName) -> Result<(), SecretError> {
        self.change(vec![Change::Delete(scope.clone(), name.clone())]).await
    }
}

/// The backend that the settings name. Nothing is read before the first call; a passphrase is asked for on the
/// terminal, once, when one is needed.
///
/// # Errors
/// When the settings name a backend that can't be used.
pub fn open(settings: &Settings) -> Result<Box<dyn SecretBackend>, SecretError> {
    Ok(Box::new(FileBackend::new(settings)))
}
