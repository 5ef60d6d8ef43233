//! `csw job` as it runs in a container of a model's image: inputs from a real Redis, the result to the outputs processor.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use csw::store::{ClusterKey, JobStore, RedisStore, Submission};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::stand_in::StandIn;
use crate::support::{Redis, Sandbox, require};

/// A model in a folder, and what a Job's pod gets.
struct Pod {
    redis: Redis,
    outputs: StandIn,
    sandbox: Sandbox,
    env: Vec<(String, String)>,
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

const MODEL: &str = "import json, os, signal, sys, time

def get_version():
    return '1.2.3'

def run_model(meta, adjustment):
";
const OUTPUTS: &str =
    "return {'renderable': [], 'downloadable': [{'media_type': 'Text', 'title': 't', 'data': 'd'}]}";

impl Pod {
    /// `None` where there is no Redis.
    fn of(body: &str) -> Option<Self> {
        Self::with(body, StandIn::start())
    }

    fn with(body: &str, outputs: StandIn) -> Option<Self> {
        if !require("redis") {
            return None;
        }
        let sandbox = Sandbox::new();
        let body: String = body.lines().map(|line| format!("    {line}\n")).collect();
        sandbox.write("model/cs-config/cs_config/__init__.py", "");
        sandbox.write("model/cs-config/cs_config/functions.py", format!("{MODEL}{body}"));
        let about = json!({"model": "Owner/Title", "entry": {"python": {"interpreter": null}},
            "workdir": sandbox.work().join("model"), "commit": "c0ffee"});
        let file = sandbox.write("model.json", about.to_string());
        let redis = Redis::start();
        let key = key().job_key(&"run-1".parse().unwrap()).to_text();
        let env = [
            ("CSW_MODEL_FILE", file.to_str().unwrap()),
            ("OWNER", "Owner"),
            ("TITLE", "Title"),
            ("REDIS_HOST", "127.0.0.1"),
            ("REDIS_PORT", &redis.port().to_string()),
            ("REDIS_USER", "executor"),
            ("REDIS_EXECUTOR_PW", &redis.password("executor")),
            ("CSW_OUTPUTS_PROCESSOR", &outputs.url()),
            ("CSW_JOB_TOKEN", "tkn"),
            ("CSW_JOB_KEY", key.expose_secret()),
            ("CSW_TIME_LIMIT", "60"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Some(Self { redis, outputs, sandbox, env })
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Accepts the job, as a scheduler does.
    fn submit(self, adjustment: Value) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = RedisStore::open(self.redis.config("scheduler"), key()).await.unwrap();
            let kwargs = json!({"meta_param_dict": {}, "adjustment": adjustment});
            let submission = Submission {
                id: "run-1".parse().unwrap(),
                model: "Owner/Title".parse().unwrap(),
                task: csw::model::TaskName::Sim,
                kwargs: kwargs.as_object().unwrap().clone(),
                tag: None,
            };
            store.submit(submission).await.unwrap();
        });
        self
    }

