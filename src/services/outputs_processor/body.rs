use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{Limits, Refusal};

/// Bodies above this size are parsed aside, so that they don't hold up other requests.
const LARGE: usize = 256 << 10;

/// Bytes that the body says it has.
pub(super) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    limits: Limits,
) -> Result<Vec<u8>, Refusal> {
    let announced = announced(headers);
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    if announced.is_none_or(|n| n <= limit) {
        bytes.reserve(announced.unwrap_or_default().min(limit));
        loop {
            match next(&mut stream, limits).await? {
                None => return Ok(bytes),
                Some(chunk) if bytes.len() + chunk.len() <= limit => bytes.extend_from_slice(&chunk),
                Some(_) => break,
            }
        }
    }
    drop(bytes);
    // Many clients only read an answer after they have sent everything: take in what is a little too large.
    let mut drained = 0;
    while drained < limit.saturating_mul(4) {
        match next(&mut stream, limits).await {
            Ok(Some(chunk)) => drained += chunk.len(),
            _ => break,
        }
    }
    Err(Refusal::TooLarge { limit })
}

async fn next(stream: &mut BodyDataStream, limits: Limits) -> Result<Option<bytes::Bytes>, Refusal> {
    match timeout(limits.silence, stream.next()).await {
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(e))) => Err(Refusal::Incomplete(e.to_string())),
        Ok(None) => Ok(None),
        Err(_) => {
            Err(Refusal::Incomplete(format!("nothing came for {} seconds", limits.silence.as_secs_f64())))
        }
    }
}

/// The JSON in a body.
pub(super) async fn parse<T: DeserializeOwned + Send + 'static>(bytes: Vec<u8>) -> Result<T, Refusal> {
    let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
    let parsed = if bytes.len() > LARGE {
        let aside = tokio::task::spawn_blocking(move || read(bytes)).await;
        aside.map_err(|e| Refusal::Invalid(format!("the body can't be read: {e}")))?
    } else {
        read(bytes)
    };
    parsed.map_err(|e| Refusal::Invalid(format!("invalid body: {e}")))
}
