use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{ClientConfigKey, HttpClient, HttpConnector, ReqwestConnector};

use crate::http;

/// Makes the object store's HTTP clients as all of csw's are made, so that proxies are decided on in one place.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let says = |key| options.get_config_value(&key).filter(|value| !value.is_empty() && value != "false");
        // What was named for the object store alone, as in `AWS_PROXY_URL`.
        if says(ClientConfigKey::ProxyUrl)
            .or_else(|| says(ClientConfigKey::AllowInvalidCertificates))
            .is_some()
        {
            return ReqwestConnector::default().connect(options);
        }
        let mut client = http::any().https_only(says(ClientConfigKey::AllowHttp).is_none());
        if let Some(time) = says(ClientConfigKey::Timeout).as_deref().and_then(duration) {
            client = client.timeout(time);
        }
        if let Some(time) = says(ClientConfigKey::ConnectTimeout).as_deref().and_then(duration) {
            client = client.connect_timeout(time);
        }
        if let Some(headers) = options.get_default_headers() {
            client = client.default_headers(headers.clone());
        }
        let client = client.build().map_err(|e| object_store::Error::Generic {
            store: "HTTP",
            source: http::innermost(&e).into(),
        })?;
        Ok(HttpClient::new(client))
    }
}

fn duration(text: &str) -> Option<Duration> {
    text.parse::<jiff::SignedDuration>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_stores_times_are_understood() {
        let options = ClientOptions::new().with_connect_timeout(Duration::from_millis(1500));
        let value = |key| options.get_config_value(&key).unwrap();
        assert_eq!(duration(&value(ClientConfigKey::ConnectTimeout)), Some(Duration::from_millis(1500)));
        assert_eq!(duration(&value(ClientConfigKey::Timeout)), Some(Duration::from_secs(30)));
        assert_eq!(value(ClientConfigKey::AllowHttp), "false");
    }
}
