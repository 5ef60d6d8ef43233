use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{BuildTimestamp, Cpu, Memory, ModelName, Placement, Reach, Seconds, TestPlan};

/// How a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterType {
    /// One process a simulation.
    #[default]
    SingleCore,
    /// A Dask cluster a model.
    Dask,
}

/// What a container asks for or may use at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcePair {
    /// Processors.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
}

/// Requests and limits; a limit is never below its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// What is reserved.
    pub requests: ResourcePair,
    /// What may be used at most.
    pub limits: ResourcePair,
}

/// Where a model's repository is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepoLocation {
    /// Something that git clones: https, http, ssh, git or file URL.
    Git(Url),
    /// A folder on this machine (absolute).
    Path(PathBuf),
}

/// How a model's functions are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// The Python package `cs_config.functions`; `interpreter` instead of the environment's own, if given.
    Python {
        /// A program on PATH or an absolute path.
        interpreter: Option<String>,
    },
    /// A command, run in the repository's folder, that reads one JSON request on stdin and writes one JSON result.
    Command {
        /// The program and its arguments; never goes through a shell.
        argv: Vec<String>,
    },
}

/// A validated model: every source of configuration loads into this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `Owner/Title`.
    pub name: ModelName,
    /// One line for lists.
    pub oneliner: Option<String>,
    /// Longer, Markdown.
    pub description: Option<String>,
    /// Bumped to ask for a rebuild.
    pub timestamp: Option<BuildTimestamp>,
    /// Where the repository is; `None` where only the web app knows it.
    pub repo: Option<RepoLocation>,
    /// Branch, tag or commit of the repository; `None` means its HEAD.
    pub repo_tag: Option<String>,
    /// Image tag that is in use, as the web app tells.
    pub latest_tag: Option<String>,
    /// How its functions are called.
    pub entry: Entry,
    /// How it computes.
    pub cluster_type: ClusterType,
    /// Dask workers; 1 for `single-core`.
    pub replicas: u32,
    /// Requests and limits of one simulation.
    pub resources: Resources,
    /// A simulation is ended after this time.
    pub sim_time_limit: Seconds,
    /// How many of its simulations may run at the same time; `None` where its file says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_jobs: Option<u32>,
    /// Seconds that a simulation is expected to take, for the web app.
    pub exp_task_time: Option<Seconds>,
    /// Environment variables of the model's process and build.
    pub env: BTreeMap<String, String>,
    /// Names of the environment variables that come from the model's secrets.
    pub secrets: Vec<String>,
    /// The value that the label `size` of a node must have for the model to run there.
    pub affinity_size: Option<String>,
    /// Whether the web app lists it.
    pub listed: bool,
    /// Whether publishing runs its tests.
    pub skip_test: bool,
    /// What its tests are, where its file says.
    #[serde(default, skip_serializing_if = "TestPlan::is_empty")]
    pub test: TestPlan,
    /// Where its pods may run on a cluster, and what they may reach.
    #[serde(default)]
    pub placement: Placement,
    /// What its processes may reach on this machine.
    #[serde(default, skip_serializing_if = "Reach::is_default")]
    pub reach: Reach,
}
