use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::headers;
use super::memory::Memory;
use super::paced::{Answered, Paced};
use super::run::Serving;
use super::steady::Steady;
use crate::listen::{Place, Stage};

/// The largest head.
const LARGEST_HEAD: usize = 64 << 10;

/// What a connection is served with.
pub(super) struct Connection {
    pub(super) app: Router,
    pub(super) memory: Memory,
    pub(super) place: Arc<Place>,
    pub(super) serving: Serving,
}

/// Answers what comes until the other end has enough, is too slow, or has to give up its place.
pub(super) async fn serve_connection(stream: TcpStream, with: Connection, stopping: CancellationToken) {
    let (place, head) = (Arc::clone(&with.place), with.serving.head);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = answer(&with, request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    // Neither HTTP/2 nor upgrades to anything: what a caller says about them is not listened to.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(Steady::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let mut ending = false;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(e) = ended {
                    tracing::debug!("a connection was ended: {e}");
                }
                return;
            }
            () = stopping.cancelled(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = place.given_up() => return,
        }
    }
}

fn answer(with: &Connection, request: hyper::Request<Incoming>) -> impl Future<Output = Response> + use<> {
    let Connection { app, memory, place, serving } = with;
    let (app, place, held) = (app.clone(), Arc::clone(place), memory.hold());
    let mut request: Request =
        request.map(|body| Body::new(Paced::new(body, serving.silence, Arc::clone(&place))));
    request.extensions_mut().insert(held.clone());
    async move {
        place.set(Stage::Answering);
        let mut response = match app.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        // What was kept of the request is not needed any more.
        held.let_go();
        headers::secure(response.headers_mut());
        response.map(|body| Body::new(Answered::new(body, place)))
    }
}
