use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::Listed;
use crate::model::{ClusterType, Entry, RepoLocation, Resources, TestPlan};

/// A model as scripts get it: the keys are those of its file, defaults filled in, and where it was found.
#[derive(Debug, Serialize)]
pub(super) struct ModelView {
    pub(super) name: String,
    owner: String,
    title: String,
    oneliner: Option<String>,
    description: Option<String>,
    timestamp: Option<String>,
    repo_url: Option<String>,
    repo_tag: Option<String>,
    latest_tag: Option<String>,
    entry: Value,
    cluster_type: ClusterType,
    replicas: u32,
    resources: Resources,
    /// Seconds.
    sim_time_limit: f64,
    /// Simulations at the same time.
    max_jobs: Option<u32>,
    /// Seconds.
    exp_task_time: Option<f64>,
    env: BTreeMap<String, String>,
    secrets: Vec<String>,
    affinity: Option<Value>,
    listed: bool,
    skip_test: bool,
    test: TestPlan,
    /// The file or the web app's URL.
    pub(super) source: String,
    /// The line of its title, if it has a file.
    line: Option<usize>,
    /// Whether the web app was asked and knows it.
    web: bool,
}

impl ModelView {
    pub(super) fn new(listed: &Listed) -> Self {
        let (model, source) = (&listed.model, &listed.source);
        Self {
            name: model.name.to_string(),
            owner: model.name.owner().to_owned(),
            title: model.name.title().to_owned(),
            oneliner: model.oneliner.clone(),
            description: model.description.clone(),
            timestamp: model.timestamp.as_ref().map(ToString::to_string),
            repo_url: model.repo.as_ref().map(|repo| match repo {
                RepoLocation::Git(url) => url.to_string(),
                RepoLocation::Path(path) => path.display().to_string(),
            }),
            repo_tag: model.repo_tag.clone(),
            latest_tag: model.latest_tag.clone(),
            entry: match &model.entry {
                Entry::Python { interpreter: None } => json!({ "python": {} }),
                Entry::Python { interpreter: Some(i) } => json!({ "python": { "interpreter": i } }),
                Entry::Command { argv } => json!({ "command": argv }),
            },
            cluster_type: model.cluster_type,
            replicas: model.replicas,
            resources: model.resources.clone(),
            sim_time_limit: model.sim_time_limit.as_secs_f64(),
            max_jobs: model.max_jobs,
            exp_task_time: model.exp_task_time.map(crate::model::Seconds::as_secs_f64),
            env: model.env.clone(),
            secrets: model.secrets.clone(),
            affinity: model.affinity_size.as_ref().map(|size| json!({ "size": size })),
            listed: model.listed,
            skip_test: model.skip_test,
            test: model.test.clone(),
            source: source.shown.clone(),
            line: Some(source.line).filter(|l| *l > 0),
            web: source.web,
        }
    }

    /// NAME, CLUSTER, WORKERS, CPU, MEMORY, TIMESTAMP, SOURCE.
    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.cluster(),
            self.replicas.to_string(),
            self.resources.limits.cpu.to_string(),
            self.resources.limits.memory.to_string(),
            self.timestamp.clone().unwrap_or_default(),
            self.source.clone(),
        ]
    }

    /// Key and value, for people.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let joined = |items: Vec<String>| if items.is_empty() { "-".into() } else { items.join(", ") };
        let requests = &self.resources.requests;
        let limits = &self.resources.limits;
        let entry = match (self.entry.get("command"), self.entry.pointer("/python/interpreter")) {
            (Some(argv), _) => format!("command {argv}"),
            (None, Some(interpreter)) => format!("python ({})", interpreter.as_str().unwrap_or_default()),
            (None, None) => "python".into(),
        };
        let line = self.line.map(|l| format!(":{l}")).unwrap_or_default();
        vec![
            ("name", self.name.clone()),
            ("oneliner", or_none(&self.oneliner)),
            ("timestamp", or_none(&self.timestamp)),
            ("repo_url", or_none(&self.repo_url)),
            ("repo_tag", or_none(&self.repo_tag)),
            ("latest_tag", or_none(&self.latest_tag)),
            ("entry", entry),
            ("cluster_type", self.cluster()),
            ("replicas", self.replicas.to_string()),
            ("requests", format!("cpu {}, memory {}", requests.cpu, requests.memory)),
            ("limits", format!("cpu {}, memory {}", limits.cpu, limits.memory)),
            ("sim_time_limit", format!("{} s", self.sim_time_limit)),
            ("max_jobs", self.max_jobs.map_or_else(|| "-".into(), |n| n.to_string())),
            ("exp_task_time", self.exp_task_time.map_or_else(|| "-".into(), |s| format!("{s} s"))),
            ("env", joined(self.env.iter().map(|(name, value)| format!("{name}={value}")).collect())),
            ("secrets", joined(self.secrets.clone())),
            ("affinity", self.affinity.as_ref().map_or_else(|| "-".into(), ToString::to_string)),
            ("listed", self.listed.to_string()),
            ("skip_test", self.skip_test.to_string()),
            ("test", self.test()),
            ("source", format!("{}{line}", self.source)),
        ]
    }

    fn test(&self) -> String {
        let TestPlan { command, example, app } = &self.test;
        let parts = [
            command.as_ref().map(|argv| format!("command {}", json!(argv))),
            example.as_ref().map(|file| format!("example {file}")),
            app.as_ref().map(|app| format!("app {}", app.file)),
        ];
        let said: Vec<String> = parts.into_iter().flatten().collect();
        if said.is_empty() { "-".into() } else { said.join(", ") }
    }

    fn cluster(&self) -> String {
        match self.cluster_type {
            ClusterType::SingleCore => "single-core".into(),
            ClusterType::Dask => "dask".into(),
        }
    }
}
