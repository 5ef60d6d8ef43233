use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How long a registry that has answered before is given to come back.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one that has not answered yet is given: a wrong address should not cost a minute.
const FIRST_CONTACT: Duration = Duration::from_secs(3);
/// The longest wait that a registry may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(120);

/// The waits between the attempts at one thing.
#[derive(Debug)]
pub(super) struct Attempts {
    backoff: ExponentialBackoff,
    waited: Duration,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(8))
            .without_max_times()
            .with_jitter()
            .build();
        Self { backoff, waited: Duration::ZERO }
    }

    /// How long to wait before the next attempt; nothing when it is time to give up. `known` is whether the registry
    /// has answered before, `wish` how long it wants to be left alone.
    pub(super) fn next(&mut self, known: bool, wish: Option<Duration>) -> Option<Duration> {
        let patience = if known { PATIENCE } else { FIRST_CONTACT };
        if self.waited >= patience || wish.is_some_and(|wish| wish > LONGEST_WISH) {
            return None;
        }
        let own = self.backoff.next().unwrap_or(PATIENCE);
        // A wish doesn't use up the patience that failures do: the registry is well.
        self.waited += own;
        Some(own.max(wish.unwrap_or_default()))
    }
}

/// Whether the same request may get another answer.
pub(super) fn passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// What `Retry-After` asks for, in seconds or as a date.
pub(super) fn wish(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let when = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(SystemTime::from(when).duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_never_answered_is_given_up_soon() {
        let mut attempts = Attempts::new();
        let total: Duration = std::iter::from_fn(|| attempts.next(false, None)).sum();
        assert!(total >= FIRST_CONTACT && total < FIRST_CONTACT * 4, "{total:?}");
    }

    #[test]
    fn the_registrys_wish_is_honoured_within_reason() {
        let mut attempts = Attempts::new();
        let wish = Duration::from_secs(20);
        assert!(attempts.next(true, Some(wish)).unwrap() >= wish);
        assert_eq!(attempts.next(true, Some(LONGEST_WISH * 2)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &str| wish(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}
