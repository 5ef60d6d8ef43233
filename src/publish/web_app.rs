use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::PublishError;

const LIMIT_MIB: usize = 64;

/// The web app's answer, for [`crate::config::Sources::with_web_app`].
#[derive(Debug, Clone)]
pub struct ModelList {
    /// What was asked.
    pub url: String,
    /// A JSON list, if the web app is one.
    pub text: String,
}

/// Fetches the models that the web app at `cs_url` knows. Tries up to four times where trying again can help (no
/// connection, 429, 5xx), half a minute each.
///
/// # Errors
/// When no attempt got an answer, or one that says no.
pub async fn fetch_models(cs_url: &Url, token: Option<&SecretString>) -> Result<ModelList, PublishError> {
    // `cs_url` ends in `/` (see Settings), and a relative path without a colon always joins.
    let url = cs_url.join("publish/api/").unwrap_or_else(|_| cs_url.clone());
    let unreachable = |source: reqwest::Error| PublishError::Unreachable {
        url: url.to_string(),
        source: source.without_url(),
    };
    let client = crate::http::client(cs_url).map_err(unreachable)?;
    let attempt = async || {
        let mut request = client.get(url.clone()).timeout(Duration::from_secs(30));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Token {}", token.expose_secret()));
        }
        let mut response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(PublishError::Refused { url: url.to_string(), status: response.status() });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LIMIT_MIB << 20 {
                return Err(PublishError::TooLarge { url: url.to_string(), limit: LIMIT_MIB });
            }
        }
        Ok(ModelList { url: url.to_string(), text: String::from_utf8_lossy(&bytes).into_owned() })
    };
    let again = |e: &PublishError| match e {
        PublishError::Unreachable { source, .. } => !source.is_builder(),
        PublishError::Refused { status, .. } => status.is_server_error() || status.as_u16() == 429,
        PublishError::TooLarge { .. }
        | PublishError::Base { .. }
        | PublishError::Git { .. }
        | PublishError::NoBase { .. }
        | PublishError::Shallow { .. } => false,
    };
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_times(3)
        .with_jitter();
    attempt.retry(backoff).when(again).await
}
