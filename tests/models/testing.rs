//! `csw models test`: a model's own tests in its image, by a real engine.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Base, Corner, Csw, Output, Sandbox, base_image, docker, docker_says};

mod several;

const REGISTRY: &str = "registry.invalid";
/// Answers every task as it should be answered.
const GOOD: &str = r#"
case $(cat) in
*'"version"'*) echo '{"version": "1"}' ;;
*'"defaults"'*) echo '{"meta_parameters": {}, "model_parameters": {}}' ;;
*'"parse"'*) echo '{"errors_warnings": {"A": {"errors": {}, "warnings": {}}}}' ;;
*) SIM ;;
esac
"#;
const RESULT: &str =
    r#"echo '{"renderable": [], "downloadable": [{"media_type": "Text", "title": "t", "data": "d"}]}'"#;

/// A model `Test/<title>` with an image, in a corner of the engine of its own.
struct Bench {
    sandbox: Sandbox,
    corner: Corner,
    title: String,
}

impl Bench {
    fn new(base: &str, title: &str, config: &str, files: &[(&str, &str)]) -> Self {
        let bench = Self { sandbox: Sandbox::new(), corner: Corner::new(), title: title.to_owned() };
        bench.configure(config);
        for (path, content) in files {
            bench.sandbox.write(&format!("image/model/{path}"), content);
        }
        // A label of its own: another test's image of the same files would be the same image.
        let dockerfile = format!(
            "FROM {base}\nCOPY model /model\nWORKDIR /model\nENV HOME=/tmp PIP_RETRIES=0\nUSER 1000:1000\nLABEL csw-test-of={}\n",
            bench.corner.project()
        );
        bench.sandbox.write("image/Dockerfile", dockerfile);
        let folder = bench.sandbox.work().join("image");
        let built = docker(["build", "--quiet", "--tag", &bench.image()]).arg(folder).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        bench
    }

    /// A command model in sh whose simulation is this script.
    fn sh(title: &str, config: &str, simulation: &str) -> Option<Self> {
        let script = GOOD.replace("SIM", simulation);
        let config = format!("entry: {{command: [sh, model.sh]}}\n{config}");
        Some(Self::new(&base_image(Base::Shell)?, title, &config, &[("model.sh", &script)]))
    }

    /// A Python model with these tests.
    fn python(base: Base, title: &str, config: &str, tests: &str) -> Option<Self> {
        let files = [
            ("cs-config/cs_config/__init__.py", ""),
            ("cs-config/cs_config/functions.py", "def get_version():\n    return '1'\n"),
            ("cs-config/cs_config/tests/__init__.py", ""),
            ("cs-config/cs_config/tests/test_functions.py", tests),
        ];
        Some(Self::new(&base_image(base)?, title, config, &files))
    }

    fn configure(&self, config: &str) {
        let title = &self.title;
        let head = format!("owner: Test\ntitle: {title}\ntimestamp: \"2026-01-01\"\n");
        self.sandbox.write(&format!("config/Test/{title}.yaml"), head + config);
    }

    fn image(&self) -> String {
        format!("{REGISTRY}/{}/test_{}_tasks:v1", self.corner.project(), self.title.to_lowercase())
    }

    fn csw(&self, args: &[&str]) -> Csw {
        let csw = self.sandbox.csw(args).with_engine().env("CSW_REGISTRY", REGISTRY).env("TAG", "v1");
        csw.env("PROJECT", self.corner.project())
    }

    fn test(&self, more: &[&str]) -> Output {
        self.csw(&[&["models", "test"], more].concat()).output()
    }

