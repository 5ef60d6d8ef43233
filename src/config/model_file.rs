//! What stands in a file that a person writes about a model.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::document::{Code, Decode, Node, Optional, Problems, Required, record};
use super::placement::{GpuTable, InputsServer, Network};
use super::repo_url::RepoUrl;
use super::test_plan::TestTable;
use super::text::Text;
use super::values::{
    Argv, EnvVars, GitRef, Interpreter, LabelValue, MaxJobs, NamePart, Replicas, SecretNames,
};
use crate::model::{BuildTimestamp, ClusterType, Cpu, Entry, Isolation, Labels, Memory, Seconds, Toleration};

record! {
    /// One model: the file config/OWNER/TITLE.yaml.
    pub(super) struct ModelFile {
        /// Who publishes the model: the name of the folder that this file is in.
        pub(super) owner: Required<NamePart>,
        /// The model's title: the name of this file.
        pub(super) title: Required<NamePart>,
        /// One line for lists.
        pub(super) oneliner: Optional<Text>,
        /// Longer, in Markdown.
        pub(super) description: Optional<Text>,
        /// Bump it to ask for a rebuild: a date and a time of day, as in "2020-10-29 09:29".
        pub(super) timestamp: Required<BuildTimestamp>,
        /// Where the model's repository is: a git URL, or a path that starts at the folder above `config`.
        pub(super) repo_url: Optional<RepoUrl>,
        /// Branch, tag or commit of the repository; its default branch if left out.
        pub(super) repo_tag: Optional<GitRef>,
        /// Older spelling of `repo_tag`: give one of the two.
        pub(super) branch: Optional<GitRef>,
        /// How the model's functions are called: by `python` (the default) or by a `command`.
        pub(super) entry: Optional<EntryChoice>,
        /// How it computes: one process a simulation (the default), or a Dask cluster.
        pub(super) cluster_type: Optional<ClusterType>,
        /// How many Dask workers; only with `cluster_type: dask`. 1 if left out.
        pub(super) replicas: Optional<Replicas>,
        /// Processors and memory of one simulation. Of a pair of request and limit, a missing half is as the other;
        /// 1 cpu, 2G requested and at most 3G if all is left out.
        pub(super) resources: Optional<ResourceTable>,
        /// A simulation is ended after this time, in seconds or with units. Two hours if left out, or twice
        /// `exp_task_time` if that is longer.
        pub(super) sim_time_limit: Optional<Seconds>,
        /// How many of its simulations may run at the same time: others wait, and let those of other models pass. As many
        /// as there is room for if left out.
        pub(super) max_jobs: Optional<MaxJobs>,
        /// How long a simulation is expected to take, in seconds or with units.
        pub(super) exp_task_time: Optional<Seconds>,
        /// Environment variables of the model's process and of its build; not for secrets.
        pub(super) env: Optional<EnvVars>,
        /// Names of secrets that the model gets as environment variables; `csw models -n OWNER/TITLE secrets set NAME`
        /// sets their values.
        pub(super) secrets: Optional<SecretNames>,
        /// Which nodes of a cluster may run it.
        pub(super) affinity: Optional<Affinity>,
        /// What the model's pods may reach on a cluster.
        pub(super) network: Optional<Network>,
        /// Graphics processors of one simulation.
        pub(super) gpu: Optional<GpuTable>,
        /// Labels that a cluster's node must have to run the model.
        pub(super) node_selector: Optional<Labels>,
        /// Taints of a cluster's nodes that the model's pods tolerate.
        pub(super) tolerations: Optional<Vec<Toleration>>,
        /// The server that tells the model's inputs and checks them.
        pub(super) inputs_server: Optional<InputsServer>,
        /// How far its processes on this machine are kept from what is not theirs: `none`, `process` (kept to their
        /// environment, their repository and a folder of their own) or `container` (the same in a container of the Docker
        /// engine). As the setting `isolation` says if left out.
        pub(super) isolation: Optional<Isolation>,
        /// Files and folders of this machine that its processes may read besides; a relative path starts at the
        /// repository.
        pub(super) reads: Optional<Vec<Text>>,
        /// Files and folders of this machine that its processes may write besides a folder of their own (HOME, TMPDIR); a
        /// relative path starts at the repository.
        pub(super) writes: Optional<Vec<Text>>,
        /// Whether the web app lists it; true if left out.
        pub(super) listed: Optional<bool>,
        /// Whether publishing leaves out its tests; false if left out.
        pub(super) skip_test: Optional<bool>,
        /// What tests it, where that is not its own pytest suite.
        pub(super) test: Optional<TestTable>,
    }
    hints {
        "command" | "argv" => "it belongs under `entry`, as in `entry: {command: [sh, run.sh]}`",
        "python" | "interpreter" => "it belongs under `entry`, as in `entry: {python: {interpreter: python3.12}}`",
        "cpu" | "memory" | "requests" | "limits" =>
            "it belongs under `resources`, as in `resources: {limits: {cpu: 1, memory: 2G}}`",
        "internet" => "it belongs under `network`, as in `network: {internet: true}`",
        "size" => "it belongs under `affinity`, as in `affinity: {size: large}`",
        "name" | "model" => "a model's name is written as `owner` and `title`",
        "repo" | "url" | "repository" | "git" => "did you mean `repo_url`?",
        "tag" | "commit" | "ref" | "revision" => "did you mean `repo_tag`?",
        "workers" => "did you mean `replicas`?",
        "latest_tag" | "staging_tag" | "status" | "server_cost" => "the web app keeps this: leave it out",
    }
}

