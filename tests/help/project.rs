//! A project in which examples run as they stand.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::readme::stand_in;
use crate::support::Sandbox;

/// A copy of what the repository ships, with what examples speak of beside it.
pub struct Project {
    pub sandbox: Sandbox,
    env: BTreeMap<String, String>,
}

/// A model of the user's own.
const MODEL: &str = r#"case $(cat) in
    *version*) echo '{"version": "1"}' ;;
    *) echo '{"renderable": [], "downloadable": []}' ;;
esac
"#;

/// What a web app tells of the models.
const MODELS: &str = r#"[
    {"owner": "Examples", "title": "Solow", "latest_tag": "2026-01-01"},
    {"owner": "Examples", "title": "Epidemic", "latest_tag": "2026-01-01"},
    {"owner": "PSLmodels", "title": "Tax-Cruncher", "latest_tag": "2026-01-01"},
    {"owner": "PSLmodels", "title": "OG-USA", "latest_tag": "2026-01-01"}
]"#;

/// A web app that tells of these models, whatever it is asked; its URL.
fn web_app() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            drop(stream.read(&mut request));
            let length = MODELS.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            drop(stream.write_all(format!("{head}{MODELS}").as_bytes()));
        }
    });
    url
}

/// What examples name: inputs, a list of models, variables, a password.
const FILES: [(&str, &str); 8] = [
    ("inputs.json", "{\"adjustment\": {}}"),
    ("sets.jsonl", "{}\n{}\n"),
    ("models.yaml", "- owner: A\n  title: B\n  repo_url: https://example.com/b.git\n"),
    (".env", "A=1\nB='two words'\n"),
    ("password.txt", "hunter2\n"),
    ("pip.conf", "[global]\n"),
    (
        "manifests/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n",
    ),
    ("../my-model/model.sh", MODEL),
];

impl Project {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["config", "examples"] {
            let copied = Command::new("cp")
                .arg("-R")
                .arg(repository.join(folder))
                .arg(sandbox.work())
                .status()
                .unwrap();
            assert!(copied.success());
        }
        FILES.iter().for_each(|(path, text)| drop(sandbox.write(path, text)));
        let bin = sandbox.home().join("bin");
        std::fs::create_dir(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_csw"), bin.join("csw")).unwrap();
        // A password manager, as examples have it.
        stand_in(&bin, "pass", "[ \"$1\" = show ] && echo hunter2");
        let mut env = BTreeMap::new();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        env.insert("PATH".to_owned(), path);
        env.insert("HOME".to_owned(), sandbox.home().display().to_string());
        env.insert("TERM".to_owned(), "dumb".to_owned());
        // What a line of a shell finds set: `before` may say more.
        env.insert("BASH_ENV".to_owned(), sandbox.home().join("env").display().to_string());
        std::fs::write(sandbox.home().join("env"), "").unwrap();
        // No port that others may have, and what services want to be told.
        env.insert("CSW_LISTEN".to_owned(), "127.0.0.1:0".to_owned());
        env.insert("CSW_MODEL_FILE".to_owned(), sandbox.work().join("model.json").display().to_string());
        env.insert("CSW_CLUSTER_KEY".to_owned(), "0123456789abcdef0123456789abcdef0123456789".to_owned());
        for name in ["GIT_AUTHOR", "GIT_COMMITTER"] {
            env.insert(format!("{name}_NAME"), "Tests".to_owned());
            env.insert(format!("{name}_EMAIL"), "tests@example.com".to_owned());
        }
        Self { sandbox, env }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A line of a shell in the project.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", line])
            .current_dir(self.sandbox.work())
            .env_clear()
            .envs(&self.env);
        command
    }

    /// Runs a line to its end; what went wrong, if anything did.
    pub fn sh(&self, line: &str) -> Result<(), String> {
        let log = self.sandbox.home().join("log");
        let file = std::fs::File::create(&log).unwrap();
        // Those that speak with a web app have one for themselves.
        let web = line.contains("--source").then(|| ("CS_URL", web_app()));
        let mut script = Command::new("timeout")
            .args(["--kill-after=5", "300", "bash", "-euo", "pipefail", "-c", line])
            .current_dir(self.sandbox.work())
            .env_clear()
            .envs(&self.env)
            .envs(web)
            .stdin(self.stdin())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap();
        let status = script.wait().unwrap();
        // What it has left in the background.
        let group = format!("-{}", script.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(format!("$ {line}\n{status}\n{}", said())) }
    }

    /// For what reads a value where no terminal is.
    fn stdin(&self) -> Stdio {
        std::fs::File::open(self.sandbox.work().join("password.txt"))
            .map_or_else(|_| Stdio::null(), Stdio::from)
    }

    /// Runs a line on a terminal, and gives each answer when its question is asked.
    pub fn on_a_terminal(&self, line: &str, answers: &[(&str, &str)]) -> Result<(), String> {
        let failed = |what: &str, e: &dyn std::fmt::Display| Err(format!("$ {line}\n{what}: {e}"));
        let mut command = self.command(&format!("{line}\necho all is we''ll"));
        command.env("TERM", "xterm");
        let mut session = match rexpect::session::spawn_command(command, Some(120_000)) {
            Ok(session) => session,
            Err(e) => return failed("no terminal", &e),
        };
        for (question, answer) in answers {
            if let Err(e) = session.exp_string(question) {
                return failed(question, &e);
            }
            if let Err(e) = session.send_line(answer) {
                return failed(question, &e);
            }
        }
        match session.exp_eof() {
            Ok(said) if said.contains("all is well") => Ok(()),
            Ok(said) => failed("it ended", &said),
            Err(e) => failed("it did not end", &e),
        }
    }

    /// Starts a line, waits until it listens, asks it to end as Ctrl-C does, and sees that it ends well.
    pub fn serves(&self, line: &str) -> Result<(), String> {
        let log = self.sandbox.home().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let here = line.replace(":8888", ":0").replace("/etc/csw/key", "key");
        // Where nothing listens, anything that is said will do.
        let ready = if line.contains("--watch") { "\n" } else { "Listening on " };
        let mut child = self
            .command(&format!("trap : INT; {here}"))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap();
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let listening = loop {
            if said().contains(ready) {
                break true;
            }
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        let group = format!("-{}", child.id());
        drop(Command::new("kill").args(["-INT", "--", &group]).status());
        let status = child.wait().unwrap();
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        let well =
            listening && (status.success() || status.signal() == Some(2) || status.code() == Some(130));
        if well { Ok(()) } else { Err(format!("$ {line}\n{status}\n{}", said())) }
    }
}
