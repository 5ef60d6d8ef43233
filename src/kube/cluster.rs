use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use kube::{Client, Config};

use super::retry::{Attempts, PATIENCE};
use super::unquoted::sentence;
use super::{KubeError, Refusal};

/// How long an answer may take. A list of many thousand objects takes seconds, a webhook up to thirty.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster to talk to; cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    context: Arc<str>,
    server: Arc<str>,
    namespace: Arc<str>,
    /// Whether it has answered at all.
    known: Arc<AtomicBool>,
    patience: Duration,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context).field("server", &self.server).finish()
    }
}

/// A successful answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A request to be sent, possibly more than once: everything we send may be repeated.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// What the request is for, to complete "cannot …".
    pub(super) what: String,
    /// Whether an answer may quote a secret.
    pub(super) secret: bool,
}

impl Call {
    pub(super) fn get(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            content_type: "",
            body: Bytes::new(),
            what: what.into(),
            secret: false,
        }
    }
}

impl Cluster {
    pub(super) fn new(config: Config, context: String) -> Result<Self, KubeError> {
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|e| match e {
            kube::Error::Auth(e) => KubeError::Login { server: server.clone(), why: sentence(&e) },
            e => KubeError::Config(format!("the context `{context}` is not usable: {}", sentence(&e))),
        })?;
        Ok(Self {
            client,
            context: context.into(),
            server: server.into(),
            namespace: namespace.into(),
            known: Arc::default(),
            patience: PATIENCE,
        })
    }

    /// The same cluster, given so long to come back once it has answered.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The name of the context.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The address of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The namespace of objects that name none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The `N` of the release 1.N that the server runs.
    ///
    /// # Errors
    /// When it can't be asked, or its answer is no version.
    pub async fn minor_version(&self) -> Result<u32, KubeError> {
        let what = "ask for the version";
        let reply = self.send(Call::get("/version", what)).await?;
        let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let minor = answer.get("minor").and_then(serde_json::Value::as_str).unwrap_or_default();
        // Cloud providers add a plus.
        minor.trim_end_matches('+').parse().map_err(|_| KubeError::Answer {
            what: what.into(),
            why: format!("the minor version is `{minor}`"),
        })
    }

    /// The client, for watches.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Sends a request until it is answered or there is no more hope.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, KubeError> {
        let mut attempts = Attempts::new(self.patience);
        loop {
            let (error, asked) = match self.once(&call).await {
                Ok(reply) => {
                    self.known.store(true, Ordering::Relaxed);
                    if reply.code < 400 {
                        return Ok(reply);
                    }
                    let refusal = Refusal::parse(reply.code, &reply.body, call.secret);
                    let transient = refusal.is_transient();
                    let asked = retry_after(&reply.headers).or(refusal.retry_after).map(Duration::from_secs);
                    let error = KubeError::Refused { what: call.what.clone(), refusal: Box::new(refusal) };
                    if !transient {
                        return Err(error);
                    }
                    (error, asked)
                }
                Err(error @ KubeError::Unreachable { .. }) => (error, None),
                Err(error) => return Err(error),
            };
            let internal = error.refusal().is_some_and(|r| r.code == 500);
            let Some(wait) = attempts.next(self.known.load(Ordering::Relaxed), asked, internal) else {
                return Err(error);
            };
            tracing::info!(%error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, call: &Call) -> Result<Reply, KubeError> {
        let mut request = Request::builder().method(call.method.clone()).uri(&call.path);
        if !call.content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, call.content_type);
        }
        let request = request
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("csw/", env!("CARGO_PKG_VERSION")))
            .body(kube::client::Body::from(call.body.clone()))
            .map_err(|e| KubeError::Answer { what: call.what.clone(), why: e.to_string() })?;
        let exchange = async {
            let response = self.client.send(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect_bytes().await?;
            Ok::<_, kube::Error>(Reply { code: head.status.as_u16(), headers: head.headers, body })
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, exchange).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(KubeError::Unreachable {
                server: self.server.to_string(),
                why: format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()),
            }),
        }
    }

    /// Tells a connection that may come back from credentials that won't.
    pub(super) fn broken(&self, error: &kube::Error) -> KubeError {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(e) = cause {
            if e.is::<kube::client::AuthError>() {
                return KubeError::Login { server: self.server.to_string(), why: sentence(e) };
            }
            cause = e.source();
        }
        let why = match error {
            kube::Error::Service(e) => sentence(e.as_ref() as &(dyn std::error::Error + 'static)),
            kube::Error::HyperError(e) => sentence(e),
            e => sentence(e),
        };
        KubeError::Unreachable { server: self.server.to_string(), why }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}
