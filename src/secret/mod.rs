//! Secrets: values that show as `******`, where they are kept, and how they are taken out of what others print.
//!
//! The default backend is one [age](https://age-encryption.org)-encrypted file.

mod backend;
mod error;
mod file;
mod forms;
mod identity;
mod machine;
mod name;
mod redact;
mod scope;
mod seal;
pub mod touched;
mod value;

pub use backend::{Change, SecretBackend, open};
pub use error::SecretError;
pub use file::{FileBackend, Protection, Rotation};
pub use name::SecretName;
pub use redact::{RedactStream, Redactor};
pub use scope::Scope;
pub use value::SecretValue;
