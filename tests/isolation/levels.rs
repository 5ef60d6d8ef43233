//! A hostile model at each level of isolation, in Python and in sh.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::table::ROWS;
use crate::support::{Sandbox, docker_host, docker_says, require};

/// What is there to be reached: files, a process, sockets.
struct Surroundings {
    sandbox: Sandbox,
    other: Child,
    env: Vec<(String, String)>,
    _listener: TcpListener,
    _socket: UnixListener,
}

impl Surroundings {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let home = sandbox.home();
        let file = |path: &str| {
            let path = home.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "secret").unwrap();
            path.display().to_string()
        };
        let other = Command::new("sleep").arg("600").env("OTHER_SECRET", "1").spawn().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = home.join("agent.sock");
        let env = [
            ("OTHER_PID", other.id().to_string()),
            ("IDENTITY", file(".config/csw/identity.txt")),
            ("JOBS", file(".local/share/csw/jobs/other/1/kwargs.json")),
            ("MODELS", file(".cache/csw/checkouts/Other-Model/commit/model.py")),
            ("KEYS", file(".ssh/id_ed25519")),
            ("READS", file("data/table.csv")),
            ("WRITES", file("results/log")),
            ("ELSEWHERE", file("notes")),
            ("SOCKET", socket.display().to_string()),
            ("LISTENER", listener.local_addr().unwrap().port().to_string()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { other, env, _listener: listener, _socket: UnixListener::bind(socket).unwrap(), sandbox }
    }

    fn variable(&self, name: &str) -> &str {
        &self.env.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// Runs the model `Test/Hostile` at this level, and returns what it has managed.
    fn tries(&self, level: &str, entry: &str) -> String {
        let sandbox = &self.sandbox;
        let env: Vec<String> = self.env.iter().map(|(name, value)| format!("{name}: \"{value}\"")).collect();
        let (data, results) = (sandbox.home().join("data"), sandbox.home().join("results"));
        sandbox.write(
            "config/Test/Hostile.yaml",
            format!(
                "owner: Test\ntitle: Hostile\ntimestamp: \"2026-01-01\"\nrepo_url: ./hostile\nentry: {entry}\n\
                 isolation: {level}\nreads: [{}]\nwrites: [{}]\nenv: {{{}}}\n",
                data.display(),
                results.display(),
                env.join(", ")
            ),
        );
        let out = format!("out-{level}");
        let run = sandbox.csw(["jobs", "run", "-n", "Test/Hostile", "--out", &out]);
        let run = if level == "container" { run.env("DOCKER_HOST", docker_host()) } else { run };
        run.ok();
        sandbox.read(&format!("{out}/downloadable/Tries.txt"))
    }

    fn check(&self, entry: &str) {
        for (at, level) in ["none", "process", "container"].into_iter().enumerate() {
            if (level == "process" && !require("landlock")) || (level == "container" && !require("docker")) {
                continue;
            }
            fs::write(self.variable("ELSEWHERE"), "secret").unwrap();
            let mut said = self.tries(level, entry);
            if fs::read_to_string(self.variable("ELSEWHERE")).unwrap() == "secret" {
                // A container's /tmp is another one, in which it may well have written.
                said = said.replace("elsewhere=yes", "elsewhere=no");
            }
            let mut wrong = Vec::new();
            for (name, what, cells) in ROWS {
                let Some(got) = said.lines().find_map(|line| line.strip_prefix(&format!("{name}="))) else {
                    // There is no way to try it in sh.
                    assert!(*name == "sockets" && entry.contains("command"), "{name} was not tried:\n{said}");
                    continue;
                };
                let root = rustix::process::getuid().is_root();
                let expected =
                    if root { cells[at].replace("no; as root yes", "yes") } else { cells[at].to_owned() };
                if !expected.starts_with(&got[..2]) {
                    wrong.push(format!("{what}: {got}, expected {expected}"));
                }
            }
            assert!(wrong.is_empty(), "isolation: {level}\n{}\n\n{said}", wrong.join("\n"));
        }
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        self.other.kill().unwrap();
        self.other.wait().unwrap();
    }
}

#[test]
fn a_python_model_reaches_what_the_table_says() {
    if !require("python3") {
        return;
    }
    let surroundings = Surroundings::new();
    surroundings.sandbox.write("hostile/cs-config/cs_config/__init__.py", "");
    surroundings.sandbox.write("hostile/cs-config/cs_config/functions.py", include_str!("hostile.py"));
    surroundings.check("{python: {}}");
}

#[test]
fn a_model_in_sh_reaches_what_the_table_says() {
    if !require("bash") {
        return;
    }
    let surroundings = Surroundings::new();
    surroundings.sandbox.write("hostile/model.sh", include_str!("hostile.sh"));
    surroundings.check("{command: [sh, model.sh]}");
}

#[test]
fn a_refusal_is_explained() {
    if !require("landlock") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("models/W/model.sh", "echo x >result\n");
    let file = "owner: Test\ntitle: W\ntimestamp: \"2026-01-01\"\nrepo_url: ./models/W\n\
                entry: {command: [sh, model.sh]}\n";
    sandbox.write("config/Test/W.yaml", file);
    let output = sandbox.csw(["jobs", "run", "-n", "Test/W"]).output();
    assert_eq!(output.code, 5);
    assert!(output.stderr.contains("cannot create result: Permission denied"), "{}", output.stderr);
    assert!(output.stderr.contains("`writes: [PATH]` in its file allow it more"), "{}", output.stderr);
    // Nothing is explained where the setting turns it off, because nothing is refused.
    let output = sandbox.csw(["jobs", "run", "-n", "Test/W"]).env("CSW_ISOLATION", "none").output();
    assert!(!output.stderr.contains("isolation"), "{}", output.stderr);
    assert_eq!(sandbox.read("models/W/result"), "x\n");
}

#[test]
fn nothing_of_a_job_stays_behind() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.work().join("tmp");
    fs::create_dir(&temporary).unwrap();
    sandbox.sh_model(
        "Leaves",
        "read -r r; case \"$r\" in *version*) echo '{\"version\": \"1\"}'; exit ;; esac\n\
         echo x >\"$HOME/file\"; mkdir -p \"$TMPDIR/a/b\"; echo \"$TMPDIR\" >&2\n\
         echo '{\"renderable\": [], \"downloadable\": []}'",
    );
    sandbox.csw(["jobs", "run", "-n", "Test/Leaves"]).env("TMPDIR", &temporary).ok();
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_an_engine_a_container_says_so() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", "exit 1");
    let run = sandbox.csw(["jobs", "run", "-n", "Test/Echo"]).env("CSW_ISOLATION", "container");
    let output = run.env("DOCKER_HOST", "unix:///nonexistent.sock").output();
    assert_eq!(output.code, 5);
    assert!(output.stderr.contains("no Docker engine is running"), "{}", output.stderr);
    assert!(output.stderr.contains("`isolation: process`"), "{}", output.stderr);
}

