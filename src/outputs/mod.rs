//! What simulations produce: typed outputs, and their storage in the cs-storage format on an object store.

mod archive;
mod aws;
mod bucket;
mod cloud;
mod collection;
mod connector;
mod error;
mod extract;
mod file_name;
mod intake;
mod location;
mod media_type;
mod output;
mod pointer;
mod zipping;

pub use archive::Packed;
pub use bucket::Bucket;
pub use collection::{Category, Outputs};
pub use error::OutputsError;
pub use extract::{ExtractedFile, extract};
pub use intake::{IntakeError, read_written};
pub use media_type::{Carries, MediaType};
pub use output::{Data, Output, check_base64};
pub use pointer::{Pointer, StoredCategory, StoredOutput};
