//! Routes together with what is said about them: an OpenAPI 3.1 document that can't leave one out.

mod described;
mod operation;
mod schemas;

pub(in crate::services) use described::{Described, Finished};
pub(in crate::services) use operation::Operation;
pub(in crate::services) use schemas::Schemas;
