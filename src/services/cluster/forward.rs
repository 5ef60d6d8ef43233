//! Requests that reach a scheduler that does not lead.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::http;
use crate::kube::Leadership;
use crate::services::api::ApiError;

/// Marks what has been handed on once: nothing goes round.
const FORWARDED: HeaderName = HeaderName::from_static("csw-forwarded");
/// Headers that concern one connection only.
const HOP: [HeaderName; 10] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::HOST,
];

/// What answers requests: our own application while we lead, else the one who leads.
#[derive(Clone)]
pub(super) struct Front {
    own: Arc<RwLock<Option<Router>>>,
    standing: watch::Receiver<Leadership>,
    client: reqwest::Client,
}

impl Front {
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(standing: watch::Receiver<Leadership>) -> reqwest::Result<Self> {
        let client = http::plain()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { own: Arc::default(), standing, client })
    }

    /// From now on, this answers; or nothing of ours any more.
    pub(super) fn serve(&self, own: Option<Router>) {
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
    }

    pub(super) fn router(self) -> Router {
        Router::new()
            // Also of one that waits for its turn: it is alive.
            .route("/healthz", get(async || axum::Json(serde_json::json!({"status": "ok"}))))
            .fallback(answer)
            .with_state(self)
    }
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let own = front.own.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(own) = own {
        return match own.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
    }
    let leader = match &*front.standing.borrow() {
        Leadership::Theirs { address } if !address.is_empty() => Some(address.clone()),
        _ => None,
    };
    match leader {
        Some(address) if !request.headers().contains_key(FORWARDED) => {
            if request.uri().path() == "/readyz" {
                // Ready is who can hand on.
                return axum::Json(serde_json::json!({"status": "ok", "leader": address})).into_response();
            }
            hand_on(&front.client, &address, request).await.unwrap_or_else(|reason| nobody(&reason))
        }
        _ => nobody("no scheduler leads at the moment"),
    }
}

async fn hand_on(client: &reqwest::Client, address: &str, request: Request) -> Result<Response, String> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |p| p.as_str());
    let mut headers = head.headers;
    let host = headers.get(header::HOST).cloned();
    drop_hops(&mut headers);
    // Whoever checks where a request was meant to go sees that.
    if let Some(host) = host {
        headers.insert(header::HOST, host);
    }
    headers.insert(FORWARDED, HeaderValue::from_static("1"));
    let answer = client
        .request(head.method, format!("http://{address}{path}"))
        .headers(headers)
        .body(reqwest::Body::wrap_stream(body.into_data_stream()))
        .send()
        .await
        .map_err(|e| format!("the scheduler that leads does not answer: {}", http::innermost(&e)))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    drop_hops(response.headers_mut());
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    Ok(response)
}

/// Takes away what concerns one connection only, by its name or because the sender says so.
fn drop_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    HOP.iter().chain(&named).for_each(|name| drop(headers.remove(name)));
}

/// Callers try again: by then there is a leader.
fn nobody(reason: &str) -> Response {
    let mut response = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
