use std::path::PathBuf;

use secrecy::SecretString;

/// What the command line says; `None` where it says nothing.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--tag`
    pub tag: Option<String>,
    /// `--project`
    pub project: Option<String>,
    /// `--cr`
    pub registry: Option<String>,
    /// `--bucket`
    pub bucket: Option<String>,
    /// `--cs-url`
    pub cs_url: Option<String>,
    /// `--cs-api-token`
    pub cs_api_token: Option<SecretString>,
    /// `--scheduler`
    pub scheduler: Option<String>,
    /// `--data`
    pub data_dir: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--max-jobs`
    pub max_jobs: Option<usize>,
    /// `--context`
    pub context: Option<String>,
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--kube-version`
    pub kube_version: Option<String>,
}
