use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a permit stands for.
const PIECE: usize = 1024;

/// The memory for bodies of all requests of a listener.
#[derive(Debug, Clone)]
pub(super) struct Memory(Arc<Semaphore>);

/// What one request has of it: an extension of each request.
#[derive(Debug, Clone)]
pub(in crate::services) struct Held {
    memory: Memory,
    permits: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

/// Other requests have all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many large requests arrive at once; try again in a moment")]
pub struct Full;

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / PIECE).min(Semaphore::MAX_PERMITS))))
    }

    pub(super) fn hold(&self) -> Held {
        Held { memory: self.clone(), permits: Arc::default() }
    }
}

impl Held {
    /// Takes so much more; it is given back when the request is answered.
    ///
    /// # Errors
    /// When there is not so much left.
    pub(in crate::services) fn take(&self, bytes: usize) -> Result<(), Full> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).map_err(|_| Full)?;
        let more = Arc::clone(&self.memory.0).try_acquire_many_owned(pieces).map_err(|_| Full)?;
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *permits {
            Some(permits) => permits.merge(more),
            None => *permits = Some(more),
        }
        Ok(())
    }

    pub(super) fn let_go(&self) {
        drop(self.permits.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_request_has_another_lacks() {
        let memory = Memory::new(10 * PIECE);
        let (one, two) = (memory.hold(), memory.hold());
        assert!(one.take(1).is_ok() && one.take(8 * PIECE).is_ok());
        assert_eq!((two.take(PIECE), two.take(1)), (Ok(()), Err(Full)));
        one.let_go();
        assert!(two.take(9 * PIECE).is_ok());
        drop(two);
        assert!(one.take(10 * PIECE).is_ok(), "what is dropped is given back");
    }
}
