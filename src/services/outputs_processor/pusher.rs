use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::attempt::{Tried, try_once};
use super::{Backoff, OutputsProcessor, PushTarget};
use crate::model::JobId;
use crate::store::{Push, PushOutcome, StoreError};

/// Results that are looked at in one go.
const BATCH: usize = 256;
/// Results that are on their way at once.
const AT_ONCE: usize = 4;
/// What those that are on their way get to arrive when the pusher is stopped.
const LAST_TRIES: Duration = Duration::from_secs(10);

/// Hands recorded results to the web app until `stop`: at least once each, oldest first, again and again with growing
/// pauses as long as that can help. What the web app refuses for good (400, 404) becomes a dead letter. Results of
/// earlier runs of the service are taken up first. Returns at once if there is no target.
pub async fn pusher(state: &OutputsProcessor, stop: &CancellationToken) {
    let Some(target) = &state.target else { return };
    let mut pauses = Pauses::new(target.backoff);
    while !stop.is_cancelled() {
        let wait = match round(state, target, &mut pauses, stop).await {
            Ok(wait) => wait,
            Err(e) => {
                tracing::error!("cannot read or note results for the web app: {e}");
                Wait::Until(Instant::now() + target.backoff.longest.min(Duration::from_secs(10)))
            }
        };
        let at = match wait {
            Wait::Until(at) | Wait::UntilOrRecorded(Some(at)) => at,
            // Far away: only an event ends this.
            Wait::UntilOrRecorded(None) => Instant::now() + Duration::from_secs(24 * 3600),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(at) => {}
            () = state.recorded.notified(), if matches!(wait, Wait::UntilOrRecorded(_)) => {}
        }
    }
}

enum Wait {
    Until(Instant),
    UntilOrRecorded(Option<Instant>),
}

/// Since when, and until when, something is left alone.
struct Pauses {
    backoff: Backoff,
    /// Failures in a row that concern all results.
    closed: u32,
    /// Results that failed on their own account.
    later: HashMap<JobId, (u32, Instant)>,
}

impl Pauses {
    fn new(backoff: Backoff) -> Self {
        Self { backoff, closed: 0, later: HashMap::new() }
    }

    fn after(&self, failures: u32) -> Duration {
        let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
        self.backoff.first.saturating_mul(doubled).min(self.backoff.longest)
    }

    /// Notes how a try of a result ended; the answer is for the store.
    fn note(&mut self, id: &JobId, tries: u32, tried: Tried) -> PushOutcome {
        match tried {
            Tried::Taken => {
                self.later.remove(id);
                PushOutcome::Taken
            }
            Tried::Refused(reason) => {
                tracing::warn!("the web app refused the result of job {id}: {reason}");
                self.later.remove(id);
                PushOutcome::Refused { reason }
            }
            Tried::Later(reason) => {
                tracing::warn!("the web app could not take the result of job {id}: {reason}");
                let failures = self.later.get(id).map_or(tries, |(n, _)| *n).saturating_add(1);
                self.later.insert(id.clone(), (failures, Instant::now() + self.after(failures)));
                PushOutcome::TryLater { reason }
            }
            Tried::Closed(reason, _) => PushOutcome::TryLater { reason },
        }
    }
}

/// Tries every result that is due, once.
async fn round(
    state: &OutputsProcessor,
    target: &PushTarget,
    pauses: &mut Pauses,
    stop: &CancellationToken,
) -> Result<Wait, StoreError> {
    let pushes = state.store.pushes(BATCH).await?;
    let now = Instant::now();
    if pushes.len() < BATCH {
        pauses.later.retain(|id, _| pushes.iter().any(|p| p.result.task_id == *id));
    }
    let due = |p: &Push| pauses.later.get(&p.result.task_id).is_none_or(|(_, at)| *at <= now);
    let ready: Vec<Push> = pushes.into_iter().filter(due).collect();
    if ready.is_empty() {
        return Ok(Wait::UntilOrRecorded(pauses.later.values().map(|(_, at)| *at).min()));
    }
    // When nothing is taken at the moment, no more tries are begun; those under way are waited for.
    let open = AtomicBool::new(true);
    let open = &open;
    let try_open = |push: Push| async move {
        if open.load(Ordering::Relaxed) { Some((try_once(target, &push).await, push)) } else { None }
    };
    let tries = futures::stream::iter(ready)
        .map(try_open)
        .buffer_unordered(AT_ONCE)
        .filter_map(futures::future::ready);
    let mut tries = std::pin::pin!(tries);
    let (mut taken, mut closed) = (false, None);
    let mut give_up = None;
    loop {
        let ended = match give_up {
            // What has been sent may have been taken: to hear of it saves sending it again.
            Some(at) => timeout_at(at, tries.next()).await.unwrap_or_default(),
            None => tokio::select! {
                () = stop.cancelled() => {
                    open.store(false, Ordering::Relaxed);
                    give_up = Some(Instant::now() + LAST_TRIES);
                    continue;
                }
                ended = tries.next() => ended,
            },
        };
        let Some((tried, push)) = ended else { break };
        if let Tried::Closed(reason, asked) = &tried {
            open.store(false, Ordering::Relaxed);
            if pauses.closed == 0 && closed.is_none() {
                tracing::warn!("results for the web app wait: {reason}");
            }
            closed = Some(*asked);
        }
        state.metrics.tried(&tried);
        taken |= matches!(tried, Tried::Taken);
        let id = push.result.task_id;
        state.store.pushed(&id, pauses.note(&id, push.tries, tried)).await?;
    }
    if taken && pauses.closed > 0 {
        tracing::info!("the web app takes results again");
        pauses.closed = 0;
    }
    Ok(Wait::Until(match closed {
        None => Instant::now(),
        Some(asked) => {
            pauses.closed += 1;
            Instant::now() + asked.unwrap_or_else(|| pauses.after(pauses.closed))
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses =
            Pauses::new(Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(300) });
        let seconds: Vec<_> = [1, 2, 3, 9, 10, 4_000_000_000].map(|n| pauses.after(n).as_secs()).into();
        assert_eq!(seconds, [1, 2, 4, 256, 300, 300]);
    }
}
