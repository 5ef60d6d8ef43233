use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RedisConfig;
use super::index::Index;
use super::ledger::Ledger;
use super::link::{Trouble, pauses, written_within};
use super::session::{Known, Session, Setback, superseded};
use crate::store::{SealKey, StoreError};

/// Operations, and bytes of arguments, that one request takes at most: bounds how long the first waits for its answer.
const MAX_BATCH: usize = 512;
const MAX_BYTES: usize = 8 << 20;
/// Operations, and KiB of arguments, that are under way at most; callers beyond that wait to be let in.
pub(super) const QUEUE: usize = 1024;
pub(super) const ROOM: u32 = 64 << 10;

/// Applies itself to the ledger; returns what answers its caller once Redis has it. `None` if the caller has given up.
type Run = Box<dyn FnOnce(&mut Ledger) -> Option<Answer> + Send>;
type Answer = Box<dyn FnOnce() + Send>;

/// What somebody wants of the writer.
pub(super) struct Operation {
    bytes: usize,
    run: Run,
}

/// Whether an operation has been begun, or its caller gave up before: never both.
#[derive(Default)]
pub(super) struct Stage(AtomicU8);

impl Stage {
    fn become_(&self, state: u8) -> bool {
        self.0.compare_exchange(0, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Gives up, unless it has been begun.
    pub(super) fn give_up(&self) -> bool {
        self.become_(1)
    }
}

impl Operation {
    /// An operation that holds so many bytes, and `room` until it is answered; and where its answer comes.
    pub(super) fn new<T: Send + 'static>(
        bytes: usize,
        room: OwnedSemaphorePermit,
        operation: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> (Self, Arc<Stage>, oneshot::Receiver<T>) {
        let (reply, answer) = oneshot::channel();
        let stage = Arc::new(Stage::default());
        let run: Run = Box::new({
            let stage = Arc::clone(&stage);
            move |ledger| {
                let outcome = stage.become_(2).then(|| operation(ledger))?;
                Some(Box::new(move || {
                    drop(room);
                    // A caller that went away does not undo what it asked for.
                    drop(reply.send(outcome));
                }))
            }
        });
        (Self { bytes, run }, stage, answer)
    }
}

/// How writing goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// When Redis last took what was sent.
    last: Instant,
    /// When it has to have taken what is being sent.
    until: Instant,
}

impl Written {
    /// Before anything was sent.
    pub(super) fn nothing() -> Self {
        let now = Instant::now();
        Self { last: now, until: now }
    }
}

/// What callers see of the writer.
#[derive(Debug)]
pub(super) struct Shared {
    /// What Redis has.
    pub(super) published: RwLock<Index>,
    /// How writing goes: callers wait in vain only while Redis takes nothing.
    pub(super) written: Mutex<Written>,
    /// Why nothing can be written at the moment.
    pub(super) trouble: Mutex<Option<Trouble>>,
    /// Why the store is closed.
    pub(super) closed: watch::Sender<Option<String>>,
}

/// The task that writes, one request at a time.
pub(super) struct Writer {
    pub(super) config: RedisConfig,
    pub(super) key: SealKey,
    pub(super) session: Option<Session>,
    pub(super) known: Known,
    pub(super) ledger: Ledger,
    pub(super) shared: Arc<Shared>,
    pub(super) cancel: CancellationToken,
}

impl Writer {
    /// Runs until it is cancelled, replaced, or nobody is left who could ask for anything.
    pub(super) async fn run(mut self, mut operations: mpsc::Receiver<Operation>) {
        let cancel = self.cancel.clone();
        // Cancelled half-way, the connection is closed before anybody hears of it.
        let reason = cancel.run_until_cancelled(self.serve(&mut operations)).await;
        drop(self.session.take());
        self.shared.closed.send_replace(Some(reason.unwrap_or_else(|| "it was closed".to_owned())));
    }

