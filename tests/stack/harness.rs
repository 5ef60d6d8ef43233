//! A stack within the test's own process, with models that are shell scripts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use csw::executor::environment::{Environments, Silent};
use csw::model::{Entry, Job, JobStatus, Model, RepoLocation};
use csw::outputs::Bucket;
use csw::secret;
use csw::services::catalogue::Catalogue;
use csw::services::dispatch::Limits;
use csw::services::outputs_processor::PushTarget;
use csw::services::stack::{LocalHost, Stack, StackConfig};
use csw::settings::{Overrides, Settings};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A place for stacks that come and go.
pub struct Ground {
    pub dir: tempfile::TempDir,
    pub limits: Limits,
    pub token: Option<&'static str>,
    pub push: Option<PushTarget>,
    models: Vec<Model>,
}

/// A stack and a client for it.
pub struct Running {
    pub stack: Stack,
    client: reqwest::Client,
}

/// Answers every task; a simulation's output is its adjustment.
pub const ECHO: &str = r#"
read -r request
case "$request" in
*'"task":"version"'*) echo '{"version": "1.2.3"}' ;;
*'"task":"defaults"'*) echo '{"meta_parameters": {}, "model_parameters": {}}' ;;
*'"task":"parse"'*) echo '{"errors_warnings": {}}' ;;
*) echo "simulating" >&2
   echo "{\"renderable\": [], \"downloadable\": [{\"title\": \"Echo\", \"media_type\": \"Text\", \"data\": \"hello\"}]}" ;;
esac
"#;

impl Ground {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("csw-stack-").tempdir().unwrap();
        let limits = Limits { max_jobs: 2, grace: Duration::from_secs(5), max_lost: 3, ..Limits::default() };
        Self { dir, limits, token: None, push: None, models: Vec::new() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a model whose command is this shell script; `$G` in it is the ground.
    pub fn model(mut self, name: &str, script: &str) -> Self {
        let folder = self.path().join("models").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let script = format!("G={}\n{script}", self.path().display());
        std::fs::write(folder.join("model.sh"), script).unwrap();
        self.models.push(model(name, folder));
        self
    }

    /// At most so many simulations of a model at once.
    pub fn max_jobs(&mut self, name: &str, limit: u32) {
        let model = self.models.iter_mut().find(|m| m.name.to_string() == name).unwrap();
        model.max_jobs = Some(limit);
    }

    pub async fn start(&self) -> Running {
        let overrides = Overrides { data_dir: Some(self.path().join("data")), ..Overrides::default() };
        let mut settings = Settings::resolve(overrides, self.path()).unwrap();
        settings.secrets_file.value = self.path().join("secrets.age");
        let config = StackConfig {
            data_dir: self.path().join("data"),
            listen: ([127, 0, 0, 1], 0).into(),
            tokens: self.token.map(|t| t.to_owned().into()).into(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_csw")),
            catalogue: Catalogue::fixed(self.models.clone()),
            host: LocalHost::new(
                Environments::new(self.path().join("cache"), "python3"),
                Arc::new(Silent),
                Arc::from(secret::open(&settings).unwrap()),
                self.limits.grace,
            ),
            push: self.push.clone(),
            bucket: Bucket::open(self.path().join("bucket").to_str().unwrap()).unwrap(),
            limits: self.limits,
        };
        let stack = Stack::start(config).await.unwrap();
        let client = csw::http::client(stack.url()).unwrap();
        Running { stack, client }
    }
}

impl Running {
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), self.stack.url().join(path).unwrap())
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        answer(self.request("POST", path).json(&body)).await
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request("GET", path)).await
    }

    /// Submits a simulation and returns its id.
    pub async fn sim(&self, model: &str, id: &str) -> String {
        let (status, body) =
            self.post(&format!("{model}/"), json!({"task_name": "sim", "task_id": id})).await;
        assert_eq!(status, 200, "{body}");
        body["task_id"].as_str().unwrap().to_owned()
    }

    /// Waits until the job is final.
    pub async fn wait(&self, id: &str) -> Job {
        loop {
            let (status, body) = self.get(&format!("api/v1/jobs/{id}?wait=30")).await;
            assert_eq!(status, 200, "{body}");
            let job: Job = serde_json::from_value(body).unwrap();
            if job.status.is_final() {
                return job;
            }
        }
    }

    /// Waits until the job runs.
    pub async fn wait_running(&self, id: &str) {
        loop {
            let (_, body) = self.get(&format!("api/v1/jobs/{id}?wait=30&while=PENDING")).await;
            let job: Job = serde_json::from_value(body).unwrap();
            assert!(!job.status.is_final(), "{job:?}");
            if job.status == JobStatus::Running {
                return;
            }
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn model(name: &str, folder: PathBuf) -> Model {
    let resources = json!({"cpu": "1", "memory": "1G"});
    Model {
        name: name.parse().unwrap(),
        reach: csw::model::Reach::default(),
        oneliner: None,
        description: None,
        timestamp: None,
        repo: Some(RepoLocation::Path(folder)),
        repo_tag: None,
        latest_tag: None,
        entry: Entry::Command { argv: vec!["sh".into(), "model.sh".into()] },
        cluster_type: csw::model::ClusterType::SingleCore,
        replicas: 1,
        resources: serde_json::from_value(json!({"requests": resources, "limits": resources})).unwrap(),
        sim_time_limit: "60".parse().unwrap(),
        max_jobs: None,
        exp_task_time: None,
        env: Default::default(),
        secrets: Vec::new(),
        affinity_size: None,
        listed: true,
        skip_test: false,
        test: Default::default(),
        placement: Default::default(),
    }
}
