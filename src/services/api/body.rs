use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use super::ApiError;
use super::serve::{Full, Held};
use crate::model::numbers;

/// The largest body: inputs of a simulation.
const LARGEST: usize = 32 << 20;

/// A JSON body; what is wrong with it is told with its path, as in `task_kwargs.adjustment`.
pub(in crate::services) struct Body<T>(pub(in crate::services) T);

/// A body that is text.
pub(in crate::services) struct Text(pub(in crate::services) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        parse(&collect(request).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let bytes = collect(request).await?;
        String::from_utf8(bytes)
            .map(Self)
            .map_err(|e| ApiError::bad_request(format!("the body is not UTF-8: {e}")))
    }
}

/// All of a body. What it takes of memory counts as it arrives, whatever it says that it will be.
async fn collect(request: Request) -> Result<Vec<u8>, ApiError> {
    let too_large = || {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large: inputs may have up to 32 MiB")
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
    if announced.is_some_and(|n: u64| n > LARGEST as u64) {
        return Err(too_large());
    }
    let held = request.extensions().get::<Held>().cloned();
    let mut stream = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|e| {
            ApiError::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive: {e}"))
        })?;
        if bytes.len() + chunk.len() > LARGEST {
            return Err(too_large());
        }
        if let Some(held) = &held {
            held.take(chunk.len())?;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string())
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    match numbers::marked(bytes) {
        Cow::Borrowed(bytes) => read(bytes),
        // What is wrong is told with the places of the text as it came.
        Cow::Owned(marked) => read(&marked).or_else(|_: ApiError| read(bytes)),
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let path = e.path().to_string();
        let cause = e.into_inner();
        if cause.is_data() && path != "." {
            ApiError::bad_request(format!("{path}: {cause}"))
        } else {
            ApiError::bad_request(format!("the body is not what is expected: {cause}"))
        }
    })?;
    reader
        .end()
        .map_err(|e| ApiError::bad_request(format!("there is something after the JSON document: {e}")))?;
    Ok(value)
}