    async fn serve(&mut self, operations: &mut mpsc::Receiver<Operation>) -> String {
        while let Some(first) = operations.recv().await {
            // Whatever came in while the last request was under way shares the next one.
            let mut answers = Vec::new();
            let (mut count, mut bytes) = (0, 0);
            let mut next = Some(first);
            while let Some(operation) = next {
                count += 1;
                bytes += operation.bytes;
                answers.extend((operation.run)(&mut self.ledger));
                let full = count >= MAX_BATCH || bytes >= MAX_BYTES;
                next = if full { None } else { operations.try_recv().ok() };
            }
            if !self.ledger.changes.touched.is_empty()
                && let Err(reason) = self.write().await
            {
                // Before the callers learn that there is no answer.
                self.shared.closed.send_replace(Some(reason.clone()));
                return reason;
            }
            self.publish();
            answers.into_iter().for_each(|answer| answer());
        }
        "nobody uses it any more".to_owned()
    }

    /// Writes the ledger's changes, however long that takes. The error says why it never will be possible.
    async fn write(&mut self) -> Result<(), String> {
        for pause in pauses() {
            self.shared.sends(self.ledger.changes.bytes());
            let setback = match self.try_to_write().await {
                Ok(()) => {
                    *self.trouble() = None;
                    self.shared.has_taken();
                    return Ok(());
                }
                Err(setback) => setback,
            };
            self.shared.has_failed();
            match setback {
                Setback::Trouble(trouble) => {
                    // A connection that answers is good for another try.
                    if !matches!(trouble, Trouble::Refused(_)) {
                        self.session = None;
                    }
                    let before = self.trouble().replace(trouble.clone());
                    if before.is_none() {
                        tracing::warn!("{}", trouble.into_error(&self.config));
                    }
                }
                Setback::Superseded => {
                    tracing::error!("the store of jobs is closed: {}", superseded());
                    return Err(superseded());
                }
                Setback::Unusable(error) => {
                    tracing::error!("the store of jobs is closed: {error}");
                    return Err(error.to_string());
                }
            }
            tokio::time::sleep(pause).await;
        }
        Err("Redis was given up".to_owned())
    }

    async fn try_to_write(&mut self) -> Result<(), Setback> {
        if let Some(session) = &mut self.session {
            return session.commit(&self.ledger, &mut self.known).await;
        }
        // What became of the last request is unknown, and it may even be still under way.
        let pages = self.ledger.pages.end();
        let mut session = Session::claim(&self.config, &self.key, pages, &mut self.known).await?;
        session.establish(&self.ledger, &mut self.known).await?;
        session.commit_inputs(&self.ledger).await?;
        self.session = Some(session);
        Ok(())
    }

    fn publish(&mut self) {
        let touched = self.ledger.settle();
        if touched.is_empty() {
            return;
        }
        let mut published = self.shared.published.write().unwrap_or_else(PoisonError::into_inner);
        for seq in touched {
            match self.ledger.index.at(seq) {
                Some(record) => published.put(Arc::clone(record)),
                None => drop(published.remove(seq)),
            }
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Waits until Redis has taken nothing for that long, from now on, but what is being sent at the moment may take as
    /// long as its size allows.
    pub(super) async fn nothing_written_for(&self, patience: Duration) {
        let begin = Instant::now();
        loop {
            let written = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let deadline = (begin.max(written.last) + patience).max(written.until);
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    /// Notes that so many bytes are being sent.
    pub(super) fn sends(&self, bytes: usize) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.until = Instant::now() + written_within(bytes);
    }

    /// Notes that Redis has taken what was sent.
    pub(super) fn has_taken(&self) {
        let now = Instant::now();
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Written { last: now, until: now };
    }

    /// Notes that Redis has not.
    pub(super) fn has_failed(&self) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).until = Instant::now();
    }

    /// What a caller is told that waited in vain.
    pub(super) fn unavailable(&self, config: &RedisConfig) -> StoreError {
        if let Some(reason) = &*self.closed.borrow() {
            return StoreError::Unavailable { reason: reason.clone() };
        }
        match self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(trouble) => trouble.into_error(config),
            None => {
                StoreError::Unavailable { reason: format!("Redis at {} does not answer", config.server()) }
            }
        }
    }
}
