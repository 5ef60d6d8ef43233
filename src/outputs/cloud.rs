//! Buckets of cloud providers. Credentials are what the provider's own tools take: from the environment, a file that it
//! names, the workload's identity or the machine's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};
use serde_json::json;
use url::Url;

use super::OutputsError;
use super::aws::{self, Login};
use super::connector::Connector;
use super::location::Service;

/// Longer outages are waited out by the executor, which holds no request open meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same where somebody waits for the answer.
const EAGER: Duration = Duration::from_secs(5);

/// How long a machine of the provider's may take to be reached, where its word is the last that is left.
const METADATA: Duration = Duration::from_secs(2);

/// A bucket's objects, once for work and once for a question that should be answered at once.
pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) eager: Arc<dyn ObjectStore>,
    /// Where credentials come from if from nowhere else.
    pub(super) last_resort: Option<LastResort>,
}

/// The provider's machines tell programs on them who they are. Elsewhere nobody answers.
#[derive(Debug, Clone)]
pub(super) struct LastResort {
    /// Host and port.
    address: String,
    /// Where credentials were looked for before.
    looked: String,
}

impl LastResort {
    /// Whether there is such a machine.
    ///
    /// # Errors
    /// Where all was looked for credentials.
    pub(super) async fn reach(&self) -> Result<(), String> {
        let connected = tokio::time::timeout(METADATA, tokio::net::TcpStream::connect(&self.address)).await;
        match connected {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                Err(format!("{}; and no machine of the provider answers at {}", self.looked, self.address))
            }
        }
    }
}

/// The bucket that a URL (`gs://name` or `s3://name`, with or without a folder in it) means.
pub(super) fn open(url: &str, service: Service) -> Result<Opened, OutputsError> {
    let bad = |reason: String| OutputsError::BadBucket { bucket: url.to_owned(), reason };
    let parsed = Url::parse(url).map_err(|e| bad(format!("it is no URL: {e}")))?;
    let name = parsed.host_str().ok_or_else(|| bad("it names no bucket".into()))?;
    // A second installation is refused and changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let patient = RetryConfig { max_retries: 5, retry_timeout: PATIENCE, ..RetryConfig::default() };
    let eager = RetryConfig { max_retries: 1, retry_timeout: EAGER, ..RetryConfig::default() };
    let failed = |source| OutputsError::Bucket {
        action: "open",
        object: "it".into(),
        bucket: url.to_owned(),
        source: Box::new(source),
    };
    let folder = Path::parse(parsed.path().trim_matches('/')).map_err(|e| bad(e.to_string()))?;
    let within = |store: Arc<dyn ObjectStore>| -> Arc<dyn ObjectStore> {
        if folder.as_ref().is_empty() { store } else { Arc::new(PrefixStore::new(store, folder.clone())) }
    };
    match service {
        Service::Google => {
            let (builder, last_resort) = google(name);
            let make = |retries| builder.clone().with_retry(retries).build().map_err(failed);
            Ok(Opened {
                store: within(Arc::new(make(patient)?)),
                eager: within(Arc::new(make(eager)?)),
                last_resort,
            })
        }
        Service::Amazon => {
            let (builder, last_resort) = amazon(name)
                .map_err(|reason| OutputsError::NoCredentials { bucket: url.to_owned(), reason })?;
            let make = |retries| builder.clone().with_retry(retries).build().map_err(failed);
            Ok(Opened {
                store: within(Arc::new(make(patient)?)),
                eager: within(Arc::new(make(eager)?)),
                last_resort,
            })
        }
    }
}

/// By a service account's file, else by what gcloud keeps, else by the machine.
fn google(name: &str) -> (GoogleCloudStorageBuilder, Option<LastResort>) {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(name).with_http_connector(Connector);
    // What Google's own tools call it.
    if let Some(host) = variable("STORAGE_EMULATOR_HOST") {
        return (builder.with_service_account_key(emulator(&host)), None);
    }
    let own = [
        GoogleConfigKey::ServiceAccount,
        GoogleConfigKey::ServiceAccountKey,
        GoogleConfigKey::ApplicationCredentials,
    ];
    if own.iter().any(|key| builder.get_config_value(key).is_some()) {
        return (builder, None);
    }
    let home = std::env::home_dir().unwrap_or_default();
    let folder = variable("CLOUDSDK_CONFIG").map_or_else(|| home.join(".config/gcloud"), PathBuf::from);
    let kept = folder.join("application_default_credentials.json");
    if kept.exists() {
        return (builder.with_application_credentials(kept.display().to_string()), None);
    }
    let address = variable("GCE_METADATA_HOST").unwrap_or_else(|| "169.254.169.254".to_owned());
    let looked = format!("GOOGLE_APPLICATION_CREDENTIALS is not set, and there is no {}", kept.display());
    (builder, Some(LastResort { address: with_port(&address), looked }))
}

/// By what the environment says, else by a profile of Amazon's own tools, else by the machine.
fn amazon(name: &str) -> Result<(AmazonS3Builder, Option<LastResort>), String> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(name).with_http_connector(Connector);
    let says = |builder: &AmazonS3Builder, key| builder.get_config_value(&key).is_some_and(|v| !v.is_empty());
    let profile = aws::profile(variable)?;
    if let (Some(region), false) = (&profile.region, says(&builder, AmazonS3ConfigKey::Region)) {
        builder = builder.with_region(region);
    }
    let endpoints = [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint];
    if let (Some(endpoint), false) = (&profile.endpoint, endpoints.into_iter().any(|key| says(&builder, key)))
    {
        builder = builder.with_endpoint(endpoint);
    }
    let named = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::SecretAccessKey,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ];
    let unsigned = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).is_some_and(|v| v == "true");
    let mut last_resort = None;
    if !unsigned && !named.into_iter().any(|key| says(&builder, key)) {
        match profile.login {
            Login::Keys { id, secret, token } => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                if let Some(token) = token {
                    builder = builder.with_token(token);
                }
            }
            Login::WebIdentity { role, token_file, session } => {
                builder = builder
                    .with_config(AmazonS3ConfigKey::RoleArn, role)
                    .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, token_file);
                if let Some(session) = session {
                    builder = builder.with_config(AmazonS3ConfigKey::RoleSessionName, session);
                }
            }
            Login::Other(key) => {
                let name = profile.name;
                return Err(format!(
                    "the profile `{name}` logs in by `{key}`, which csw can't do; let Amazon's tool do it: eval \"$(aws configure export-credentials --profile {name} --format env)\""
                ));
            }
            Login::Nothing => {
                let looked = format!(
                    "AWS_ACCESS_KEY_ID and AWS_WEB_IDENTITY_TOKEN_FILE are not set, and the profile `{}` of ~/.aws holds no keys",
                    profile.name
                );
                if variable("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
                    return Err(looked);
                }
                let address = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
                    .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::MetadataEndpoint))
                    .unwrap_or_else(|| "169.254.169.254".to_owned());
                last_resort = Some(LastResort { address: with_port(&address), looked });
            }
        }
    }
    // Somebody who writes `http://` means it.
    let plain = builder
        .get_config_value(&AmazonS3ConfigKey::Endpoint)
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    Ok((if plain { builder.with_allow_http(true) } else { builder }, last_resort))
}

/// Host and port of a metadata service, which may be given as a URL.
fn with_port(address: &str) -> String {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    if host.contains(':') { host.to_owned() } else { format!("{host}:80") }
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
