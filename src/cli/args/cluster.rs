use std::path::PathBuf;

use clap::Args;

use crate::cli::Context;
use crate::cli::complete::{context_names, namespace_names};
use crate::kube::Access;
use crate::settings::{Overrides, Settings};

/// Heading of options that say which cluster. Each option names it: `next_help_heading` would reach the options of
/// whichever command takes these in before its own.
pub(super) const CLUSTER_OPTIONS: &str = "Cluster options";

/// Which cluster, and as whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct ClusterArgs {
    /// Kubeconfig file [env: KUBECONFIG, several files] [default: ~/.kube/config]
    #[arg(help_heading = CLUSTER_OPTIONS, long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig [env: CSW_CONTEXT] [default: the current one]
    #[arg(help_heading = CLUSTER_OPTIONS, long = "context", id = "kube_context", value_name = "NAME", add = context_names())]
    context: Option<String>,

    /// Namespace, also of objects that name none and of a set's parent [env: CSW_NAMESPACE] [default: csw]
    #[arg(help_heading = CLUSTER_OPTIONS, long, value_name = "NAME", add = namespace_names())]
    namespace: Option<String>,

    /// User to act as
    #[arg(help_heading = CLUSTER_OPTIONS, long = "as", value_name = "USER")]
    impersonate: Option<String>,

    /// Group to act as; may be given several times
    #[arg(help_heading = CLUSTER_OPTIONS, long = "as-group", value_name = "GROUP", requires = "impersonate")]
    impersonate_groups: Vec<String>,
}

impl ClusterArgs {
    /// The settings with what these flags say, and the way to the cluster.
    pub(in crate::cli) fn access(&self, context: &Context) -> anyhow::Result<(Settings, Access)> {
        self.access_with(context, |_| ())
    }

    /// The same with more that the command line says.
    pub(in crate::cli) fn access_with(
        &self,
        context: &Context,
        adjust: impl FnOnce(&mut Overrides),
    ) -> anyhow::Result<(Settings, Access)> {
        let Self { kubeconfig, context: kube_context, namespace, impersonate, impersonate_groups } = self;
        let settings = context.settings(|o| {
            o.context.clone_from(kube_context);
            o.namespace.clone_from(namespace);
            adjust(o);
        })?;
        let namespace = match &settings.namespace.value {
            Some(namespace) => namespace.clone(),
            None => settings.kubernetes.namespace.to_string(),
        };
        let access = Access {
            kubeconfig: kubeconfig.clone(),
            context: settings.context.value.clone(),
            // The same whatever the context says: what was applied is found again.
            namespace: Some(namespace),
            impersonate: impersonate.clone(),
            impersonate_groups: impersonate_groups.clone(),
            allowed_contexts: settings.allowed_contexts.value.0.clone(),
            unattended: false,
        };
        Ok((settings, access))
    }
}