    fn start(&self) -> Child {
        let mut command =
            self.sandbox.csw(["job", "--job-id", "run-1", "--route-name", "sim"]).into_command();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // As in a container, where it is nobody special.
        if rustix::process::geteuid().is_root() {
            let open = std::fs::Permissions::from_mode(0o755);
            let folder = self.sandbox.home().parent().unwrap().to_owned();
            std::fs::set_permissions(&folder, open).unwrap();
            command = elsewhere(&command, &folder.join("csw"));
            command.uid(65534);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self) -> Ended {
        ended(self.start())
    }
}

/// The same command by a program at that path: the target folder may be one that only root can look into.
fn elsewhere(command: &Command, program: &Path) -> Command {
    if !program.exists() && std::fs::hard_link(command.get_program(), program).is_err() {
        std::fs::copy(command.get_program(), program).unwrap();
    }
    let mut same = Command::new(program);
    same.args(command.get_args()).current_dir(command.get_current_dir().unwrap()).env_clear();
    same.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    same
}

fn key() -> ClusterKey {
    ClusterKey::new(&"0123456789abcdef0123456789abcdef".to_owned().into()).unwrap()
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn terminate(child: &Child) {
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
}

#[test]
fn a_simulation_runs_with_its_inputs_and_its_secrets_and_nothing_of_ours() {
    let body = format!(
        "print('rate', adjustment['rate'], 'word', os.environ['WORD'], os.environ['THREADS'])\n\
         ours = [n for n in os.environ if n.startswith(('CSW_', 'REDIS_'))]\n\
         try:\n    open('/proc/%d/environ' % os.getppid()).read(); ours.append('environ')\n\
         except PermissionError:\n    pass\n\
         print('ours', ours, open('/proc/self/oom_score_adj').read().strip())\n{OUTPUTS}"
    );
    let Some(pod) = Pod::of(&body) else { return };
    let pod = pod
        .submit(json!({"rate": 0.25}))
        .env("CSW_SECRET_NAMES", "WORD,MISSING")
        .env("WORD", "open-sesame")
        .env("THREADS", "2");
    let ended = pod.run();
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    assert_eq!(ended.stdout, "rate 0.25 word ****** 2\nours [] 500\n");
    assert_eq!(pod.outputs.lines(), ["GET /api/v1/attempt", "POST /write/", "POST /push/"]);
    let requests = pod.outputs.requests();
    assert!(requests.iter().all(|request| request.authorization == "Bearer tkn"));
    assert_eq!(requests[1].body["outputs"]["downloadable"][0]["data"], "d");
    let result = pod.outputs.pushed();
    assert_eq!((&result["status"], &result["outputs"]), (&json!("SUCCESS"), &json!({"pointer": 1})));
    assert_eq!((&result["task_id"], &result["model_version"]), (&json!("run-1"), &json!("1.2.3")));
}

#[test]
fn a_result_that_is_not_wanted_costs_nothing() {
    let outputs = StandIn::answering(|_| (409, json!({"error": "the job was cancelled"})));
    let Some(pod) = Pod::with("print('ran')", outputs) else { return };
    let ended = pod.submit(json!({})).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    // Wanted when it began, and no longer when it ended.
    let outputs = StandIn::answering(|request| match request.line.as_str() {
        "GET /api/v1/attempt" => (200, json!({"wanted": true})),
        _ => (409, json!({})),
    });
    let Some(pod) = Pod::with(OUTPUTS, outputs) else { return };
    let ended = pod.submit(json!({})).run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_model_that_fails_is_a_result() {
    let Some(pod) = Pod::of("raise ValueError('no such year')") else { return };
    let pod = pod.submit(json!({}));
    let ended = pod.run();
    assert_eq!(ended.code, 0);
    assert_eq!(pod.outputs.lines(), ["GET /api/v1/attempt", "POST /push/"]);
    let result = pod.outputs.pushed();
    assert_eq!(result["status"], "FAIL");
    assert!(result["traceback"].as_str().unwrap().contains("ValueError: no such year"), "{result}");
    assert!(ended.stderr.contains("ValueError: no such year"), "{}", ended.stderr);
}

#[test]
fn a_time_limit_is_kept() {
    let Some(pod) = Pod::of("time.sleep(600)") else { return };
    let pod = pod.submit(json!({})).env("CSW_TIME_LIMIT", "1.5");
    assert_eq!(pod.run().code, 0);
    assert!(pod.outputs.pushed()["traceback"].as_str().unwrap().contains("time limit of 1.5 s"));
}

#[test]
fn inputs_that_cannot_be_had_fail_the_job_with_a_sentence() {
    let Some(pod) = Pod::of(OUTPUTS) else { return };
    assert_eq!(pod.run().code, 0);
    let traceback = pod.outputs.pushed()["traceback"].as_str().unwrap().to_owned();
    let sentence =
        "Owner/Title was not started: the inputs of job run-1 are not in Redis (any more). Submit the";
    assert!(traceback.starts_with(sentence), "{traceback}");
    let other = key().job_key(&"run-2".parse().unwrap()).to_text();
    let Some(pod) = Pod::of(OUTPUTS) else { return };
    let pod = pod.submit(json!({})).env("CSW_JOB_KEY", other.expose_secret());
    let ended = pod.run();
    assert_eq!(ended.code, 0);
    let traceback = pod.outputs.pushed()["traceback"].as_str().unwrap().to_owned();
    assert!(traceback.contains("sealed with another key than the job was given"), "{traceback}");
    assert!(!(ended.stderr + &ended.stdout).contains(other.expose_secret()));
}

#[test]
fn an_outputs_processor_that_is_away_is_waited_for() {
    let Some(mut pod) = Pod::of(&format!("print('running')\ntime.sleep(0.3)\n{OUTPUTS}")) else { return };
    pod = pod.submit(json!({}));
    pod.outputs.go_away();
    let mut job = pod.start();
    // It is being asked for already; the model starts once it is there.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(job.try_wait().unwrap().is_none(), "it gave up");
    pod.outputs.come_back();
    let mut log = BufReader::new(job.stdout.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");
    // And away again when the result is to be delivered.
    pod.outputs.go_away();
    std::thread::sleep(std::time::Duration::from_millis(800));
    pod.outputs.come_back();
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    let ended = ended(job);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(pod.outputs.pushed()["status"], "SUCCESS");
}

#[test]
fn a_redis_that_is_away_is_waited_for() {
    let Some(pod) = Pod::of(OUTPUTS) else { return };
    let mut pod = pod.submit(json!({}));
    pod.redis.kill();
    let job = pod.start();
    pod.outputs.asked_for("GET /api/v1/attempt");
    pod.redis.restart();
    let ended = ended(job);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(pod.outputs.pushed()["status"], "SUCCESS");
}

#[test]
fn a_pod_that_is_evicted_leaves_the_job_to_the_next() {
    let body = "print('running', flush=True)\ntime.sleep(600)";
    let Some(pod) = Pod::of(body) else { return };
    let pod = pod.submit(json!({}));
    let mut job = pod.start();
    let mut log = BufReader::new(job.stdout.take().unwrap());
    log.read_line(&mut String::new()).unwrap();
    terminate(&job);
    let ended = ended(job);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert_eq!(pod.outputs.lines(), ["GET /api/v1/attempt"]);
    // The same while it waits.
    let Some(mut pod) = Pod::of(OUTPUTS) else { return };
    pod.outputs.go_away();
    let job = pod.start();
    // Until its handler of signals is there.
    let status = format!("/proc/{}/status", job.id());
    let caught = |text: String| {
        text.lines().find_map(|l| u64::from_str_radix(l.strip_prefix("SigCgt:")?.trim(), 16).ok())
    };
    while caught(std::fs::read_to_string(&status).unwrap()).unwrap() & (1 << 14) == 0 {
        std::thread::yield_now();
    }
    terminate(&job);
    assert_eq!(self::ended(job).code, 5);
}

#[test]
fn a_result_that_is_there_already_is_delivered_by_a_pod_that_ends() {
    let body = format!(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('running', flush=True)\n\
         while not os.path.exists('go'): time.sleep(0.01)\n{OUTPUTS}"
    );
    let Some(pod) = Pod::of(&body) else { return };
    let pod = pod.submit(json!({}));
    let mut job = pod.start();
    let mut log = BufReader::new(job.stdout.take().unwrap());
    log.read_line(&mut String::new()).unwrap();
    terminate(&job);
    pod.sandbox.write("model/go", "");
    // Either the model was quick enough to be a success, or it is left to the next pod; never a failure.
    let ended = ended(job);
    match ended.code {
        0 => assert_eq!(pod.outputs.pushed()["status"], "SUCCESS"),
        code => assert_eq!((code, pod.outputs.lines().len()), (5, 1), "{}", ended.stderr),
    }
}

#[test]
fn outputs_that_are_refused_for_good_make_the_job_fail_and_say_why() {
    let outputs = StandIn::answering(|request| match request.line.as_str() {
        "GET /api/v1/attempt" => (200, json!({"wanted": true})),
        "POST /write/" => (413, json!({"error": "the body is larger than the limit of 9 bytes"})),
        _ => (200, json!({})),
    });
    let Some(pod) = Pod::with(OUTPUTS, outputs) else { return };
    let pod = pod.submit(json!({}));
    assert_eq!(pod.run().code, 0);
    let result = pod.outputs.pushed();
    assert_eq!(result["status"], "FAIL");
    assert!(result["traceback"].as_str().unwrap().contains("larger than the limit of 9 bytes"), "{result}");
}

#[test]
fn what_no_other_attempt_would_change_ends_with_one() {
    let outputs = StandIn::answering(|_| (403, json!({"error": "the token is not the one of job run-1"})));
    let Some(pod) = Pod::with(OUTPUTS, outputs) else { return };
    let ended = pod.submit(json!({})).run();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("the token is not the one of job run-1"), "{}", ended.stderr);
    for (name, value, expected) in [
        ("CSW_JOB_TOKEN", None, "CSW_JOB_TOKEN is not set"),
        ("CSW_JOB_KEY", Some("x"), "CSW_JOB_KEY holds no key"),
        ("REDIS_EXECUTOR_PW", Some(""), "REDIS_EXECUTOR_PW is not set"),
        ("CSW_TIME_LIMIT", Some("soon"), "CSW_TIME_LIMIT is `soon`"),
        ("TITLE", Some("Other"), "the image has the model Owner/Title, and the job is one of Owner/Other"),
        ("CSW_MODEL_FILE", Some("/nothing/here"), "cannot access /nothing/here"),
    ] {
        let Some(mut pod) = Pod::of(OUTPUTS) else { return };
        pod.env.retain(|(known, _)| known != name);
        if let Some(value) = value {
            pod = pod.env(name, value);
        }
        let ended = pod.run();
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(pod.outputs.lines().is_empty());
    }
}

#[test]
fn large_outputs_arrive_whole() {
    let body = "return {'renderable': [], 'downloadable': [{'media_type': 'Text', 'title': 't', 'data': 'x' * (40 << 20)}]}";
    let Some(pod) = Pod::of(body) else { return };
    let pod = pod.submit(json!({}));
    let ended = pod.run();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let write = &pod.outputs.requests()[1];
    assert_eq!(write.body["outputs"]["downloadable"][0]["data"].as_str().unwrap().len(), 40 << 20);
}
