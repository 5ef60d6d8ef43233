//! The one way to make an HTTP client.

use std::time::Duration;

use url::Url;

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
    if server.scheme() == "http" { plain() } else { any() }
}

/// What clients are made of that never use TLS: those between pods of a cluster.
pub fn plain() -> reqwest::ClientBuilder {
    any().tls_certs_only([])
}

fn any() -> reqwest::ClientBuilder {
    // A second installation is refused and changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .user_agent(concat!("csw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
}

/// What happened, in one sentence: reqwest's own words say only which URL, the cause says what.
pub fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() }
}
