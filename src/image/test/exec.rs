use std::collections::BTreeMap;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::container::{Container, is_gone};
use super::log::{LineLog, Lines};
use crate::image::ImageError;
use crate::secret::{Redactor, SecretValue};

/// Beyond this a result is not read.
const LARGEST: usize = 1 << 30;

/// A program to run in a container.
pub(super) struct Step<'s> {
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Variables besides the container's.
    pub(super) env: BTreeMap<String, String>,
    /// Secrets among its variables. They are nowhere but in the environment of its process.
    pub(super) secrets: &'s BTreeMap<String, SecretValue>,
    /// What it reads.
    pub(super) stdin: Option<Vec<u8>>,
    /// Whether stdout is its result rather than for people.
    pub(super) takes_stdout: bool,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code: 128 and the signal's number where a signal ended it; `None` if the container ended with it.
    pub(super) code: Option<i64>,
    /// Its stdout, if that was taken.
    pub(super) stdout: Vec<u8>,
    /// The last lines that it wrote for people, secrets masked.
    pub(super) tail: String,
}

impl<'s> Step<'s> {
    /// A program without secrets, which reads nothing.
    pub(super) fn plain<A: Into<String>>(argv: impl IntoIterator<Item = A>) -> Self {
        static NONE: BTreeMap<String, SecretValue> = BTreeMap::new();
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            secrets: &NONE,
            stdin: None,
            takes_stdout: false,
        }
    }

    pub(super) fn secrets(mut self, secrets: &'s BTreeMap<String, SecretValue>) -> Self {
        self.secrets = secrets;
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Gives it this to read, and takes its stdout.
    pub(super) fn request(mut self, stdin: Vec<u8>) -> Self {
        self.stdin = Some(stdin);
        self.takes_stdout = true;
        self
    }
}

impl Container {
    /// Runs a program beside the container's first process to its end; what it writes goes to `lines`.
    pub(super) async fn run(
        &self,
        step: Step<'_>,
        lines: &Lines<'_>,
        redactor: &Redactor,
    ) -> Result<Ended, ImageError> {
        let what = format!("run {} in the container", step.argv.join(" "));
        let plain = step.env.iter().map(|(name, value)| format!("{name}={value}"));
        let secret = step.secrets.iter().map(|(name, value)| format!("{name}={}", value.expose()));
        let options = CreateExecOptions {
            attach_stdin: Some(step.stdin.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(plain.chain(secret).collect()),
            cmd: Some(step.argv),
            ..CreateExecOptions::default()
        };
        let id = match self.docker.create_exec(&self.id, options).await {
            Ok(created) => created.id,
            Err(e) if is_gone(&e) => {
                return Ok(Ended { code: None, stdout: Vec::new(), tail: String::new() });
            }
            Err(e) => return Err(ImageError::engine(what)(e)),
        };
        let options = StartExecOptions { output_capacity: Some(64 << 10), ..StartExecOptions::default() };
        let started = self.docker.start_exec(&id, Some(options)).await;
        let StartExecResults::Attached { mut output, mut input } =
            started.map_err(ImageError::engine(what.clone()))?
        else {
            return Ok(Ended { code: None, stdout: Vec::new(), tail: String::new() });
        };
        let (mut out, mut err) =
            (LineLog::new(lines.clone(), redactor), LineLog::new(lines.clone(), redactor));
        let mut stdout = Vec::new();
        let feed = async {
            if let Some(bytes) = &step.stdin {
                // A program that does not read its request is fine.
                drop(input.write_all(bytes).await);
            }
            drop(input.shutdown().await);
        };
        let take = async {
            while let Some(chunk) = output.next().await {
                match chunk? {
                    LogOutput::StdErr { message } => err.push(&message),
                    LogOutput::StdOut { message } if step.takes_stdout => {
                        if stdout.len() + message.len() <= LARGEST {
                            stdout.extend_from_slice(&message);
                        }
                    }
                    LogOutput::StdOut { message } | LogOutput::Console { message } => out.push(&message),
                    LogOutput::StdIn { .. } => {}
                }
            }
            Ok(())
        };
        let ((), taken) = tokio::join!(feed, take);
        let (said, complained) = (out.finish(), err.finish());
        taken.map_err(ImageError::engine(what.clone()))?;
        let tail = [said, complained].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n");
        let code = match self.docker.inspect_exec(&id).await {
            Ok(inspected) => inspected.exit_code,
            Err(e) if is_gone(&e) => None,
            Err(e) => return Err(ImageError::engine(what)(e)),
        };
        Ok(Ended { code, stdout, tail })
    }
}

impl Ended {
    /// Whether the container has no such program.
    pub(super) fn was_not_found(&self) -> bool {
        matches!(self.code, Some(126 | 127))
    }
}
