use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::ApiError;

/// A JSON body; what is wrong with it is told with its path, as in `task_kwargs.adjustment`.
pub(in crate::services) struct Body<T>(pub(in crate::services) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let bytes = Bytes::from_request(request, state).await.map_err(|e: BytesRejection| {
            let told = ApiError::new(e.status(), e.body_text());
            if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(e.status(), "the request is too large: inputs may have up to 32 MiB")
            } else {
                told
            }
        })?;
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
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
