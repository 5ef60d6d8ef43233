//! Who may ask at all.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::services::api::ApiError;

/// Who may ask a listener.
#[derive(Debug, Clone)]
pub struct Access {
    token: Option<Arc<SecretString>>,
    loopback: bool,
}

impl Access {
    /// `token` is what callers have to show, if they have to; `listen` is where they are heard.
    pub fn new(token: Option<SecretString>, listen: SocketAddr) -> Self {
        Self { token: token.map(Arc::new), loopback: listen.ip().is_loopback() }
    }

    /// Refuses callers that don't show the token as `Authorization: Bearer …` or `Token …`.
    pub(super) fn authorize(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| {
                scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token")
            })
            .map(|(_, word)| word.trim());
        // Digests, so that the time a comparison takes tells nothing about the token.
        let digest = |word: &str| Sha256::digest(word.as_bytes());
        match given {
            Some(word) if digest(word) == digest(token.expose_secret()) => Ok(()),
            Some(_) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "the scheduler's token is another one")),
            None => Err(ApiError::new(StatusCode::UNAUTHORIZED, "the scheduler wants a token")
                .hint("Set CSW_SCHEDULER_TOKEN to the scheduler's token")),
        }
    }

    /// Keeps out web pages that the user's browser shows: they can reach a loopback address, and without this could
    /// submit jobs by a plain form, or read answers after pointing a host name of theirs at 127.0.0.1.
    fn no_browsers(&self, request: &Request) -> Result<(), ApiError> {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|v: &header::HeaderValue| v.to_str().ok());
        let host = text(header::HOST).unwrap_or_default();
        if self.loopback && !is_local(host) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                format!("`{host}` is no name of this listener"),
            )
            .hint("Ask 127.0.0.1 or localhost"));
        }
        if let Some(origin) = text(header::ORIGIN)
            && origin.split_once("://").is_none_or(|(_, authority)| authority != host)
        {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "requests from web pages are refused"));
        }
        let json = text(header::CONTENT_TYPE).is_some_and(|t| {
            t.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"))
        });
        if request.method() == Method::POST && !json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "expected a JSON body with `Content-Type: application/json`",
            ));
        }
        Ok(())
    }
}

/// Middleware of the whole listener.
///
/// # Errors
/// 403 or 415 for what only a web page would send.
pub async fn guard(State(access): State<Access>, request: Request, next: Next) -> Result<Response, ApiError> {
    access.no_browsers(&request)?;
    Ok(next.run(request).await)
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    name.eq_ignore_ascii_case("localhost") || address()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "LOCALHOST:8888", "127.0.0.1:8888", "127.0.0.1", "[::1]:80", "[::1]"] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example:8888", "127.0.0.1.nip.io", "10.0.0.1", "[::2]"]
        {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn a_token_is_asked_for_in_both_spellings() {
        let access = Access::new(Some("s3cret".to_owned().into()), ([0, 0, 0, 0], 80).into());
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            access.authorize(&headers).is_ok()
        };
        assert!(with("Bearer s3cret") && with("Token s3cret") && with("token  s3cret"));
        assert!(!with("Bearer other") && !with("s3cret") && !with("Basic s3cret") && !with("Bearer"));
        assert!(access.authorize(&HeaderMap::new()).is_err());
        assert!(!format!("{access:?}").contains("s3cret"));
    }
}