#[test]
fn a_container_has_limits_and_ends_with_csw() {
    if !require("docker") || !require("python3") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("m/cs-config/cs_config/__init__.py", "");
    sandbox.write(
        "m/cs-config/cs_config/functions.py",
        "import os\n\ndef get_version():\n    return '1'\n\ndef run_model(meta, adjustment):\n    \
         if adjustment.get('fill'):\n        b = bytearray(1 << 30)\n    \
         elif adjustment.get('exit'):\n        os._exit(3)\n    \
         elif adjustment.get('wait'):\n        import time\n        time.sleep(600)\n    \
         return {'renderable': [], 'downloadable': []}\n",
    );
    let file = "owner: Test\ntitle: M\ntimestamp: \"2026-01-01\"\nrepo_url: ./m\nisolation: container\n\
                resources: {limits: {cpu: 1, memory: 256M}}\n";
    sandbox.write("config/Test/M.yaml", file);
    let run = |set: &str| {
        let input = format!("{{\"adjustment\": {{\"{set}\": 1}}}}");
        let csw = sandbox.csw(["jobs", "run", "-n", "Test/M", "--input", "-", "--timeout", "60"]);
        csw.env("DOCKER_HOST", docker_host()).stdin(input)
    };
    assert_eq!(run("nothing").output().code, 0);
    let full = run("fill").output();
    assert!(full.code == 5 && full.stderr.contains("ran out of memory"), "{}", full.stderr);
    let exit = run("exit").output();
    assert!(exit.code == 5 && exit.stderr.contains("with exit code 3"), "{}", exit.stderr);
    let command =
        sandbox.csw(["jobs", "run", "-n", "Test/M", "--set", "wait=1", "--data", "state", "--id", "waits"]);
    let mut command = command.env("DOCKER_HOST", docker_host()).into_command();
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let launchers = || launchers(&sandbox.work());
    let started = std::time::Instant::now();
    let containers =
        |pid: &u32| docker_says(["ps", "--quiet", "--filter", &format!("label=csw.isolate={pid}")]);
    let launcher = loop {
        assert!(started.elapsed().as_secs() < 60, "no container was started");
        match launchers().into_iter().find(|pid| !containers(pid).is_empty()) {
            Some(pid) => break pid,
            None => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    };
    // As a machine's memory or an operator may end it: nothing can be tidied up.
    let pid = rustix::process::Pid::from_raw(i32::try_from(launcher).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let started = std::time::Instant::now();
    while !containers(&launcher).is_empty() {
        assert!(started.elapsed().as_secs() < 60, "the container goes on");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Processes `csw isolate --container` with this folder among their arguments.
fn launchers(folder: &Path) -> Vec<u32> {
    let folder = folder.display().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        arguments.contains("isolate\0--container") && arguments.contains(&folder)
    })
    .collect()
}
