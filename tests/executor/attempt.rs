//! One attempt of a job in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::Sandbox;

/// A model and what is asked of it.
pub struct Attempt {
    pub sandbox: Sandbox,
    launch: Value,
    kwargs: Value,
    env: Vec<(String, String)>,
}

/// What the attempt left behind.
pub struct Ended {
    pub code: i32,
    pub result: Value,
    pub log: String,
}

impl Attempt {
    /// A simulation of a Python model whose `functions.py` is this, after a `get_version` that can be overridden.
    pub fn python(functions: &str) -> Self {
        let attempt = Self::of(json!({"python": {"interpreter": null}}));
        let head = "def get_version():\n    return '1.2.3'\n\n";
        attempt.sandbox.write("model/cs-config/cs_config/__init__.py", "");
        attempt.sandbox.write("model/cs-config/cs_config/functions.py", format!("{head}{functions}"));
        attempt
    }

    /// A simulation of a model that is a script for `sh`.
    pub fn command(script: &str) -> Self {
        let attempt = Self::of(json!({"command": {"argv": ["sh", "model.sh"]}}));
        attempt.sandbox.write("model/model.sh", script);
        attempt
    }

    fn of(entry: Value) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir_all(sandbox.work().join("model")).unwrap();
        let launch = json!({
            "task_id": "test-1", "task": "sim", "model": "Owner/Title", "entry": entry,
            "workdir": sandbox.work().join("model"), "grace_seconds": 0.3, "time_limit_seconds": 60.0,
        });
        Self { sandbox, launch, kwargs: json!({}), env: Vec::new() }
    }

    /// Sets a field of the launch.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.launch[field] = value.into();
        self
    }

    pub fn kwargs(mut self, kwargs: Value) -> Self {
        self.kwargs = kwargs;
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn launch(&self) -> &Value {
        &self.launch
    }

    pub fn folder(&self) -> PathBuf {
        self.sandbox.work().join("attempt")
    }

    /// `csw job`, ready to start; its output goes to the log as the scheduler does it.
    pub fn start(&self) -> Command {
        self.sandbox.write("attempt/launch.json", self.launch.to_string());
        self.sandbox.write("attempt/kwargs.json", self.kwargs.to_string());
        let log = fs::File::create(self.folder().join("log")).unwrap();
        let task = self.launch["task"].as_str().unwrap();
        let mut command = self
            .sandbox
            .csw(["job", "--job-id", "test-1", "--route-name", task])
            .env("CSW_JOB_DIR", self.folder())
            .into_command();
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// Runs it to its end.
    pub fn run(&self) -> Ended {
        let status = self.start().status().unwrap();
        self.ended(status.code().unwrap_or(-1))
    }

    /// What is in the folder now.
    pub fn ended(&self, code: i32) -> Ended {
        let log = String::from_utf8_lossy(&fs::read(self.folder().join("log")).unwrap()).into_owned();
        let result = fs::read(self.folder().join("result.json"))
            .unwrap_or_else(|e| panic!("no result: {e}; exit code {code}; log:\n{log}"));
        Ended { code, result: serde_json::from_slice(&result).unwrap(), log }
    }
}

impl Ended {
    /// The outputs of a success.
    pub fn outputs(&self) -> &Value {
        assert_eq!(self.result["status"], "SUCCESS", "{}\n{}", self.result, self.log);
        assert_eq!(self.code, 0);
        assert!(self.result.get("traceback").is_none());
        &self.result["outputs"]
    }

    /// The traceback of a failure, after a look at the rest of the result.
    pub fn traceback(&self) -> &str {
        assert_eq!(self.result["status"], "FAIL", "{}\n{}", self.result, self.log);
        assert_eq!(self.code, 0, "{}", self.log);
        assert_eq!(self.result["task_id"], "test-1");
        assert!(self.result["meta"]["task_times"][0].is_number());
        assert!(self.result.get("outputs").is_none() && self.result.get("version").is_none());
        self.result["traceback"].as_str().unwrap()
    }

    /// Expects a failure whose traceback has all these parts.
    pub fn fails_with(&self, parts: &[&str]) {
        let traceback = self.traceback();
        for part in parts {
            assert!(traceback.contains(part), "`{part}` is not in:\n{traceback}");
        }
    }
}
