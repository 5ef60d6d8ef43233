use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use backon::{BlockingRetryable as _, ConstantBuilder};
use redb::{Database, TableDefinition};

use super::codec::failed;
use super::open::open_file;
use crate::store::StoreError;

/// What is written to see whether anything can be: as much as a few large submissions.
const PROBE: TableDefinition<'_, (), &[u8]> = TableDefinition::new("probe");
const PROBED: usize = 256 << 10;
/// How often, and how many times, it is looked whether the last reader of a file that is given up has gone.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: usize = 100;

/// The database's file while the store is open: after an error of the disk redb reads and writes nothing more until the
/// file is opened anew.
#[derive(Debug)]
pub(super) struct StoreFile {
    path: PathBuf,
    open: RwLock<Option<Arc<Database>>>,
    /// Why nothing can be written at the moment.
    failure: Mutex<Option<StoreError>>,
}

impl StoreFile {
    pub(super) fn new(path: &Path, database: Database) -> Self {
        let open = RwLock::new(Some(Arc::new(database)));
        Self { path: path.to_owned(), open, failure: Mutex::default() }
    }

    pub(super) fn database(&self) -> Result<Arc<Database>, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        open.ok_or_else(|| self.failure().unwrap_or_else(reopening))
    }

    /// Why nothing can be written at the moment.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.failing().clone()
    }

    /// From now on nothing can be written, until [`StoreFile::heal`] has worked.
    pub(super) fn fail(&self, error: StoreError) {
        tracing::error!("{error}; nothing can be written until that has passed");
        *self.failing() = Some(told(error));
    }

    /// After a failure: what was written before can be read as soon as possible.
    pub(super) fn open_for_readers(&self) {
        if let Err(error) = self.reopen() {
            tracing::error!("{error}; nothing can be read either until that has passed");
        }
    }

    /// Tries whether something can be written again.
    pub(super) fn heal(&self) -> bool {
        let probed = match self.database() {
            Ok(database) => probe(&database),
            Err(_) => self.reopen().and_then(|()| self.database()).and_then(|database| probe(&database)),
        };
        match probed {
            Ok(()) => {
                tracing::warn!("the job store in {} can be written again", self.path.display());
                *self.failing() = None;
                true
            }
            Err(error) => {
                *self.failing() = Some(told(error));
                if let Err(error) = self.reopen() {
                    *self.failing() = Some(told(error));
                }
                false
            }
        }
    }

    /// Opens the file anew, at the last that was durable.
    fn reopen(&self) -> Result<(), StoreError> {
        // Readers that began before have it open a moment longer.
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
        let policy = ConstantBuilder::default().with_delay(PAUSE).with_max_times(TRIES);
        let still_open = |e: &StoreError| matches!(e, StoreError::Locked { .. });
        let database = (|| open_file(&self.path)).retry(policy).when(still_open).call()?;
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(database));
        Ok(())
    }

    fn failing(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever the trouble is: for callers it is the store's.
fn told(error: StoreError) -> StoreError {
    match error {
        StoreError::Failed { .. } => error,
        other => StoreError::Failed { reason: other.to_string() },
    }
}

/// What callers are told who come between a failure and what is known of it.
pub(super) fn reopening() -> StoreError {
    StoreError::Failed { reason: "its file is being opened anew".to_owned() }
}

/// Writes something large, durably, and takes it away again: there is as much room in the file from then on.
fn probe(database: &Database) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(failed)?;
    write.open_table(PROBE).map_err(failed)?.insert((), vec![0; PROBED].as_slice()).map_err(failed)?;
    write.commit().map_err(failed)?;
    let write = database.begin_write().map_err(failed)?;
    write.delete_table(PROBE).map_err(failed)?;
    write.commit().map_err(failed)
}
