use std::sync::Arc;

use super::Access;
use crate::job::JobRuntime;
use crate::services::catalogue::Catalogue;
use crate::services::dispatch::{Dispatcher, ModelHost};
use crate::services::results::Results;
use crate::store::WatchedStore;

/// What the scheduler's handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct SchedulerState {
    /// Jobs.
    pub store: Arc<WatchedStore>,
    /// Models.
    pub catalogue: Catalogue,
    /// Starts what is accepted.
    pub dispatcher: Dispatcher,
    /// Runs short tasks.
    pub host: Arc<dyn ModelHost>,
    /// Has the logs.
    pub runtime: Arc<dyn JobRuntime>,
    /// Has the results and outputs.
    pub results: Arc<dyn Results>,
    /// Who may ask.
    pub access: Access,
}
