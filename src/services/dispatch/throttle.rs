use std::time::{Duration, Instant};

/// The first pause; each later one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause that nobody asked for.
const LONGEST: Duration = Duration::from_secs(60);

/// Holds starts back while what runs jobs takes none: a cluster that is away, or whose quota is used up.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    until: Option<Instant>,
    refusals: u32,
    reason: String,
}

impl Throttle {
    /// A start was refused for now. Returns how long to pause; nothing if that is settled already: starts that were
    /// under way together are refused together.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        asked: Option<Duration>,
        reason: &str,
    ) -> Option<Duration> {
        if self.until.is_some_and(|until| now < until) {
            return None;
        }
        let own = FIRST.saturating_mul(1 << self.refusals.min(10)).min(LONGEST);
        let pause = own.max(asked.unwrap_or_default());
        self.refusals += 1;
        self.until = Some(now + pause);
        reason.clone_into(&mut self.reason);
        Some(pause)
    }

    /// A start went through.
    pub(super) fn passed(&mut self) {
        *self = Self::default();
    }

    /// Whether another start may be tried while `under_way` are: after a pause one has to go through before the others.
    pub(super) fn lets_pass(&self, now: Instant, under_way: usize) -> bool {
        self.until.is_none_or(|until| now >= until) && (self.refusals == 0 || under_way == 0)
    }

    /// Why no start is tried at the moment, if that is so.
    pub(super) fn pauses(&self, now: Instant) -> Option<&str> {
        self.until.filter(|until| now < *until).and_then(|_| self.reason())
    }

    /// Why starts are held back, if they are.
    pub(super) fn reason(&self) -> Option<&str> {
        (self.refusals > 0).then_some(self.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_one_start_goes_through() {
        let mut throttle = Throttle::default();
        let mut now = Instant::now();
        assert!(throttle.lets_pass(now, 15));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let pause = throttle.refused(now, None, "away").unwrap();
            assert_eq!(throttle.refused(now, None, "away"), None, "one pause for all that failed together");
            assert!(!throttle.lets_pass(now, 0));
            now += pause;
            assert!(throttle.lets_pass(now, 0) && !throttle.lets_pass(now, 1), "one at a time");
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(throttle.reason(), Some("away"));
        throttle.passed();
        assert!(throttle.lets_pass(now, 15) && throttle.reason().is_none());
        let asked = Some(Duration::from_secs(7));
        assert_eq!(throttle.refused(now, asked, "busy"), asked);
    }
}
