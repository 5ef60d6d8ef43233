use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::ApiError;

/// The longest refusal of the framework's own that is passed on.
const LONGEST: usize = 4096;

/// Middleware: refusals that are not ours (a query that can't be read, a method that isn't there, …) get the shape of
/// ours.
pub(in crate::services) async fn as_problems(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_json(response.headers()) {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = to_bytes(body, LONGEST).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let error = match (status, text.is_empty()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => not_allowed(&method, &path, &head.headers),
        (_, false) => ApiError::new(status, text),
        (_, true) => ApiError::new(status, status.canonical_reason().unwrap_or("refused").to_lowercase()),
    };
    let mut problem = error.into_response();
    let kept = head.headers.into_iter().filter(|(name, _)| {
        name.as_ref().is_some_and(|n| n != header::CONTENT_TYPE && n != header::CONTENT_LENGTH)
    });
    problem.headers_mut().extend(kept);
    problem
}

fn not_allowed(method: &Method, path: &str, headers: &HeaderMap) -> ApiError {
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} does not take {method}"));
    match headers.get(header::ALLOW).and_then(|allow| allow.to_str().ok()) {
        Some(allow) => error.hint(format!("It takes {}", allow.replace(',', ", "))),
        None => error,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/json"))
}
