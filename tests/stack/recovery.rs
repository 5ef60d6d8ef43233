//! What can't do its work says so, and goes on by itself when the cause is gone.

use std::process::Command;

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::outputs_processor::{SECRET, raw_outputs, signed, success};
use crate::support::{Sandbox, Up};

/// `csw` that is told when a file can't grow, instead of being ended.
fn outliving_limits(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_csw")]).args(args);
    command.current_dir(sandbox.work()).env_clear().env("HOME", sandbox.home());
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("CSW_CLUSTER_KEY", SECRET);
    command.env("BUCKET", format!("file://{}", sandbox.work().join("bucket").display()));
    command
}

/// From now on no file of the process gets larger than that, as on a disk that is full.
fn limit_files(up: &Up, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(up.pid()), Resource::Fsize, limit).unwrap();
}

struct Asking {
    client: reqwest::Client,
    url: String,
}

impl Asking {
    fn of(up: &Up) -> Self {
        Self { client: csw::http::client(&up.url.parse().unwrap()).unwrap(), url: up.url.clone() }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(token).json(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn until_ready(&self) {
        while self.get("readyz").await.0 != 200 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_stack_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let up = Up::spawn(outliving_limits(&sandbox, &["up", "--listen", "127.0.0.1:0", "--data", "data"]));
    let (stack, token) = (Asking::of(&up), sandbox.read("data/token"));
    let submit = async |id: &str| {
        let body = json!({"task_name": "sim", "task_id": id, "task_kwargs": {"adjustment": {"Echo": {"text": "x"}}}});
        stack.post("Test/Echo/", token.trim(), &body).await
    };
    assert_eq!(submit("before").await.0, 200);
    // Once nothing at all can be written, and once it only can't grow.
    for (round, limit) in
        [(1, 1), (2, std::fs::metadata(sandbox.work().join("data/store.redb")).unwrap().len())]
    {
        limit_files(&up, Some(limit));
        let large = json!({"task_name": "sim", "task_id": format!("large-{round}"),
                           "task_kwargs": {"adjustment": {"Echo": {"text": "x".repeat(8 << 20)}}}});
        let (status, answer) = stack.post("Test/Echo/", token.trim(), &large).await;
        assert_eq!(status, 503, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains("the job store"), "{answer}");
        if round == 1 {
            for probe in ["readyz", "healthz"] {
                let (status, said) = stack.get(probe).await;
                assert!(status == 503 && said.contains("the job store"), "{probe}: {status} {said}");
            }
        }
        limit_files(&up, None);
        stack.until_ready().await;
        assert_eq!(stack.get("healthz").await.0, 200);
        assert_eq!(submit(&format!("after-{round}")).await.0, 200, "round {round}");
    }
    sandbox.csw(["jobs", "wait", "--all", "--scheduler", &up.url]).output();
    let listed = sandbox.csw(["jobs", "list", "-o", "name", "--scheduler", &up.url]).ok();
    for id in ["before", "after-1", "after-2"] {
        assert!(listed.lines().any(|line| line == id), "{listed}");
    }
    assert!(up.said().contains("can be written again"), "{}", up.said());
}

#[tokio::test]
async fn an_outputs_processor_says_what_it_lacks_and_goes_on() {
    let sandbox = Sandbox::new();
    let args = ["outputs-processor", "--start", "--listen", "127.0.0.1:0", "--data", "data"];
    let up = Up::spawn(outliving_limits(&sandbox, &args));
    let processor = Asking::of(&up);
    let task = csw::model::TaskName::Sim;
    let write = async |id: &str| {
        let body = json!({"task_id": id, "outputs": raw_outputs("x")});
        processor.post("write/", &signed(id, 1, task).0, &body).await
    };
    processor.until_ready().await;
    // The bucket's folder is gone, and something else is in its place.
    let (bucket, away) = (sandbox.work().join("bucket"), sandbox.work().join("away"));
    std::fs::rename(&bucket, &away).unwrap();
    std::fs::write(&bucket, "").unwrap();
    let (status, answer) = write("run-1").await;
    assert_eq!(status, 503, "{answer}");
    let (status, said) = processor.get("readyz").await;
    assert!(status == 503 && said.contains("bucket"), "{status} {said}");
    assert_eq!(processor.get("healthz").await.0, 200, "a restart would not help");
    std::fs::remove_file(&bucket).unwrap();
    std::fs::rename(&away, &bucket).unwrap();
    processor.until_ready().await;
    assert!(std::fs::read_dir(&bucket).unwrap().next().is_none(), "what was tried is taken away");
    let (status, pointer) = write("run-1").await;
    assert_eq!(status, 200, "{pointer}");
    // Nothing can be kept.
    limit_files(&up, Some(1));
    let result = json!({"task_name": "sim", "result": success("run-1", pointer)});
    let push = async || processor.post("push/", &signed("run-1", 1, task).0, &result).await;
    let (status, answer) = push().await;
    assert!(status == 503 && answer["error"].as_str().unwrap().contains("the job store"), "{answer}");
    let (status, said) = processor.get("readyz").await;
    assert!(status == 503 && said.contains("the job store"), "{status} {said}\n{}", up.said());
    limit_files(&up, None);
    processor.until_ready().await;
    assert_eq!(push().await.0, 200);
}
