use std::future::IntoFuture;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Serves until `stopped` comes true. What is under way then gets `last_answers` to end.
pub(in crate::services) async fn serve(
    listener: TcpListener,
    app: Router,
    last_answers: Duration,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let listener = listener.tap_io(|stream| {
        // Answers are small and awaited.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {e}");
        }
    });
    let (announce, announced) = oneshot::channel::<()>();
    let graceful = axum::serve(listener, app).with_graceful_shutdown(async move {
        stopped.await;
        announce.send(()).unwrap_or_default();
    });
    let too_long = async move {
        drop(announced.await);
        tokio::time::sleep(last_answers).await;
    };
    tokio::select! {
        ended = graceful.into_future() => if let Err(e) = ended {
            tracing::error!("cannot serve: {e}");
        },
        () = too_long => {}
    }
}
