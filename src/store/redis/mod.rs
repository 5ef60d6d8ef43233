//! The cluster's store: documents in Redis, by `GET` and `SET` alone.
//!
//! - *In memory* is everything but arguments: records of jobs in the order of acceptance, by id and by state. Reads never
//!   ask Redis, and see only what it has.
//! - *In Redis*, all of it sealed: `job-<id>` has the arguments of a job that has not ended; its executor opens them with
//!   the key of that job. Records are in pages of a few dozen; `job-.index` says which pages count ([`document`]).
//! - *Group commit*: one task writes ([`writer`]). What comes in while a request is under way shares the next one, and is
//!   answered when Redis has answered for all of it; with `appendfsync always` that survives power loss.
//! - *A crash at any moment* leaves either all of an operation or something that the next start tells apart: pages are
//!   written before arguments are written or deleted, and a record says which of the two is under way ([`record`]).
//! - *Who was replaced* can do no harm, however late ([`session`]).
//! - *Redis away*: operations wait and are written when it is back, in order and without a gap; a caller is told after a
//!   while that it may ask again.
//!
//! Results are not kept here but by the outputs processor; of a job that has ended the record stays, so that a repeated
//! submission is recognised, until it is removed or thousands have ended after it.

mod config;
mod document;
mod index;
mod inputs;
mod ledger;
mod link;
mod open;
mod pages;
mod record;
mod session;
mod store;
mod writer;

pub use config::{BadRedisSetting, RedisConfig, RedisUser};
pub use inputs::{InputsError, fetch_inputs};
pub use store::RedisStore;

use crate::model::JobStatus;

/// Jobs that have ended and are remembered; beyond that the first to end are forgotten.
const REMEMBERED: usize = 10_000;

/// Every state.
const STATUSES: [JobStatus; 5] =
    [JobStatus::Pending, JobStatus::Running, JobStatus::Success, JobStatus::Fail, JobStatus::Cancelled];
