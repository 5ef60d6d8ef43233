use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, serve_connection};
use super::memory::Memory;
use crate::listen::Gate;

/// What differs between services.
#[derive(Debug, Clone, Copy)]
pub(in crate::services) struct Serving {
    /// What is under way at the end gets so long.
    pub(in crate::services) last_answers: Duration,
    /// The longest wait for the whole head of a request: from its first byte, or from the end of the one before.
    pub(in crate::services) head: Duration,
    /// A sender in the middle of a body that is silent for so long is given up.
    pub(in crate::services) silence: Duration,
    /// Bytes of bodies that are kept in memory at once.
    pub(in crate::services) memory: usize,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            last_answers: Duration::from_secs(2),
            head: Duration::from_secs(30),
            silence: Duration::from_secs(30),
            memory: 256 << 20,
        }
    }
}

/// Serves until `stopped` comes true. What is under way then gets [`Serving::last_answers`] to end.
pub(in crate::services) async fn serve(
    listener: TcpListener,
    app: Router,
    serving: Serving,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let (gate, stopping) = (Gate::new(), CancellationToken::new());
    let memory = Memory::new(serving.memory);
    let mut connections = JoinSet::new();
    let mut stopped = std::pin::pin!(stopped);
    // Kept over all else that happens: a connection may have come and wait for its place.
    let mut next = Box::pin(gate.accept(&listener));
    loop {
        tokio::select! {
            () = &mut stopped => break,
            (stream, place) = &mut next => {
                next = Box::pin(gate.accept(&listener));
                let (app, memory, stopping) = (app.clone(), memory.clone(), stopping.clone());
                let place = Arc::new(place);
                let connection = Connection { app, memory, place, serving };
                connections.spawn(serve_connection(stream, connection, stopping));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(next);
    drop(listener);
    stopping.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(serving.last_answers, all).await.is_err() {
        tracing::debug!("{} answers are cut off: the service ends", connections.len());
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::services::api::Text;

    const SHORT: Duration = Duration::from_millis(100);

    async fn echo() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app =
            Router::new().route("/", get(async || "hello")).route("/", post(async |Text(text): Text| text));
        let serving = Serving { head: SHORT, silence: SHORT, memory: 64 << 10, ..Serving::default() };
        tokio::spawn(serve(listener, app, serving, std::future::pending()));
        address
    }

    /// What is answered to these bytes until the other end closes.
    async fn said(address: std::net::SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has ended too.
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn nobody_is_waited_for_without_end() {
        let address = echo().await;
        for nothing in ["", "GET / HTTP/1.1\r\nHost: x\r\nX-Half: "] {
            assert_eq!(said(address, nothing.as_bytes()).await, "", "{nothing:?}");
        }
        let idle = said(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(idle.starts_with("HTTP/1.1 200") && idle.ends_with("hello"), "{idle}");
        for (head, part) in
            [("Content-Length: 10", "12345"), ("Transfer-Encoding: chunked", "5\r\n12345\r\n")]
        {
            let slow =
                said(address, format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{part}").as_bytes()).await;
            assert!(slow.starts_with("HTTP/1.1 408"), "{head}: {slow}");
            assert!(slow.contains("nothing came for 0.1 seconds"), "{head}: {slow}");
        }
    }

    #[tokio::test]
    async fn memory_for_bodies_is_given_back() {
        let address = echo().await;
        let post = |size: usize| {
            let body = "x".repeat(size);
            format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n{body}")
        };
        for (size, status) in [(60 << 10, 200), (70 << 10, 503), (60 << 10, 200)] {
            let answer = said(address, post(size).as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{size}: {answer:.200}");
        }
        let huge = said(address, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n").await;
        assert!(huge.starts_with("HTTP/1.1 413"), "{huge}");
    }

    #[tokio::test]
    async fn a_refusal_arrives_though_the_body_is_still_being_sent() {
        let address = echo().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n").await.unwrap();
        // Far more than the buffers between the two ends take.
        for _ in 0..400 {
            stream.write_all(&[b'x'; 100_000]).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }

    #[tokio::test]
    async fn it_is_http_1_1_and_nothing_else() {
        let address = echo().await;
        let preface = said(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        assert!(preface.is_empty() || preface.starts_with("HTTP/1.1 4"), "{preface:?}");
        let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
                       HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
        for to in ["h2c", "websocket", "HTTP/2.0"] {
            let answer = said(address, upgrade.replace("h2c", to).as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("Upgrade"), "{to}: {answer}");
        }
        let headers = said(address, b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        for header in ["x-content-type-options: nosniff", "x-frame-options: DENY", "cache-control: no-store"]
        {
            assert!(headers.contains(header), "{header}: {headers}");
        }
    }
}
