use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{InputsServer, router};
use crate::services::api::{self, Serving};

/// What requests that are under way get when the server ends: less than a pod's grace period of 30 s.
const LAST_ANSWERS: Duration = Duration::from_secs(25);
/// Bytes of inputs at once: a pod has little more memory than its model needs.
const MEMORY: usize = 96 << 20;

/// Serves until `stopped` comes true, and until what is under way then has ended, 25 seconds at most.
pub async fn serve(
    listener: TcpListener,
    server: InputsServer,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let warming = tokio::spawn({
        let server = server.clone();
        async move { server.warm_up().await }
    });
    let (tell, told) = oneshot::channel();
    let ending = async move {
        stopped.await;
        tell.send(Instant::now() + LAST_ANSWERS).unwrap_or_default();
    };
    let serving = Serving { last_answers: LAST_ANSWERS, memory: MEMORY, ..Serving::default() };
    api::serve(listener, router(server.clone()), serving, ending).await;
    warming.abort();
    let end = told.await.unwrap_or_else(|_| Instant::now());
    if tokio::time::timeout_at(end, server.finish()).await.is_err() {
        tracing::error!("results that nobody waits for are lost: the server ends");
    }
}
