//! The one way to accept connections: so many at once, and when there are as many, one that has nothing to show yet goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Connections at once where the process may have enough files open.
const MOST: usize = 1024;
/// And at least so many, however few it may have.
const LEAST: usize = 16;
/// Between two tries when a connection can't be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// How far a connection is; those that are further are kept longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nothing whole has come yet.
    Fresh,
    /// Between two requests.
    Idle,
    /// A request is arriving, or nobody can tell.
    Receiving,
    /// A request is being answered: never given up for another.
    Answering,
}

/// What is open at a listener.
#[derive(Debug)]
pub(crate) struct Gate {
    most: usize,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// By age.
    places: BTreeMap<u64, (Stage, CancellationToken)>,
}

/// A connection's place; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    number: u64,
    given_up: CancellationToken,
}

impl Gate {
    /// As many as the process may have, with room for what it opens itself.
    pub(crate) fn new() -> Arc<Self> {
        let files = getrlimit(Resource::Nofile).current.and_then(|n| usize::try_from(n).ok());
        Self::of(files.map_or(MOST, |files| (files / 2).clamp(LEAST, MOST)))
    }

    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default(), freed: Notify::new() })
    }

    /// The next connection, once there is a place for it.
    pub(crate) async fn accept(self: &Arc<Self>, listener: &TcpListener) -> (TcpStream, Place) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Small answers are awaited.
                    if let Err(e) = stream.set_nodelay(true) {
                        tracing::debug!("cannot set TCP_NODELAY: {e}");
                    }
                    return (stream, self.place().await);
                }
                // The other end is gone again, or no file can be opened.
                Err(e) => {
                    tracing::warn!("cannot accept a connection: {e}");
                    self.give_up_one(&mut self.open());
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn place(self: &Arc<Self>) -> Place {
        loop {
            let freed = self.freed.notified();
            {
                let mut open = self.open();
                if open.places.len() < self.most {
                    let (number, given_up) = (open.next, CancellationToken::new());
                    open.next += 1;
                    open.places.insert(number, (Stage::Fresh, given_up.clone()));
                    return Place { gate: Arc::clone(self), number, given_up };
                }
                self.give_up_one(&mut open);
            }
            freed.await;
        }
    }

    /// The one that is the least far, and of those the oldest.
    fn give_up_one(&self, open: &mut Open) {
        let candidates = open.places.values().filter(|(stage, token)| {
            // One that is told already needs a moment to be gone.
            *stage != Stage::Answering && !token.is_cancelled()
        });
        if let Some((stage, token)) = candidates.min_by_key(|(stage, _)| *stage) {
            tracing::debug!("{} connections are open: one that is {stage:?} is given up", self.most);
            token.cancel();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn set(&self, stage: Stage) {
        if let Some((at, _)) = self.gate.open().places.get_mut(&self.number) {
            *at = stage;
        }
    }

    /// Comes true when the place is needed for another.
    pub(crate) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.open().places.remove(&self.number);
        self.gate.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_is_the_least_far_goes_first() {
        let gate = Gate::of(4);
        let mut places = Vec::new();
        for stage in [Stage::Answering, Stage::Receiving, Stage::Idle, Stage::Fresh] {
            let place = gate.place().await;
            place.set(stage);
            places.push(place);
        }
        for expected in [3, 2, 1] {
            let waiting = tokio::spawn({
                let gate = Arc::clone(&gate);
                async move { gate.place().await }
            });
            places[expected].given_up().await;
            for (n, place) in places.iter().enumerate().take(expected) {
                assert!(!place.given_up.is_cancelled(), "{n}");
            }
            drop(places.pop());
            let place = waiting.await.unwrap();
            place.set(Stage::Answering);
            // Kept for good: nobody gives it up.
            std::mem::forget(place);
        }
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.place().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "all are answering");
        drop(places);
        waiting.await.unwrap();
    }
}
