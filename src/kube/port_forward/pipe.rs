use std::time::Duration;

use kube::api::Portforwarder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How much of what was sent is kept to be sent again to another pod.
const MEMORY: usize = 1024 * 1024;
/// How long a pod may say nothing once the client has closed its side. The protocol can't tell the pod of that.
const LAST_WORDS: Duration = Duration::from_secs(30);
/// How long the API server gets to close a connection in order.
const GOODBYE: Duration = Duration::from_secs(2);

/// How a connection through a pod has ended.
pub(super) enum Piped {
    /// In order.
    Ended,
    /// Nobody took it in the pod: it can be tried again with what the client has sent so far.
    Refused { sent: Vec<u8>, why: String },
    /// In the middle.
    Broken(String),
}

/// Carries bytes between a local connection and a pod's port until one of them ends. `first` is sent to the pod before
/// anything else.
pub(super) async fn pipe(
    socket: &mut TcpStream,
    mut forwarder: Portforwarder,
    port: u16,
    first: Vec<u8>,
) -> Piped {
    let (Some(mut pod), Some(error)) = (forwarder.take_stream(port), forwarder.take_error(port)) else {
        return Piped::Broken("the API server forwards another port".to_owned());
    };
    if let Err(e) = pod.write_all(&first).await {
        return Piped::Broken(e.to_string());
    }
    let (mut local_in, mut local_out) = socket.split();
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut sent, mut complete, mut received, mut open) = (first, true, false, true);
    let mut told = std::pin::pin!(error);
    let mut listening = true;
    let ended = loop {
        tokio::select! {
            // An error that came together with the end says what the end means.
            biased;
            message = &mut told, if listening => match message {
                Some(why) if complete && !received && is_refused(&why) => break Piped::Refused { sent, why },
                Some(why) => break Piped::Broken(why),
                None => listening = false,
            },
            read = pod.read(&mut down) => match read {
                Ok(0) => break Piped::Ended,
                Ok(n) => {
                    received = true;
                    if local_out.write_all(down.get(..n).unwrap_or_default()).await.is_err() {
                        forwarder.abort();
                        return Piped::Ended;
                    }
                }
                Err(e) => break Piped::Broken(e.to_string()),
            },
            read = local_in.read(&mut up), if open => match read {
                Ok(0) => open = false,
                Ok(n) => {
                    let bytes = up.get(..n).unwrap_or_default();
                    complete &= sent.len() + n <= MEMORY;
                    if complete && !received {
                        sent.extend_from_slice(bytes);
                    }
                    if let Err(e) = pod.write_all(bytes).await {
                        break Piped::Broken(e.to_string());
                    }
                }
                Err(_) => {
                    forwarder.abort();
                    return Piped::Ended;
                }
            },
            () = tokio::time::sleep(LAST_WORDS), if !open => {
                forwarder.abort();
                return Piped::Ended;
            }
        }
    };
    drop(pod);
    match (ended, tokio::time::timeout(GOODBYE, forwarder.join()).await) {
        (Piped::Ended, Ok(Err(e))) if is_cut(&e.to_string()) => Piped::Broken(e.to_string()),
        (ended, _) => ended,
    }
}

/// Whether the connection to the API server broke. The client has a type for its errors but keeps it to itself, and it
/// also has an error for each connection that the pod's side was the first to close.
fn is_cut(error: &str) -> bool {
    error.starts_with("failed to receive")
}

/// Whether the node says that nobody listens in the pod, so that nothing of what was sent has arrived.
fn is_refused(message: &str) -> bool {
    message.to_ascii_lowercase().contains("connection refused")
}
