//! Buckets of cloud providers. Credentials are what the provider's own tools take: from the environment, a file that it
//! names, the workload's identity or the machine's.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};
use serde_json::json;
use url::Url;

use super::OutputsError;
use super::connector::Connector;
use super::location::Service;

/// Longer outages are waited out by the executor, which holds no request open meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bucket that a URL (`gs://name` or `s3://name`, with or without a folder in it) means.
pub(super) fn open(url: &str, service: Service) -> Result<Arc<dyn ObjectStore>, OutputsError> {
    let bad = |reason: String| OutputsError::BadBucket { bucket: url.to_owned(), reason };
    let parsed = Url::parse(url).map_err(|e| bad(format!("it is no URL: {e}")))?;
    let name = parsed.host_str().ok_or_else(|| bad("it names no bucket".into()))?;
    // A second installation is refused and changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let retries = RetryConfig { max_retries: 5, retry_timeout: PATIENCE, ..RetryConfig::default() };
    let failed = |source| OutputsError::Bucket {
        action: "open",
        object: "it".into(),
        bucket: url.to_owned(),
        source: Box::new(source),
    };
    let store: Arc<dyn ObjectStore> = match service {
        Service::Google => {
            let builder = GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(name)
                .with_retry(retries)
                .with_http_connector(Connector);
            // What Google's own tools call it.
            let builder = match variable("STORAGE_EMULATOR_HOST") {
                Some(host) => builder.with_service_account_key(emulator(&host)),
                None => builder,
            };
            Arc::new(builder.build().map_err(failed)?)
        }
        Service::Amazon => {
            let builder = AmazonS3Builder::from_env()
                .with_bucket_name(name)
                .with_retry(retries)
                .with_http_connector(Connector);
            // Somebody who writes `http://` means it.
            let plain = builder
                .get_config_value(&AmazonS3ConfigKey::Endpoint)
                .is_some_and(|endpoint| endpoint.starts_with("http://"));
            let builder = if plain { builder.with_allow_http(true) } else { builder };
            Arc::new(builder.build().map_err(failed)?)
        }
    };
    let folder = Path::parse(parsed.path().trim_matches('/')).map_err(|e| bad(e.to_string()))?;
    Ok(if folder.as_ref().is_empty() { store } else { Arc::new(PrefixStore::new(store, folder)) })
}

/// An account as the client wants one for a server that asks for none.
fn emulator(host: &str) -> String {
    let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    json!({"gcs_base_url": url, "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""})
        .to_string()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
