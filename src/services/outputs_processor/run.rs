use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{OutputsProcessor, mind_bucket, pusher, standalone};
use crate::services::api::{self, Serving};

/// What requests that are under way get when the service ends: less than its pod's grace period of 60 s.
const LAST_ANSWERS: Duration = Duration::from_secs(50);
/// How often it is looked for what may be forgotten.
const LOOK: Duration = Duration::from_secs(3600);

/// Serves until `stopped` comes true, hands results to the web app, and forgets what ended longer ago than `keep`. What is
/// under way at the end is finished first, for at most 50 seconds.
pub async fn serve(
    listener: TcpListener,
    state: Arc<OutputsProcessor>,
    keep: Duration,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let stop = state.stopping.clone();
    let pushing = tokio::spawn({
        let (state, stop) = (Arc::clone(&state), stop.clone());
        async move { pusher(&state, &stop).await }
    });
    // It is not ready before that is known.
    state.trouble.send_replace(Some(super::bucket::UNKNOWN.to_owned()));
    let minding = tokio::spawn({
        let (state, stop) = (Arc::clone(&state), stop.clone());
        async move { mind_bucket(&state, &stop).await }
    });
    let forgetting = tokio::spawn({
        let (state, stop) = (Arc::clone(&state), stop.clone());
        async move { forget(&state, keep, &stop).await }
    });
    let stopping = async move {
        stopped.await;
        stop.cancel();
    };
    let silence = state.limits.silence;
    let serving = Serving { last_answers: LAST_ANSWERS, silence, ..Serving::default() };
    api::serve(listener, standalone(state), serving, stopping).await;
    // They have been told to end, and do so on their own.
    for task in [pushing, minding, forgetting] {
        if let Err(e) = task.await {
            tracing::error!("a part of the service has crashed: {e}");
        }
    }
}

async fn forget(state: &OutputsProcessor, keep: Duration, stop: &CancellationToken) {
    let mut ticks = interval(LOOK.min(keep.max(Duration::from_secs(1))));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        let Ok(before) = Timestamp::now().checked_sub(keep) else { continue };
        match state.ledger.forget(before).await {
            Ok(0) => {}
            Ok(n) => {
                state.metrics.forgotten.inc_by(n as u64);
                tracing::info!("forgot {n} jobs that ended before {before}");
            }
            Err(e) => tracing::error!("cannot forget old results: {e}"),
        }
    }
}