record! {
    /// One model of a list file.
    pub(super) struct ListItem {
        /// Who publishes the model.
        pub(super) owner: Required<NamePart>,
        /// The model's title.
        pub(super) title: Required<NamePart>,
        /// Branch, tag or commit of the repository; its default branch if left out.
        pub(super) branch: Optional<GitRef>,
        /// Where the model's repository is: a git URL, or a path that starts at the folder above `config`.
        pub(super) repo_url: Optional<RepoUrl>,
        /// How it computes: one process a simulation (the default), or a Dask cluster.
        pub(super) cluster_type: Optional<ClusterType>,
        /// How many Dask workers; only with `cluster_type: dask`. 1 if left out.
        pub(super) replicas: Optional<Replicas>,
        /// Environment variables of the model's process and of its build; bump BUILD_NUM to ask for a rebuild.
        pub(super) env: Optional<EnvVars>,
        /// Which nodes of a cluster may run it.
        pub(super) affinity: Optional<Affinity>,
        /// Names of secrets that the model gets as environment variables.
        pub(super) secrets: Optional<SecretNames>,
        /// A simulation is ended after this time, in seconds or with units.
        pub(super) sim_time_limit: Optional<Seconds>,
        /// Processors and memory of one simulation.
        pub(super) resources: Optional<ResourceTable>,
    }
    hints {
        "repo_tag" | "tag" => "did you mean `branch`?",
        "timestamp" | "entry" | "oneliner" | "description" | "exp_task_time" | "max_jobs" | "listed" | "skip_test" | "network"
            | "gpu" | "node_selector" | "tolerations" | "inputs_server" | "isolation" | "reads" | "writes" | "test" =>
            "a list file has no such key: give the model a file of its own, `csw models new OWNER/TITLE`",
        "cpu" | "memory" | "requests" | "limits" =>
            "it belongs under `resources`, as in `resources: {limits: {cpu: 1, memory: 2G}}`",
    }
}

record! {
    /// How a model's functions are called: one of the two.
    pub(super) struct EntryPoint {
        /// The functions of the Python package `cs_config.functions`.
        pub(super) python: Optional<PythonEntry>,
        /// A program and its arguments, run in the repository's folder, without a shell: it reads one JSON request on
        /// stdin and writes one JSON result to stdout.
        pub(super) command: Optional<Argv>,
    }
}

record! {
    /// A Python model.
    pub(super) struct PythonEntry {
        /// The interpreter that makes the model's environment: a program on PATH or an absolute path.
        pub(super) interpreter: Optional<Interpreter>,
    }
}

record! {
    /// What is reserved and what may be used at most.
    pub(super) struct ResourceTable {
        /// What is reserved.
        pub(super) requests: Optional<Amounts>,
        /// What may be used at most; never less than is requested.
        pub(super) limits: Optional<Amounts>,
    }
}

record! {
    /// Processors and memory.
    pub(super) struct Amounts {
        /// Processors, as in 2, 0.5 or 500m.
        pub(super) cpu: Optional<Cpu>,
        /// Memory, as in 7G or 512Mi.
        pub(super) memory: Optional<Memory>,
    }
}

record! {
    /// Which nodes of a cluster may run a model.
    pub(super) struct Affinity {
        /// The value that a node's label `size` must have.
        pub(super) size: Required<LabelValue>,
    }
}

/// An [`EntryPoint`] with one of its two keys, as the model has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryChoice(pub(super) Entry);

impl Decode for EntryChoice {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let entry = EntryPoint::decode(node, problems)?;
        match (entry.python, entry.command) {
            (Some(python), None) => {
                let interpreter = python.value.interpreter.map(|i| i.value.0);
                return Some(Self(Entry::Python { interpreter }));
            }
            (None, Some(command)) => return Some(Self(Entry::Command { argv: command.value.0 })),
            (Some(python), Some(command)) => {
                let source = Arc::clone(problems.source());
                problems
                    .error(command.key, Code::Conflict, "`entry` has both `python` and `command`")
                    .also(source, python.key, "python here")
                    .set_help("keep one of the two");
            }
            (None, None) if problems.len() == before => {
                problems
                    .error(node.head(), Code::MissingKey, "`entry` has neither `python` nor `command`")
                    .set_help("write `python: {}`, or `command: [program, argument]`");
            }
            (None, None) => {}
        }
        None
    }
}

impl JsonSchema for EntryChoice {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        EntryPoint::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = EntryPoint::json_schema(generator);
        schema.insert("minProperties".into(), 1.into());
        schema.insert("maxProperties".into(), 1.into());
        schema
    }
}

impl From<ListItem> for ModelFile {
    fn from(item: ListItem) -> Self {
        let ListItem {
            owner,
            title,
            branch,
            repo_url,
            cluster_type,
            replicas,
            env,
            affinity,
            secrets,
            sim_time_limit,
            resources,
        } = item;
        Self {
            owner,
            title,
            branch,
            repo_url,
            cluster_type,
            replicas,
            env,
            affinity,
            secrets,
            sim_time_limit,
            resources,
            ..Self::default()
        }
    }
}
