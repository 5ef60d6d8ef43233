use std::collections::BTreeMap;

use secrecy::SecretString;
use url::Url;

use super::KubeVersion;
use crate::model::KubernetesSettings;

/// What all objects depend on, beside templates and models. Plain data: whoever reads settings fills it.
#[derive(Debug, Clone)]
pub struct RenderContext {
    /// The release of Kubernetes that the objects are for.
    pub kube_version: KubeVersion,
    /// Image registry, as in `gcr.io`.
    pub registry: String,
    /// The path below the registry, as in a cloud project's name.
    pub project: String,
    /// Image tag, and the version that labels tell.
    pub tag: String,
    /// Digests of the images, where all of them are to be pinned: reference with its tag (`gcr.io/p/scheduler:v1`) to
    /// digest (`sha256:…`).
    pub digests: Option<BTreeMap<String, String>>,
    /// The layout on the cluster.
    pub kubernetes: KubernetesSettings,
    /// Seconds that a pod of a model gets to end after SIGTERM.
    pub grace_seconds: u32,
}

/// What the services need to know beside it.
#[derive(Debug, Clone)]
pub struct ServicesContext {
    /// The web app; results are kept without being pushed if there is none.
    pub cs_url: Option<Url>,
    /// The web app's token; needed with `cs_url`.
    pub cs_api_token: Option<SecretString>,
    /// What callers of the scheduler prove themselves with, if they must.
    pub scheduler_token: Option<SecretString>,
    /// Where results are stored: `gs://…`, `s3://…`, a bucket's name, or `file:///path`.
    pub bucket: String,
    /// Passwords of Redis' users.
    pub redis: RedisPasswords,
    /// What scheduler and outputs processor share: see [`crate::store::ClusterKey`].
    pub cluster_key: SecretString,
}

/// Passwords of Redis' users. `default` has none: it is off.
#[derive(Debug, Clone)]
pub struct RedisPasswords {
    /// May do everything.
    pub admin: SecretString,
    /// May get and set `job-*` and `projects`.
    pub scheduler: SecretString,
    /// May get `job-*`.
    pub executor: SecretString,
}

/// A model with what rendering needs to know about it.
#[derive(Debug, Clone, Copy)]
pub struct ModelInput<'m> {
    /// The model.
    pub model: &'m crate::model::Model,
    /// The model's secrets: environment variable to value.
    pub secrets: &'m BTreeMap<String, SecretString>,
    /// The tag of its image, if another than the context's.
    pub tag: Option<&'m str>,
}
