//! The one way to make an HTTP client.

mod exempt;
mod proxies;

use std::time::Duration;

use reqwest::{Proxy, StatusCode};
use url::Url;

use crate::secret::touched;

pub use proxies::Proxies;

/// A client for one server. TLS trust is loaded only when the URL asks for it: that takes longer than all of a
/// request over loopback.
///
/// # Errors
/// When the system's trusted certificates can't be loaded.
pub fn client(server: &Url) -> reqwest::Result<reqwest::Client> {
    builder(server).build()
}

/// What [`client`] is made of, for who needs it a little different.
pub fn builder(server: &Url) -> reqwest::ClientBuilder {
    let tls = |url: &Url| url.scheme() == "https";
    if tls(server) || Proxies::of_process().of(server).is_some_and(tls) {
        any()
    } else {
        any().tls_certs_only([])
    }
}

/// What clients are made of that use neither TLS nor a proxy: those between pods of a cluster.
pub fn plain() -> reqwest::ClientBuilder {
    any().tls_certs_only([]).no_proxy()
}

/// What clients of any server are made of.
pub fn any() -> reqwest::ClientBuilder {
    // A second installation is refused and changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .user_agent(concat!("csw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .no_proxy();
    let proxies = Proxies::of_process();
    if proxies.are_none() {
        return builder;
    }
    builder.proxy(Proxy::custom(|url| proxies.of(url).cloned()))
}

/// The same for who asks other services of csw by the name of a Kubernetes Service: never through a proxy. Each request has a
/// connection of its own: it is when one is made that a pod is chosen, and one that is kept would go on to a pod that has
/// been replaced.
pub fn between_services(client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    client.no_proxy().pool_max_idle_per_host(0)
}

/// Whether an answer is JSON, in which csw's services and the web app's API answer whatever the status is. Anything else
/// comes from something on the way, like a proxy that has not heard of the service yet, and says nothing about the request.
pub fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// Whether a refusal with this status may pass by itself: the same request may be answered differently later.
pub fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// A status and the beginning of what was said with it, for a sentence about an answer. Servers repeat what they were sent:
/// secrets are masked.
pub fn said(status: StatusCode, body: &[u8]) -> String {
    let text = touched::redactor().start_of(body, 300);
    format!("{status}: {}", text.trim())
}

/// What happened, in one sentence: reqwest's own words say only which URL, the cause says what.
pub fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() }
}
