use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::arriving::Arriving;
use super::{Limits, Refusal};
use crate::model::{JobId, numbers};
use crate::outputs::{Packed, read_written};
use crate::services::api::Held;

/// Pieces of a body that may wait for the one who reads it.
const AHEAD: usize = 8;
/// Bodies above this size are parsed aside, so that they don't hold up other requests.
const LARGE: usize = 256 << 10;

/// Bytes that the body says it has.
pub(super) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `limit` bytes, which count as `held`.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    held: Option<&Held>,
    limit: usize,
    limits: Limits,
) -> Result<Vec<u8>, Refusal> {
    let announced = announced(headers);
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    if announced.is_none_or(|n| n <= limit) {
        loop {
            match next(&mut stream, limits).await? {
                None => return Ok(bytes),
                Some(chunk) if bytes.len() + chunk.len() <= limit => {
                    if let Some(held) = held {
                        held.take(chunk.len())?;
                    }
                    bytes.extend_from_slice(&chunk);
                }
                Some(_) => break,
            }
        }
    }
    drop(bytes);
    Err(too_large(&mut stream, limit, limits).await)
}

/// Many clients only read an answer after they have sent everything: takes in what is a little too large.
async fn too_large(stream: &mut BodyDataStream, limit: usize, limits: Limits) -> Refusal {
    let mut drained = 0;
    while drained < limit.saturating_mul(4) {
        match next(stream, limits).await {
            Ok(Some(chunk)) => drained += chunk.len(),
            _ => break,
        }
    }
    Refusal::TooLarge { limit }
}

/// Reads the body of `/write/`, of at most `limits.write` bytes, and packs the outputs in it as they arrive.
pub(super) async fn read_packed(
    headers: &HeaderMap,
    body: Body,
    limits: Limits,
) -> Result<(JobId, Packed), Refusal> {
    let (announced, limit) = (announced(headers), limits.write);
    let mut stream = body.into_data_stream();
    if announced.is_some_and(|n| n > limit) {
        return Err(too_large(&mut stream, limit, limits).await);
    }
    let large = announced.unwrap_or(limit) > 1 << 30;
    let (sender, receiver) = mpsc::channel(AHEAD);
    // It ends at the latest when the sender is gone, which is when this function returns or is given up.
    let packing = spawn_blocking(move || read_written(Arriving::new(receiver), large));
    let mut arrived = 0;
    // What follows a mistake is taken in too: see above.
    while let Some(chunk) = next(&mut stream, limits).await? {
        arrived += chunk.len();
        if arrived > limit {
            return Err(too_large(&mut stream, limit, limits).await);
        }
        if let Err(e) = sender.send(chunk).await {
            drop(e);
        }
    }
    drop(sender);
    let packed = packing.await.map_err(|e| Refusal::Invalid(format!("the body can't be read: {e}")))?;
    Ok(packed?)
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
    let read = |bytes: Vec<u8>| numbers::from_slice(&bytes);
    let parsed = if bytes.len() > LARGE {
        let aside = tokio::task::spawn_blocking(move || read(bytes)).await;
        aside.map_err(|e| Refusal::Invalid(format!("the body can't be read: {e}")))?
    } else {
        read(bytes)
    };
    parsed.map_err(|e| Refusal::Invalid(format!("invalid body: {e}")))
}
