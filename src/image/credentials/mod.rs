//! Who one is at a registry, as Docker keeps it: `config.json`, credential helpers and stores.

mod credential;
mod error;
mod store;

pub use credential::Credential;
pub use error::CredentialError;
pub use store::CredentialStore;
