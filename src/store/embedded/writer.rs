use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use redb::Database;
use tokio::sync::oneshot;

use super::batch::Batch;
use super::codec::failed;
use super::file::{StoreFile, reopening};
use crate::store::StoreError;

/// Operations that one transaction takes at most: bounds how long the first of them waits for its answer.
const MAX_BATCH: usize = 2048;

/// How soon after a failure it is tried again whether something can be written, and how rarely in the end.
const SOON: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_secs(5);

/// Applies itself to the batch and returns what answers its caller once the batch is durable, and tells the caller of a
/// failure when it is dropped. The error says that the file is in trouble, which fails the whole batch; a refusal is an answer.
type Operation = Box<dyn FnOnce(&mut Batch<'_>) -> (Answer, Result<(), StoreError>) + Send>;
type Answer = Box<dyn FnOnce() + Send>;

/// The thread that writes. It ends when the last handle is dropped, after everything that was sent is durable.
#[derive(Debug)]
pub(super) struct Writer {
    sender: Option<Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
    file: Arc<StoreFile>,
}

impl Writer {
    pub(super) fn start(file: Arc<StoreFile>) -> Result<Self, StoreError> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .stack_size(512 * 1024)
            .spawn({
                let file = Arc::clone(&file);
                move || run(&file, &receiver)
            })
            .map_err(|e| StoreError::Failed { reason: format!("cannot start the writer thread: {e}") })?;
        Ok(Self { sender: Some(sender), thread: Some(thread), file })
    }

    /// Runs `operation` in the next transaction; returns when it is durable. What `operation` refuses must not have
    /// changed anything before.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Batch<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let operation: Operation = Box::new(move |batch| {
            let outcome = match operation(batch) {
                Ok(value) => Ok(value),
                Err(Refusal::Refused(e)) => Err(e),
                Err(Refusal::Failed(e)) => return (Box::new(move || drop(reply)), Err(e)),
            };
            // A caller that went away does not undo what it asked for.
            (Box::new(move || drop(reply.send(outcome))), Ok(()))
        });
        let sent = self.sender.as_ref().is_some_and(|s| s.send(operation).is_ok());
        match (sent, answer.await) {
            (true, Ok(outcome)) => outcome,
            _ => Err(self.failure()),
        }
    }

    /// Has it see whether it can write.
    pub(super) fn look(&self) {
        let nothing: Operation = Box::new(|_| (Box::new(|| ()), Ok(())));
        if let Some(sender) = &self.sender {
            // A writer that has ended has nothing left to see to.
            drop(sender.send(nothing));
        }
    }

    fn failure(&self) -> StoreError {
        self.file.failure().unwrap_or_else(reopening)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Why an operation did not happen.
pub(super) enum Refusal {
    /// The caller's fault; the others of the batch go on.
    Refused(StoreError),
    /// The file's: nothing of the batch is kept.
    Failed(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

fn run(file: &StoreFile, operations: &Receiver<Operation>) {
    while let Ok(first) = operations.recv() {
        // Whatever came in while the last transaction was being written shares the next one.
        let mut batch = std::iter::once(first).chain(operations.try_iter().take(MAX_BATCH - 1));
        let mut answers = Vec::new();
        match file.database().and_then(|database| transact(&database, &mut batch, &mut answers)) {
            Ok(()) => answers.into_iter().for_each(|answer| answer()),
            Err(error) => {
                file.fail(error);
                // The callers learn it from their dropped channels: by now probes tell of it too.
                batch.for_each(drop);
                drop(answers);
                file.open_for_readers();
                if !until_healed(file, operations) {
                    return;
                }
            }
        }
    }
}

/// Refuses what comes until something can be written again; false if nobody is left who could ask for anything.
fn until_healed(file: &StoreFile, operations: &Receiver<Operation>) -> bool {
    let pauses = ExponentialBuilder::default().with_min_delay(SOON).with_max_delay(LATE).without_max_times();
    for pause in pauses.build() {
        let next = Instant::now() + pause;
        loop {
            match operations.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(refused) => drop(refused),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        if file.heal() {
            return true;
        }
    }
    false
}

fn transact(
    database: &Database,
    operations: &mut impl Iterator<Item = Operation>,
    answers: &mut Vec<Answer>,
) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    {
        let mut batch = Batch::open(&transaction)?;
        for operation in operations {
            let (answer, applied) = operation(&mut batch);
            answers.push(answer);
            applied?;
        }
        batch.finish()?;
    }
    transaction.commit().map_err(failed)
}
