use clap::Args;

use super::cluster::{CLUSTER_OPTIONS, ClusterArgs};
use crate::cli::Context;
use crate::kube::Access;
use crate::settings::Settings;

/// Which objects of which cluster, and as whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct KubeArgs {
    #[command(flatten)]
    cluster: ClusterArgs,

    /// Name of the set that the objects belong to: a ConfigMap keeps track of them
    #[arg(help_heading = CLUSTER_OPTIONS, long, value_name = "NAME", default_value = "csw")]
    pub(in crate::cli) applyset: String,
}

impl KubeArgs {
    /// The settings with what these flags say, and the way to the cluster.
    pub(in crate::cli) fn access(&self, context: &Context) -> anyhow::Result<(Settings, Access)> {
        self.cluster.access(context)
    }
}
