//! Where jobs, their inputs and their results are kept: a trait, and its implementations.

mod cluster_key;
mod embedded;
mod error;
mod job_store;
mod ledger;
mod redis;
mod rules;
mod seal;
mod times;
mod watched;

pub use self::redis::{BadRedisSetting, InputsError, RedisConfig, RedisStore, RedisUser, fetch_inputs};
pub use cluster_key::{Claims, ClusterKey, WeakKey};
pub use embedded::EmbeddedStore;
pub use error::StoreError;
pub use job_store::{
    AttemptToken, Counts, JobStore, Page, Push, PushOutcome, Recorded, RunningAttempt, StartedAttempt,
    Submission, Submitted,
};
pub use ledger::{Backlog, Cancelled, Retried, Standing, Undelivered, UndeliveredState};
pub use seal::{SealKey, Unreadable, Unsealable};
pub use times::{OperationTimes, StoreOperation};
pub use watched::WatchedStore;
