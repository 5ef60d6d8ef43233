//! Flags over environment over `csw.yaml` over defaults, resolved once into plain values that know where they come from.

mod error;
mod file;
mod kubernetes;
mod layout;
mod overrides;
mod registry;
mod resolve;
mod schema;
mod secret_variable;
mod setting;
mod table;
mod tag;
mod value;

pub use error::SettingsError;
pub use kubernetes::Contexts;
pub use overrides::Overrides;
pub use registry::RegistryName;
pub use schema::json_schema;
pub use secret_variable::secret_variable;
pub use setting::{Effective, Origin, Row, Setting};
pub use table::{ROWS, Settings};
pub use tag::Tag;
pub use value::Value;
