use std::future::Future;

use tokio_util::sync::CancellationToken;

/// Runs a future that is told by `cancel` when the user presses Ctrl-C; nothing once it is pressed again.
pub(in crate::cli) async fn until_interrupted<T>(
    cancel: &CancellationToken,
    future: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(future);
    tokio::select! {
        done = &mut future => return Some(done),
        // Where signals can't be had, the default ends the program.
        Ok(()) = tokio::signal::ctrl_c() => cancel.cancel(),
    }
    tokio::select! {
        done = &mut future => Some(done),
        Ok(()) = tokio::signal::ctrl_c() => None,
    }
}
