//! Reads what people write, and says what is wrong with it: file, line, column, what was expected, what to do.

mod build;
mod catalog;
mod diagnostics;
pub mod document;
mod error;
pub mod examples;
mod load;
mod model_file;
pub(crate) mod placement;
mod read;
mod repo_url;
pub mod schema;
mod sources;
mod template;
mod test_plan;
mod text;
mod value_schemas;
mod values;
mod web_app;

pub use catalog::{Catalog, Listed, ModelSource};
pub use diagnostics::{DiagnosticView, Diagnostics, ReportStyle};
pub use error::ConfigError;
pub use load::{load, load_valid};
pub use read::check_model_file;
pub use repo_url::repo_location;
pub use sources::Sources;
pub use template::model_template;
