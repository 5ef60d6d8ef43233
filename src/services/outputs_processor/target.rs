use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::Refusal;
use crate::http;
use crate::model::TaskName;

/// How long the pusher waits after failures: twice as long each time.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// After the first one.
    pub first: Duration,
    /// Never longer than this, unless the web app asks for it.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(300) }
    }
}

/// The web app that results are handed to.
#[derive(Debug, Clone)]
pub struct PushTarget {
    pub(super) client: reqwest::Client,
    base: String,
    pub(super) authorization: HeaderValue,
    pub(super) backoff: Backoff,
}

impl PushTarget {
    /// The web app at `cs_url` (with or without a slash at its end), where `token` is `CS_API_TOKEN`.
    ///
    /// # Errors
    /// When the token can't be in a header, or no client can be made for the URL.
    pub fn new(cs_url: &Url, token: &SecretString, backoff: Backoff) -> Result<Self, Refusal> {
        let mut authorization = HeaderValue::from_str(&format!("Token {}", token.expose_secret()))
            .map_err(|_| Refusal::Invalid("CS_API_TOKEN holds characters that no token has".into()))?;
        authorization.set_sensitive(true);
        // A redirected PUT arrives as a GET, and its 200 would look as if the result had been taken.
        let client = http::builder(cs_url)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|e| Refusal::Invalid(format!("cannot make a client for {cs_url}: {e}")))?;
        Ok(Self { client, base: cs_url.as_str().trim_end_matches('/').to_owned(), authorization, backoff })
    }

    /// Where results of a task go.
    pub(super) fn url(&self, task: TaskName) -> String {
        let path = if task == TaskName::Sim { "outputs" } else { "inputs" };
        format!("{}/{path}/api/", self.base)
    }
}
