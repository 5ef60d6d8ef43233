//! A hermetic place to run the built `csw` in: empty environment, its own HOME, its own working folder.

pub mod clusters;
mod docker;
mod faulty_proxy;
mod generated;
mod python;
mod recording_proxy;
mod redis;
pub mod registry;
mod require;
mod stack_images;
pub mod token_server;
mod up;
mod web_app;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io::Write};

pub(crate) use clusters::on_each_cluster;
#[allow(unused_imports)] // for those who look at the engine
pub use docker::{Base, Corner, base_image, docker, docker_host, docker_says};
pub use faulty_proxy::{FaultyProxy, Instead};
pub use generated::generated;
pub use python::environment as python_environment;
pub use recording_proxy::RecordingProxy;
pub use redis::Redis;
#[allow(unused_imports)] // for those whose tests need more than the machine has
pub use require::{as_another_user, missing, node_loss_command, on_path, require, restart_command, run};
#[allow(unused_imports)] // for those that run csw in images
pub use stack_images::{StackImages, static_program};
pub use up::Up;
#[allow(unused_imports)] // for those who look at requests
pub use web_app::{Request as WebAppRequest, WebApp};

/// A temporary folder with a home in it; gone when dropped.
pub struct Sandbox {
    folder: tempfile::TempDir,
}

/// What a run of `csw` left behind.
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A run of `csw` to be.
pub struct Csw {
    command: Command,
    stdin: Option<Vec<u8>>,
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("csw-test-").tempdir().unwrap();
        for sub in ["home", "work"] {
            fs::create_dir(folder.path().join(sub)).unwrap();
        }
        Self { folder }
    }

    /// The working folder of runs.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file below the working folder; makes its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.work().join(path)).unwrap()
    }

    /// `csw` with these arguments in the working folder.
    pub fn csw<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Csw {
        let mut command = Command::new(env!("CARGO_BIN_EXE_csw"));
        command.args(args).current_dir(self.work()).env_clear().env("HOME", self.home());
        // The model's interpreter and shell are looked up on PATH, and uv, so that not every home gets its own.
        let path = std::env::var("PATH").unwrap();
        let path = python::uv_folder().map_or(path.clone(), |uv| format!("{}:{path}", uv.display()));
        command.env("PATH", path);
        Csw { command, stdin: None }
    }
}

impl Csw {
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    pub fn dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The command, for tests that talk to the process while it runs.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    pub fn output(mut self) -> Output {
        self.command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let feeder = self.stdin.take().map(|bytes| {
            let mut pipe = child.stdin.take().unwrap();
            // A program that doesn't read all of its input is no failure of the test.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let output = child.wait_with_output().unwrap();
        if let Some(feeder) = feeder {
            feeder.join().unwrap();
        }
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it, expects success, returns stdout.
    pub fn ok(self) -> String {
        let output = self.output();
        assert_eq!(output.code, 0, "stdout:\n{}\nstderr:\n{}", output.stdout, output.stderr);
        output.stdout
    }
}
