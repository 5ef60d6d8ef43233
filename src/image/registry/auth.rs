use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::challenge::Challenge;
use super::exchange::{Answer, Ask};
use super::{Registry, RegistryError};
use crate::image::credentials::Credential;
use crate::secret::SecretValue;

/// What a token is good for where its server doesn't say, by the protocol.
const LIFETIME: u64 = 60;
/// Used no longer when it is so close to its end: a request takes time.
const MARGIN: u64 = 10;

/// What is known of how to log in, and the tokens so far, by scope.
#[derive(Debug, Default)]
pub(super) struct Auth {
    challenge: Option<Challenge>,
    tokens: HashMap<String, Token>,
}

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

#[derive(Deserialize)]
struct Grant {
    token: Option<SecretValue>,
    access_token: Option<SecretValue>,
    expires_in: Option<u64>,
}

impl Registry {
    /// What to send with a request for this scope, by what the registry has asked for so far; and whether it was fetched
    /// only now.
    pub(super) async fn authorization(
        &self,
        ask: &Ask<'_>,
    ) -> Result<(Option<HeaderValue>, bool), RegistryError> {
        let mut auth = self.inner.auth.lock().await;
        let (realm, service) = match &auth.challenge {
            None => return Ok((None, false)),
            Some(Challenge::Basic) => return Ok((self.basic(), true)),
            Some(Challenge::Bearer { realm, service }) => (realm.clone(), service.clone()),
        };
        if let Some(token) = auth.tokens.get(ask.scope).filter(|token| Instant::now() < token.until) {
            return Ok((Some(token.header.clone()), false));
        }
        // Under the lock: many uploads at once need one token.
        let token = self.token(ask, &realm, service.as_deref()).await?;
        let header = token.header.clone();
        auth.tokens.insert(ask.scope.to_owned(), token);
        Ok((Some(header), true))
    }

    /// Takes note of a 401 to a request that went with `used`, which was `fresh` or not. Whether it is worth asking again.
    pub(super) async fn challenged(
        &self,
        ask: &Ask<'_>,
        used: Option<&HeaderValue>,
        fresh: bool,
        answer: &Answer,
    ) -> Result<bool, RegistryError> {
        let headers = answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|h| h.to_str().ok());
        let Some(challenge) = Challenge::read(headers) else { return Ok(false) };
        let mut auth = self.inner.auth.lock().await;
        let again = match &challenge {
            Challenge::Basic => used.is_none() && self.basic().is_some(),
            Challenge::Bearer { realm, .. } => {
                if self.line().base.scheme() == "https" && realm.scheme() != "https" {
                    let why = format!("it wants its credentials sent to {} without TLS", host(realm));
                    return Err(self.nonsense(ask.what, why));
                }
                // A token may have expired; one that is fresh is refused for another reason.
                if !fresh {
                    auth.tokens.remove(ask.scope);
                }
                !fresh
            }
        };
        auth.challenge = Some(challenge);
        Ok(again)
    }

    fn basic(&self) -> Option<HeaderValue> {
        let Some(Credential::Password { username, password }) = self.credential() else { return None };
        sensitive("Basic", &STANDARD.encode(format!("{username}:{}", password.expose())))
    }

    /// Fetches a token for the scope of `ask` from the token server.
    async fn token(&self, ask: &Ask<'_>, realm: &Url, service: Option<&str>) -> Result<Token, RegistryError> {
        let scopes = || ask.scope.split(' ').filter(|scope| !scope.is_empty());
        let http = self.line().http.clone();
        let request = if let Some(Credential::IdentityToken(token)) = self.credential() {
            let mut form = Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", "csw");
            form.append_pair("service", service.unwrap_or_default());
            form.append_pair("scope", &scopes().collect::<Vec<_>>().join(" "));
            form.append_pair("refresh_token", token.expose());
            http.post(realm.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.finish())
        } else {
            let mut url = realm.clone();
            {
                let mut query = url.query_pairs_mut();
                service.map(|service| query.append_pair("service", service));
                for scope in scopes() {
                    query.append_pair("scope", scope);
                }
            }
            let request = http.get(url);
            match self.basic() {
                Some(basic) => request.header(reqwest::header::AUTHORIZATION, basic),
                None => request,
            }
        };
        let what = format!("{}: log in at {}", ask.what, host(realm));
        let unreachable = |e: reqwest::Error| self.broken(&what, &e);
        let response = request.send().await.map_err(unreachable)?;
        let answer = self.read(&what, response).await?;
        if !answer.status.is_success() {
            return Err(if super::retry::passing(answer.status) {
                self.unreachable(&what, super::refusal::words(&answer))
            } else {
                self.refusal(ask.what, &answer)
            });
        }
        // The answer is a secret: nothing of it goes into a message.
        let grant: Grant = serde_json::from_slice(&answer.body)
            .map_err(|_| self.nonsense(&what, "it is not a token in JSON"))?;
        let token = grant.token.or(grant.access_token);
        let header = token.and_then(|token| sensitive("Bearer", token.expose()));
        let header = header.ok_or_else(|| self.nonsense(&what, "it holds no token"))?;
        let lifetime = grant.expires_in.unwrap_or(LIFETIME).max(LIFETIME);
        Ok(Token { header, until: Instant::now() + Duration::from_secs(lifetime.saturating_sub(MARGIN)) })
    }
}

fn sensitive(scheme: &str, proof: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {proof}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("its token server")
}
