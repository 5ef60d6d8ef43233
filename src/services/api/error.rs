use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Problem;
use crate::error::Diagnose;
use crate::job::RuntimeError;
use crate::model::JobId;
use crate::services::ServiceError;
use crate::services::results::ResultsError;
use crate::store::StoreError;

/// An answer that is not a success: a status, and JSON that says why.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    problem: Problem,
    challenge: bool,
}

impl ApiError {
    /// An answer with this status and sentence.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, problem: Problem { error: error.into(), hints: Vec::new() }, challenge: false }
    }

    /// 400: the caller's mistake.
    pub fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 404 for a job.
    pub fn no_such_job(id: &JobId) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no job {id}"))
    }

    /// Has browsers ask their user for a token.
    #[must_use]
    pub(in crate::services) fn asking_browsers(mut self) -> Self {
        self.challenge = true;
        self
    }

    /// The status, and what is said with it.
    pub(in crate::services) fn into_parts(self) -> (StatusCode, Problem) {
        (self.status, self.problem)
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hints.push(hint.into());
        self
    }
}

/// What makes a browser ask its user. Others know what to do.
const CHALLENGE: &str = r#"Basic realm="csw: any user name, the token as the password", charset="UTF-8""#;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!("{}: {}", self.status, self.problem.error);
        }
        let mut response = (self.status, Json(self.problem)).into_response();
        if self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::Conflict { .. } => StatusCode::CONFLICT,
            StoreError::NoSuchJob { .. } => StatusCode::NOT_FOUND,
            // Callers may try again: it goes on by itself when the cause is gone.
            StoreError::Io { .. }
            | StoreError::Failed { .. }
            | StoreError::Unavailable { .. }
            | StoreError::Denied { .. } => StatusCode::SERVICE_UNAVAILABLE,
            StoreError::NotPrivate(_)
            | StoreError::Locked { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Format { .. }
            | StoreError::Document { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let hints = if status == StatusCode::CONFLICT { error.hints() } else { Vec::new() };
        Self { status, problem: Problem { error: error.to_string(), hints }, challenge: false }
    }
}

impl From<RuntimeError> for ApiError {
    fn from(error: RuntimeError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<ResultsError> for ApiError {
    fn from(error: ResultsError) -> Self {
        let status = match error {
            ResultsError::Store(e) => return e.into(),
            ResultsError::Bucket(e) => return e.into(),
            ResultsError::Away { .. } => StatusCode::SERVICE_UNAVAILABLE,
            ResultsError::Refused(_) | ResultsError::No { .. } | ResultsError::Unexpected(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Store(e) => e.into(),
            ServiceError::Results(e) => e.into(),
            ServiceError::Runtime(e) => e.into(),
            e => Self::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
        }
    }
}
