use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::ApiError;
use crate::model::numbers;

/// An answer as JSON whose numbers have all the digits that the model gave them.
pub(in crate::services) struct Exact<T>(pub(in crate::services) T);

impl<T: Serialize> IntoResponse for Exact<T> {
    fn into_response(self) -> Response {
        match numbers::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(e) => {
                let why = format!("the answer is no JSON: {e}");
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
            }
        }
    }
}
