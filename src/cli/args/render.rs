use std::path::PathBuf;

use clap::Args;

use crate::model::{DnsLabel, ModelError};
use crate::render::{KubeVersion, RenderError};
use crate::settings::{Overrides, Settings};

/// Where objects go, and what they are rendered for.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Folder to write a file an object to, or - for a stream of YAML documents on stdout
    #[arg(short, long, value_name = "DIR", default_value = "-")]
    pub(crate) out: PathBuf,

    /// Release of Kubernetes to render for, 1.20 to 1.36 [env: CSW_KUBE_VERSION] [default: 1.36]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kube_version: Option<KubeVersion>,

    /// File that a build or push wrote (`--output`): its digests pin the images
    #[arg(long, value_name = "FILE")]
    pub(crate) images: Option<PathBuf>,

    /// Namespace of the objects [env: CSW_NAMESPACE] [default: csw]
    #[arg(long, value_name = "NAMESPACE", value_parser = label)]
    namespace: Option<DnsLabel>,
}

impl RenderArgs {
    /// Adds what these flags say to the settings'.
    pub(crate) fn adjust(&self, overrides: &mut Overrides) {
        overrides.kube_version = self.kube_version.map(|version| version.to_string());
        overrides.namespace = self.namespace.as_ref().map(ToString::to_string);
    }

    /// The release, which these flags have been added to the settings of.
    pub(crate) fn release(settings: &Settings) -> anyhow::Result<KubeVersion> {
        match &settings.kube_version.value {
            None => Ok(KubeVersion::default()),
            Some(text) => Ok(text.parse()?),
        }
    }

    /// The folder, or `None` for stdout.
    pub(crate) fn folder(&self) -> Option<&PathBuf> {
        Some(&self.out).filter(|out| out.as_os_str() != "-")
    }
}

fn version(text: &str) -> Result<KubeVersion, RenderError> {
    text.parse()
}

fn label(text: &str) -> Result<DnsLabel, ModelError> {
    text.parse()
}
