use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Refusal;
use crate::error::Diagnose as _;
use crate::outputs::OutputsError;
use crate::services::api::Problem;

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Anonymous => StatusCode::UNAUTHORIZED,
            Self::Forged { .. } | Self::Unsigned => StatusCode::FORBIDDEN,
            Self::NoSuchJob { .. } => StatusCode::NOT_FOUND,
            Self::Fenced { .. } => StatusCode::CONFLICT,
            Self::Invalid(_) | Self::Outputs(OutputsError::Invalid { .. }) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Full(_) | Self::Outputs(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!("{self}");
        }
        let body = Json(Problem { error: self.to_string(), hints: self.hints() });
        match self {
            Self::Anonymous => (status, [(header::WWW_AUTHENTICATE, "Bearer")], body).into_response(),
            _ => (status, body).into_response(),
        }
    }
}
