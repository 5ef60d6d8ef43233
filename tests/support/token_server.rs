//! A token server as registries name one: gives signed tokens for what somebody may do.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use super::registry::{PASSWORD, USER};

/// What it takes as a refresh token.
pub const IDENTITY_TOKEN: &str = "1dentity-t0ken";

/// Ends with the test's process.
pub struct TokenServer {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    key: EcdsaKeyPair,
    random: SystemRandom,
    certificate: String,
    lifetime: Mutex<i64>,
    age: Mutex<i64>,
    given: Mutex<Vec<String>>,
}

impl TokenServer {
    pub(super) fn start(key: &Path, certificate: &Path) -> Self {
        let random = SystemRandom::new();
        let key = pem(key);
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &random).unwrap();
        let inner = Arc::new(Inner {
            key,
            random,
            certificate: STANDARD.encode(pem(certificate)),
            lifetime: Mutex::new(300),
            age: Mutex::new(0),
            given: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let routes =
            Router::new().route("/token", axum::routing::get(get).post(post)).with_state(Arc::clone(&inner));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        });
        Self { url, inner }
    }

    /// Scopes of the tokens that it has given, in order.
    pub fn given(&self) -> Vec<String> {
        self.inner.given.lock().unwrap().clone()
    }

    /// Tokens to come are valid for so many seconds, though it says that they last longer.
    pub fn lifetime(&self, seconds: i64) {
        *self.inner.lifetime.lock().unwrap() = seconds;
    }

    /// Tokens to come are already so many seconds old.
    pub fn age(&self, seconds: i64) {
        *self.inner.age.lock().unwrap() = seconds;
    }
}

async fn get(State(inner): State<Arc<Inner>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let known = headers.get("authorization").map(|value| {
        value.to_str().unwrap() == format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")))
    });
    answer(&inner, known, &pairs(&query.unwrap_or_default()))
}

async fn post(State(inner): State<Arc<Inner>>, body: String) -> Response {
    let pairs = pairs(&body);
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let known =
        value("grant_type") == Some("refresh_token") && value("refresh_token") == Some(IDENTITY_TOKEN);
    answer(&inner, Some(known), &pairs)
}

fn answer(inner: &Inner, known: Option<bool>, pairs: &[(String, String)]) -> Response {
    if known == Some(false) {
        let body = json!({"details": "incorrect username or password"});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let scopes: Vec<&str> =
        pairs.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' ')).collect();
    inner.given.lock().unwrap().push(scopes.join(" "));
    let access: Vec<Value> = scopes
        .iter()
        .filter_map(|scope| {
            let (rest, actions) = scope.rsplit_once(':')?;
            let (kind, name) = rest.split_once(':')?;
            // The user may write everywhere but in `locked/`; others read.
            let writes = known.is_some() && !name.starts_with("locked/");
            let actions: Vec<&str> =
                actions.split(',').filter(|action| writes || *action == "pull").collect();
            Some(json!({"type": kind, "name": name, "actions": actions}))
        })
        .collect();
    let now = jiff::Timestamp::now().as_second() - *inner.age.lock().unwrap();
    let until = now + *inner.lifetime.lock().unwrap();
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [inner.certificate]});
    let claims = json!({
        "iss": "csw-test", "sub": USER, "aud": "csw-test", "exp": until, "nbf": now - 60, "iat": now,
        "jti": uuid::Uuid::new_v4(), "access": access,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = inner.key.sign(&inner.random, signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    Json(json!({"token": token, "expires_in": 300})).into_response()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// What a PEM file holds.
fn pem(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}
