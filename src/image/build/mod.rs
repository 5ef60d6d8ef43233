//! Builds images: [`Workshop`] plans and builds, [`Present`] tells what need not be built.

mod builder;
mod own_files;
mod plan;
mod present;
mod record;
mod secret;
mod session;
mod story;
mod turn;

pub use builder::BuildOptions;
pub use plan::{CONTENT_KEY_LABEL, MODEL_FOLDER, Plan, TARGET_LABEL, Workshop, WorkshopParts};
pub use present::{Found, Present};
pub(super) use record::write_json;
pub use record::{BuildRecord, BuildRecords, Target};
pub use secret::BuildSecret;
