use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Config;
use kube::config::{Kubeconfig, KubeconfigError};

use super::unquoted::sentence;
use super::{Cluster, KubeError, config};
use crate::expectation;

/// How many requests are under way at once unless somebody says otherwise. An API server is at its limit then.
pub const DEFAULT_CONCURRENCY: usize = 16;

/// Where the cluster is and who we are there, as flags and settings say it.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `--kubeconfig`: instead of `KUBECONFIG` (which may name several files) and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`: instead of the current one.
    pub context: Option<String>,
    /// `--namespace`: instead of the context's.
    pub namespace: Option<String>,
    /// `--as`: a user to act as.
    pub impersonate: Option<String>,
    /// `--as-group`: groups to act as.
    pub impersonate_groups: Vec<String>,
    /// The contexts that may be touched; all of them if it is empty.
    pub allowed_contexts: Vec<String>,
    /// Nobody is there to answer: programs that prove who we are, which may ask or open a browser, are not run.
    pub unattended: bool,
}

/// What a context is called in a pod, where no kubeconfig names one.
const IN_CLUSTER: &str = "in-cluster";

impl Access {
    /// Makes the client. Nothing is sent yet, but an exec plugin may run.
    ///
    /// # Errors
    /// When no kubeconfig is found or it is not usable, or the context is not allowed.
    pub async fn connect(&self) -> Result<Cluster, KubeError> {
        // A second installation is refused and changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (mut config, context) = self.config()?;
        if !self.allowed_contexts.is_empty() && !self.allowed_contexts.contains(&context) {
            return Err(KubeError::ContextNotAllowed { context, allowed: self.allowed_contexts.clone() });
        }
        if let Some(namespace) = &self.namespace {
            config.default_namespace.clone_from(namespace);
        }
        if let Some(user) = &self.impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        if !self.impersonate_groups.is_empty() {
            if config.auth_info.impersonate.is_none() {
                return Err(KubeError::Config("--as-group needs --as: groups belong to a user".into()));
            }
            config.auth_info.impersonate_groups = Some(self.impersonate_groups.clone());
        }
        config.connect_timeout = Some(Duration::from_secs(10));
        // Requests are retried by us: the client knows neither broken connections nor our patience.
        config.default_retry = false;
        Cluster::new(config, context)
    }

    /// The names of the contexts that may be touched.
    ///
    /// # Errors
    /// When a kubeconfig can't be read.
    pub fn contexts(&self) -> Result<Vec<String>, KubeError> {
        let contexts = self.kubeconfig()?.map(|found| found.contexts).unwrap_or_default();
        let allowed =
            |name: &String| self.allowed_contexts.is_empty() || self.allowed_contexts.contains(name);
        Ok(contexts.into_iter().map(|context| context.name).filter(allowed).collect())
    }

    fn kubeconfig(&self) -> Result<Option<Kubeconfig>, KubeError> {
        match &self.kubeconfig {
            Some(path) => read(path).map(Some),
            None => found(),
        }
    }

    fn config(&self) -> Result<(Config, String), KubeError> {
        let kubeconfig = self.kubeconfig()?;
        let Some(kubeconfig) = kubeconfig else {
            return match (Config::incluster(), &self.context) {
                (Ok(config), None) => Ok((config, IN_CLUSTER.into())),
                (Err(_), None) => Err(KubeError::Config(
                    "there is no kubeconfig: neither KUBECONFIG nor ~/.kube/config names one, and this is no pod".into(),
                )),
                (_, Some(context)) => {
                    Err(KubeError::Config(format!("there is no kubeconfig that could have the context `{context}`")))
                }
            };
        };
        let Some(context) =
            self.context.clone().or_else(|| kubeconfig.current_context.clone()).filter(|c| !c.is_empty())
        else {
            return Err(KubeError::Config(format!(
                "the kubeconfig has no current context{}",
                known(&kubeconfig)
            )));
        };
        if !kubeconfig.contexts.iter().any(|c| c.name == context) {
            return Err(KubeError::Config(format!(
                "the kubeconfig has no context `{context}`{}",
                known(&kubeconfig)
            )));
        }
        if self.unattended && runs_a_program(&kubeconfig, &context) {
            let message = format!(
                "a program proves who we are in the context `{context}`, and nobody is there to answer it"
            );
            return Err(KubeError::Config(message));
        }
        Ok((config::of_context(&kubeconfig, &context)?, context))
    }
}

/// The kubeconfig that the environment names. As with kubectl, files of `KUBECONFIG` that don't exist are passed
/// over, and the first to set a value wins.
fn found() -> Result<Option<Kubeconfig>, KubeError> {
    let listed: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|v| std::env::split_paths(&v).filter(|p| !p.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let named = !listed.is_empty();
    let paths = if named {
        listed
    } else {
        std::env::home_dir().map(|h| h.join(".kube/config")).into_iter().collect()
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|p| p.exists()) {
        let mut next = read(path)?;
        merged = Some(match merged {
            None => next,
            Some(sofar) => {
                // kubectl doesn't compare them either.
                (next.kind, next.api_version) = (sofar.kind.clone(), sofar.api_version.clone());
                sofar.merge(next).map_err(|e| KubeError::Config(sentence(&e)))?
            }
        });
    }
    if merged.is_none() && named {
        let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        return Err(KubeError::Config(format!("no file that KUBECONFIG names exists: {}", names.join(", "))));
    }
    Ok(merged)
}

/// One file: YAML or JSON, with a byte order mark or without; an empty one is none that says anything.
fn read(path: &Path) -> Result<Kubeconfig, KubeError> {
    let unusable = |why: String| KubeError::Config(format!("the kubeconfig {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| unusable(e.to_string()))?;
    if matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) && bytes.len() % 2 == 1 {
        return Err(unusable("its text has an odd number of bytes, and UTF-16 has two each".into()));
    }
    Kubeconfig::read_from(path).map_err(|e| match e {
        KubeconfigError::Parse(e) => unusable(expectation::yaml(&e)),
        KubeconfigError::ReadConfig(e, _) => unusable(e.to_string()),
        e => unusable(sentence(&e)),
    })
}

/// Whether a program, or a plugin of old, gives the context's user its credentials.
fn runs_a_program(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let of_context = kubeconfig.contexts.iter().find(|c| c.name == context);
    let user = of_context.and_then(|c| c.context.as_ref()?.user.as_deref());
    let mut users = kubeconfig.auth_infos.iter().filter(|u| Some(u.name.as_str()) == user);
    users.any(|u| u.auth_info.as_ref().is_some_and(|a| a.exec.is_some() || a.auth_provider.is_some()))
}

fn known(kubeconfig: &Kubeconfig) -> String {
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!("; it has {}", names.join(", ")) }
}