    /// The test as a process that is looked at while it runs.
    fn start(&self) -> Child {
        let command = self.csw(&["models", "test"]);
        command
            .into_command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until the simulation has made the file /tmp/here, and gives the container.
    fn running(&self) -> String {
        until("the simulation runs", || {
            let containers = self.corner.containers();
            let id = containers.first()?;
            let there = docker(["exec", id, "sh", "-c", "[ -e /tmp/here ]"]).output().unwrap();
            there.status.success().then(|| id.clone())
        })
    }
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(180), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", output.stdout, output.stderr))
}

#[test]
fn a_command_model_is_asked_for_everything_with_its_example() {
    let example = r#"{"adjustment": {"A": {"x": 7}}}"#;
    let simulation = "printf '%s' \"$request\" >&2";
    let Some(base) = base_image(Base::Shell) else { return };
    let script =
        GOOD.replace("$(cat)", "${request:=$(cat)}").replace("SIM", &format!("{simulation}; {RESULT}"));
    let config = "entry: {command: [sh, model.sh]}\ntest: {example: in/example.json}\n";
    let files = [("model.sh", script.as_str()), ("in/example.json", example)];
    let bench = Bench::new(&base, "Good", config, &files);
    let output = bench.test(&["--junit", "reports/all.xml", "-o", "json"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let found = &json(&output)[0];
    assert_eq!((found["result"].as_str(), found["tests"].as_u64()), (Some("passed"), Some(4)), "{found}");
    assert_eq!(found["image"], bench.image());
    assert!(output.stderr.contains(r#""adjustment":{"A":{"x":7}}"#), "{}", output.stderr);
    let report = bench.sandbox.read("reports/all.xml");
    assert!(report.contains(r#"tests="4""#) && report.contains(r#"classname="Test/Good""#), "{report}");
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
    // The example is part of the repository, and so of the image.
    bench.configure("entry: {command: [sh, model.sh]}\ntest: {example: gone.json}\n");
    let output = bench.test(&[]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("the example of Test/Good, gone.json, cannot be used"),
        "{}",
        output.stderr
    );
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_a_model_is_told() {
    let Some(bench) = Bench::sh("Wrong", "", "echo '{\"renderable\": 1}'") else { return };
    let output = bench.test(&["--junit", "report.xml", "-o", "json"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    let found = &json(&output)[0];
    assert_eq!((found["result"].as_str(), found["failed"].as_u64()), (Some("failed"), Some(1)), "{found}");
    assert!(output.stderr.contains("`renderable` must be a list"), "{}", output.stderr);
    assert!(output.stderr.contains("tests failed: Test/Wrong"), "{}", output.stderr);
    let report = bench.sandbox.read("report.xml");
    assert!(report.contains("<failure") && report.contains("`renderable` must be a list"), "{report}");
    // The model's own test instead.
    bench.configure("entry: {command: [sh, model.sh]}\ntest: {command: [sh, -c, 'echo checked; exit 3']}\n");
    let output = bench.test(&["-o", "json"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("checked\n"), "{}", output.stderr);
    assert!(json(&output)[0]["reasons"][0].as_str().unwrap().contains("exit code 3"), "{}", output.stdout);
    bench.configure("entry: {command: [no-such-program]}\n");
    let output = bench.test(&["-o", "json"]);
    assert_eq!((output.code, json(&output)[0]["failed"].as_u64()), (5, Some(4)), "{}", output.stderr);
    assert!(output.stdout.contains("could not be started"), "{}", output.stdout);
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
}

#[test]
fn secrets_are_in_the_environment_of_the_tests_alone() {
    let simulation = format!(
        "printf 'the token is %s' \"$TOKEN\" >&2; : >/tmp/here; while [ ! -e /tmp/go ]; do sleep 0.1; done; {RESULT}"
    );
    let config = "secrets: [TOKEN]\n";
    let Some(bench) = Bench::sh("Secretive", config, &simulation) else { return };
    let output = bench.test(&[]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("csw models -n Test/Secretive secrets set TOKEN"), "{}", output.stderr);
    let secret = "hunter2-&-more";
    bench.csw(&["models", "-n", "Test/Secretive", "secrets", "set", "TOKEN"]).stdin(secret).ok();
    let running = bench.start();
    let container = bench.running();
    let inspected = docker_says(["inspect", &container]);
    assert!(!inspected.contains("hunter2"), "{inspected}");
    let container_view: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(container_view[0]["Config"]["Labels"]["csw.test.model"], "Test/Secretive");
    assert!(!docker_says(["top", &container]).contains("hunter2"));
    assert!(docker(["exec", &container, "touch", "/tmp/go"]).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the token is ******") && !said.contains("hunter2"), "{said}");
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
    // Not in the libraries' logs either.
    bench.configure(&format!("entry: {{command: [sh, model.sh]}}\n{config}test: {{command: [env]}}\n"));
    let output = bench.test(&["-vvv"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("TOKEN=******"), "{}", output.stderr);
    assert!(!output.stderr.contains("hunter2"));
}

#[test]
fn time_and_memory_are_those_of_the_model() {
    let config = "sim_time_limit: 2\nresources: {limits: {memory: 32M}}\n";
    let Some(bench) = Bench::sh("Greedy", config, "sleep 1000") else { return };
    let output = bench.test(&["-o", "json", "--junit", "report.xml"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert_eq!(json(&output)[0]["result"], "timed_out", "{}", output.stdout);
    assert!(bench.sandbox.read("report.xml").contains("longer than their time limit"));
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
    let command = "test: {command: [awk, 'BEGIN { s = \"x\"; while (1) s = s s }']}\n";
    let limits = "resources: {limits: {memory: 32M}}\n";
    bench.configure(&format!("entry: {{command: [sh, model.sh]}}\n{limits}{command}"));
    let output = bench.test(&["-o", "json"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    let reason = json(&output)[0]["reasons"][0].as_str().unwrap().to_owned();
    assert!(reason.contains("ran out of memory: it may use 32M"), "{reason}");
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
}

#[test]
fn the_container_is_gone_however_the_test_ends() {
    let simulation = ": >/tmp/here; sleep 1000";
    let Some(bench) = Bench::sh("Endless", "", simulation) else { return };
    for signal in [Signal::INT, Signal::TERM] {
        let running = bench.start();
        bench.running();
        kill_process(Pid::from_child(&running), signal).unwrap();
        let output = running.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("error: interrupted"), "{said}");
        assert_eq!(bench.corner.containers(), Vec::<String>::new());
    }
    let mut running = bench.start();
    bench.running();
    running.kill().unwrap();
    running.wait().unwrap();
    until("the engine removes the container of a csw that was killed", || {
        bench.corner.containers().is_empty().then_some(())
    });
}

#[test]
fn what_a_killed_test_left_behind_is_removed_by_the_next() {
    let Some(bench) = Bench::sh("Tidy", "", RESULT) else { return };
    let running = {
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        format!("{}+{}", boot.trim(), namespace.display())
    };
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let create = |owner: String, until: &str| {
        let (owner, until) = (format!("csw.test.owner={owner}"), format!("csw.test.until={until}"));
        let labels = ["--label", "csw.test.model=Test/Tidy", "--label", &owner, "--label", &until];
        let mut command = docker(["create"]);
        let created = command.args(labels).arg(bench.image()).arg("true").output().unwrap();
        String::from_utf8(created.stdout).unwrap().trim().to_owned()
    };
    let far = "99999999999";
    let abandoned = create(format!("{running}/{}/1", gone.id()), far);
    let overdue = create("elsewhere/1/1".into(), "1000");
    let elsewhere = create("elsewhere/1/1".into(), far);
    let output = bench.test(&[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("Removed containers that killed tests had left behind"),
        "{}",
        output.stderr
    );
    let left = bench.corner.containers();
    assert!(!left.contains(&abandoned) && !left.contains(&overdue), "{left:?}");
    assert_eq!(left, [elsewhere]);
}

#[test]
fn a_python_model_is_tested_with_pytest() {
    let tests = "import os\nfrom cs_config.functions import get_version\n\n\
                 def test_version():\n    assert get_version() == '1'\n\n\
                 def test_wrong():\n    print('with', os.environ['TOKEN'])\n    assert os.environ['TOKEN'] == '<other>'\n";
    let config = "secrets: [TOKEN]\nresources: {limits: {memory: 256M}}\n";
    let Some(bench) = Bench::python(Base::Pytest, "Tested", config, tests) else { return };
    bench.csw(&["models", "-n", "Test/Tested", "secrets", "set", "TOKEN"]).stdin("<hunter2>").ok();
    let output = bench.test(&["--junit", "report.xml", "-o", "json"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    let found = &json(&output)[0];
    assert_eq!((found["tests"].as_u64(), found["failed"].as_u64()), (Some(2), Some(1)), "{found}");
    assert!(found["reasons"][0].as_str().unwrap().starts_with("test_wrong: "), "{found}");
    let report = bench.sandbox.read("report.xml");
    assert!(report.contains(r#"name="test_version""#) && report.contains("<failure"), "{report}");
    for text in [&report, &output.stderr, &output.stdout] {
        assert!(text.contains("******") && !text.contains("hunter2"), "{text}");
    }
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
    // A suite that does not even load.
    let Some(broken) = Bench::python(Base::Pytest, "Broken", "", "import no_such_module\n") else { return };
    let output = broken.test(&["-o", "json"]);
    assert_eq!((output.code, json(&output)[0]["result"].as_str()), (5, Some("failed")), "{}", output.stderr);
    let Some(empty) = Bench::python(Base::Pytest, "Empty", "", "") else { return };
    let output = empty.test(&["-o", "json"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stdout.contains("pytest found no tests"), "{}", output.stdout);
}

#[test]
fn pytest_that_is_nowhere_to_be_had_is_said() {
    let Some(base) = base_image(Base::Python) else { return };
    let files = [("cs-config/cs_config/__init__.py", ""), ("pip.conf", "")];
    let config = "env: {}\n";
    let bench = Bench::new(&base, "Bare", config, &files);
    // An index that nobody listens at.
    let dockerfile = format!("FROM {}\nENV PIP_INDEX_URL=http://127.0.0.1:9/simple\n", bench.image());
    bench.sandbox.write("offline/Dockerfile", dockerfile);
    let folder = bench.sandbox.work().join("offline");
    let built = docker(["build", "--quiet", "--tag", &bench.image()]).arg(folder).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let output = bench.test(&[]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("installing it for this test only"), "{}", output.stderr);
    assert!(output.stderr.contains("Test/Bare has no pytest in its image"), "{}", output.stderr);
    assert!(output.stderr.contains("add pytest to what the repository asks for"), "{}", output.stderr);
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
}

#[test]
fn an_app_is_started_and_must_answer() {
    let app = "import http.server, os\n\
               address = os.environ['HOST'], int(os.environ['PORT'])\n\
               http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()\n";
    let files = [
        ("app.py", app),
        ("refuses.py", &app.replace("Simple", "Base")),
        ("ends.py", "raise SystemExit(4)\n"),
    ];
    let Some(base) = base_image(Base::Python) else { return };
    let bench = Bench::new(&base, "App", "test: {app: {kind: dash, file: app.py}}\n", &files);
    let output = bench.test(&["-o", "json"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("answered with status 200"), "{}", output.stderr);
    for (file, why) in [("refuses.py", "answered with status 501"), ("ends.py", "ended before it answered")] {
        bench.configure(&format!("test: {{app: {{kind: dash, file: {file}}}}}\n"));
        let output = bench.test(&["-o", "json"]);
        assert_eq!(output.code, 5, "{}", output.stderr);
        assert!(output.stdout.contains(why), "{}", output.stdout);
        assert_eq!(bench.corner.containers(), Vec::<String>::new());
    }
}

#[test]
fn tests_are_left_out_where_that_was_asked_for() {
    let sandbox = Sandbox::new();
    for (title, skip) in [("Always", false), ("Never", true)] {
        sandbox.write(
            &format!("config/Test/{title}.yaml"),
            format!("owner: Test\ntitle: {title}\ntimestamp: \"2026-01-01\"\nskip_test: {skip}\n"),
        );
    }
    // Nobody needs an engine for it.
    let test = |args: &[&str]| {
        let csw = sandbox.csw([&["models", "test"], args].concat());
        csw.env("PROJECT", "p").env("DOCKER_HOST", "unix:///nowhere/docker.sock").output()
    };
    let output = test(&["Test/Never"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stdout.contains("skipped") && output.stdout.contains("skip_test in its configuration"));
    let output = test(&["--skip-test", "-o", "json"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(json(&output).as_array().unwrap().iter().all(|t| t["result"] == "skipped"), "{}", output.stdout);
    let output = test(&["Test/Always"]);
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("no Docker engine is running"), "{}", output.stderr);
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let Some(bench) = Bench::sh("Elsewhere", "", RESULT) else { return };
    let args = ["models", "test", "--junit", "report.xml", "-o", "json"];
    let output = bench.csw(&args).env("TAG", "v2").output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert_eq!(json(&output)[0]["result"], "error", "{}", output.stdout);
    assert!(bench.sandbox.read("report.xml").contains("is not in the Docker engine"));
    let image = bench.image().replace(":v1", ":v2");
    assert!(output.stderr.contains(&format!("{image} is not in the Docker engine")), "{}", output.stderr);
    assert!(output.stderr.contains("csw models -n Test/Elsewhere build"), "{}", output.stderr);
    let output = bench.sandbox.csw(["models", "test"]).with_engine().output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("no project is set"), "{}", output.stderr);
}
