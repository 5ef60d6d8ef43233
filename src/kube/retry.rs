use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// How long a cluster that has answered before is given to come back: an API server needs some seconds to restart,
/// a managed control plane up to a minute.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
/// How long one that has not answered yet is given: a wrong address should not cost a minute.
const FIRST_CONTACT: Duration = Duration::from_secs(3);
/// How often an answer that looks like a bug in the server is asked for again.
const INTERNAL_ERRORS: usize = 5;

/// The waits between the attempts at one request.
pub(super) struct Attempts {
    backoff: ExponentialBackoff,
    waited: Duration,
    internal: usize,
    patience: Duration,
}

impl Attempts {
    /// `patience` is how long a cluster that has answered before is given to come back.
    pub(super) fn new(patience: Duration) -> Self {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times()
            .with_jitter()
            .build();
        Self { backoff, waited: Duration::ZERO, internal: 0, patience }
    }

    /// How long to wait before the next attempt; nothing when it is time to give up. `known` is whether the cluster
    /// has answered before, `asked` what the server wants, `internal` whether it answered 500.
    pub(super) fn next(&mut self, known: bool, asked: Option<Duration>, internal: bool) -> Option<Duration> {
        self.internal += usize::from(internal);
        let patience = if known { self.patience } else { FIRST_CONTACT };
        if self.waited >= patience || self.internal > INTERNAL_ERRORS {
            return None;
        }
        let own = self.backoff.next().unwrap_or(PATIENCE);
        // Never earlier than the server asks for, and never so late that nobody waits for it.
        let wait = own.max(asked.unwrap_or_default()).min(PATIENCE);
        self.waited += wait;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_never_answered_is_given_up_soon() {
        let mut attempts = Attempts::new(PATIENCE);
        let total: Duration = std::iter::from_fn(|| attempts.next(false, None, false)).sum();
        assert!(total >= FIRST_CONTACT && total < FIRST_CONTACT * 4, "{total:?}");
    }

    #[test]
    fn the_servers_wish_is_honoured() {
        let mut attempts = Attempts::new(PATIENCE);
        assert!(attempts.next(true, Some(Duration::from_secs(7)), false).unwrap() >= Duration::from_secs(7));
    }

    #[test]
    fn an_internal_error_is_not_asked_for_again_and_again() {
        let mut attempts = Attempts::new(PATIENCE);
        assert_eq!(std::iter::from_fn(|| attempts.next(true, None, true)).count(), INTERNAL_ERRORS);
    }
}
