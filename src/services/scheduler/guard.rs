//! Who may ask at all.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::links::{Links, SESSION};
use crate::services::api::ApiError;
use crate::services::tokens::Tokens;

/// Where browsers that opened a link are let in, and only to look.
const BROWSERS_TOO: [&str; 2] = ["/", "/metrics"];
/// In the query of a link to the page.
const LINK: &str = "link";

/// Who may ask a listener.
#[derive(Debug, Clone)]
pub struct Access {
    tokens: Tokens,
    loopback: bool,
    links: Arc<Links>,
    /// Browsers send a cookie to every port of a machine: two stacks must not take each other's.
    cookie: String,
}

impl Access {
    /// `tokens` is what callers have to show one of, if they have to; `listen` is where they are heard.
    pub fn new(tokens: impl Into<Tokens>, listen: SocketAddr) -> Self {
        Self {
            tokens: tokens.into(),
            loopback: listen.ip().is_loopback(),
            links: Arc::default(),
            cookie: format!("csw-page-{}", listen.port()),
        }
    }

    /// The query of a link to the page that opens once, and soon.
    pub fn link(&self) -> String {
        format!("{LINK}={}", self.links.make(Instant::now()))
    }

    /// For a browser that opens such a link: what lets it in from now on, and the page's address without the link. `None`
    /// for any other request.
    fn open_link(&self, request: &Request) -> Option<Result<Response, ApiError>> {
        let (uri, headers) = (request.uri(), request.headers());
        if uri.path() != "/" || *request.method() != Method::GET {
            return None;
        }
        let query = url::form_urlencoded::parse(uri.query()?.as_bytes());
        let (_, word) = query.into_iter().find(|(name, _)| name == LINK)?;
        // A browser that only looks ahead would use the link up.
        if headers.get("sec-purpose").is_some_and(|v| v.as_bytes().starts_with(b"prefetch")) {
            return Some(Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "this link opens once")));
        }
        let Some(session) = self.links.open(&word, Instant::now()) else {
            let error = ApiError::new(StatusCode::UNAUTHORIZED, "this link was opened before, or is too old");
            return Some(Err(error
                .hint("`csw up` prints another when it is started again")
                .asking_browsers()));
        };
        let (name, age) = (&self.cookie, SESSION.as_secs());
        let cookie = format!("{name}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict");
        let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())];
        Some(Ok((StatusCode::SEE_OTHER, headers).into_response()))
    }

    /// Whether a browser that opened a link may see this.
    fn lets_in(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
        matches!(*method, Method::GET | Method::HEAD)
            && BROWSERS_TOO.contains(&uri.path())
            && headers
                .get_all(header::COOKIE)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(';'))
                .filter_map(|pair| pair.trim().split_once('='))
                .any(|(name, word)| name == self.cookie && self.links.knows(word, Instant::now()))
    }

    /// Whether callers have to show a token.
    pub(super) fn is_guarded(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Refuses callers that don't show a token as `Authorization: Bearer …` or `Token …`. Browsers may show it as the
    /// password of Basic authentication, with any user name, or a cookie, and then only look.
    fn authorize(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        if !self.is_guarded() || self.lets_in(method, uri, headers) {
            return Ok(());
        }
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .and_then(|(scheme, word)| match scheme.to_ascii_lowercase().as_str() {
                "bearer" | "token" => Some(word.trim().to_owned()),
                // What a browser remembers it also sends when a page of somebody else makes it ask.
                "basic" if matches!(*method, Method::GET | Method::HEAD) => password(word.trim()),
                _ => None,
            });
        let refused = |error: &str, hint: &str| {
            Err(ApiError::new(StatusCode::UNAUTHORIZED, error).hint(hint).asking_browsers())
        };
        match given {
            Some(word) if self.tokens.accept(&word) => Ok(()),
            Some(_) => refused(
                "the scheduler does not take this token (any more)",
                "Ask for the present one and set CSW_SCHEDULER_TOKEN to it; for a cluster it may do to unset it",
            ),
            None => {
                refused("the scheduler wants a token", "Set CSW_SCHEDULER_TOKEN to the scheduler's token")
            }
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
        Ok(())
    }
}

/// Middleware of routes that change something: a form of a web page can't say that it sends JSON.
pub(super) async fn json_only(request: Request, next: Next) -> Result<Response, ApiError> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "expected a JSON body with `Content-Type: application/json`",
        ));
    }
    Ok(next.run(request).await)
}

/// Middleware of all routes but those for whoever comes.
pub(super) async fn authorized(access: Access, request: Request, next: Next) -> Result<Response, ApiError> {
    if let Some(answer) = access.open_link(&request) {
        return answer;
    }
    access.authorize(request.method(), request.uri(), request.headers())?;
    Ok(next.run(request).await)
}

/// Middleware of the whole listener.
///
/// # Errors
/// 403 for what only a web page would send.
pub async fn guard(State(access): State<Access>, request: Request, next: Next) -> Result<Response, ApiError> {
    access.no_browsers(&request)?;
    Ok(next.run(request).await)
}

/// The password of Basic authentication.
fn password(encoded: &str) -> Option<String> {
    let decoded = STANDARD.decode(encoded).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
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
    fn a_token_is_asked_for_in_both_spellings_and_of_browsers_that_look() {
        let tokens = Tokens::fixed(&"s3cret,older".to_owned().into());
        let access = Access::new(tokens, ([0, 0, 0, 0], 80).into());
        let with = |method: Method, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            access.authorize(&method, &Uri::from_static("/"), &headers).is_ok()
        };
        let posted = |value: &str| with(Method::POST, value);
        assert!(posted("Bearer s3cret") && posted("Token s3cret") && posted("token  older"));
        assert!(!posted("Bearer other") && !posted("s3cret") && !posted("Basic s3cret") && !posted("Bearer"));
        let basic = format!("Basic {}", STANDARD.encode("anybody:s3cret"));
        assert!(with(Method::GET, &basic) && !posted(&basic));
        assert!(!with(Method::GET, &format!("Basic {}", STANDARD.encode("s3cret:"))));
        assert!(access.authorize(&Method::GET, &Uri::from_static("/"), &HeaderMap::new()).is_err());
        assert!(!format!("{access:?}").contains("s3cret"));
    }
}
