use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bollard::errors::Error;
use tokio_util::sync::CancellationToken;

use super::container::Container;
use super::exec::{Ended, Step};
use super::log::Lines;
use super::report::{Case, CaseOutcome, Ending, Suite, TestReport};
use super::{app, example, pytest};
use crate::image::{Engine, ImageError};
use crate::model::{Entry, ImageReference, Model};
use crate::secret::{Redactor, SecretValue};

/// What to test, and with what.
#[derive(Debug, Clone)]
pub struct TestRun<'a> {
    /// The engine that has the image.
    pub engine: &'a Engine,
    /// The model.
    pub model: &'a Model,
    /// Its image.
    pub image: &'a ImageReference,
    /// Its secrets: in the environment of what tests it, and masked wherever that shows.
    pub secrets: &'a BTreeMap<String, SecretValue>,
    /// The tests are ended after this time.
    pub time_limit: Duration,
    /// Cancelled to end them early.
    pub cancel: CancellationToken,
}

/// Tests a model in its image; what the tests print goes to `line`, line by line, secrets masked. When this returns, the
/// container is gone. When it is dropped, the container ends, and the engine removes it.
///
/// # Errors
/// When the image is not there, the engine refuses, or what is needed for the tests is missing. Tests that find something
/// are no error.
pub async fn test(run: TestRun<'_>, line: impl FnMut(&str) + Send) -> Result<TestReport, ImageError> {
    let TestRun { engine, model, image, secrets, time_limit, cancel } = run;
    let started = Instant::now();
    let id = match engine.docker().inspect_image(&image.to_string()).await {
        Ok(found) => found.id.unwrap_or_else(|| image.to_string()),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            return Err(ImageError::NotBuilt { image: image.to_string(), model: model.name.to_string() });
        }
        Err(e) => return Err(ImageError::engine(format!("inspect {image}"))(e)),
    };
    let container = Container::start(engine, &id, model, time_limit).await?;
    let mut suites = Vec::new();
    let ended = {
        let redactor = Redactor::new(secrets.values());
        let lines: Lines<'_> = Arc::new(Mutex::new(line));
        let bench = Bench { container: &container, model, secrets, redactor, lines };
        tokio::select! {
            ended = bench.all(&mut suites) => ended.map(|()| Ending::Completed),
            () = tokio::time::sleep(time_limit) => Ok(Ending::TimedOut),
            () = cancel.cancelled() => Ok(Ending::Interrupted),
        }
    };
    let removed = container.remove().await;
    let ending = ended?;
    removed?;
    Ok(TestReport { image: id, suites, ending, took: started.elapsed() })
}

/// Where tests run.
pub(super) struct Bench<'b> {
    pub(super) container: &'b Container,
    pub(super) model: &'b Model,
    pub(super) secrets: &'b BTreeMap<String, SecretValue>,
    redactor: Redactor,
    lines: Lines<'b>,
}

impl Bench<'_> {
    /// Everything that tests the model, into `suites` as it is done.
    async fn all(&self, suites: &mut Vec<Suite>) -> Result<(), ImageError> {
        let plan = &self.model.test;
        if let Some(app) = &plan.app {
            suites.push(app::run(self, app).await?);
        }
        match (&plan.command, &self.model.entry) {
            (Some(argv), _) => suites.push(self.command(argv).await?),
            (None, Entry::Command { argv }) => suites.push(example::run(self, argv).await?),
            // An app need not have functions too.
            (None, Entry::Python { .. }) => {
                if plan.app.is_none() || pytest::has_folder(self, "cs-config").await? {
                    suites.push(pytest::run(self).await?);
                }
            }
        }
        Ok(())
    }

    /// The model's own command for its tests.
    async fn command(&self, argv: &[String]) -> Result<Suite, ImageError> {
        let started = Instant::now();
        let mut step = Step::plain(argv.iter().cloned()).secrets(self.secrets);
        if matches!(self.model.entry, Entry::Python { .. }) {
            step = step.env("PYTHONPATH", pytest::python_path(self.container, false));
        }
        let ended = self.run(step).await?;
        let words = argv.join(" ");
        let outcome = match ended.code {
            Some(0) => CaseOutcome::Passed,
            _ => CaseOutcome::failed(self.story(&format!("`{words}`"), &ended).await?),
        };
        let name = argv.first().cloned().unwrap_or_default();
        Ok(Suite { name, cases: vec![Case::new(words, started.elapsed(), outcome)] })
    }

    /// A line for whoever follows the tests.
    pub(super) fn say(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        (*lines)(line);
    }

    /// Runs a program in the container to its end.
    pub(super) async fn run(&self, step: Step<'_>) -> Result<Ended, ImageError> {
        self.container.run(step, &self.lines, &self.redactor).await
    }

    /// The same without showing what it prints.
    pub(super) async fn run_quietly(&self, step: Step<'_>) -> Result<Ended, ImageError> {
        let nowhere: Lines<'_> = Arc::new(Mutex::new(|_: &str| {}));
        self.container.run(step, &nowhere, &self.redactor).await
    }

    /// Whether a process was ended because it took more memory than there is for it: by what the kernel has counted.
    async fn ran_out_of_memory(&self) -> Result<bool, ImageError> {
        // Of control groups of both versions.
        const COUNTED: &str =
            "for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
            [ -r $file ] || continue
            while read -r key value; do [ \"$key\" != oom_kill ] || [ \"$value\" = 0 ] || exit 0; done <$file
        done
        exit 1";
        if self.container.was_seen_out_of_memory().await? {
            return Ok(true);
        }
        Ok(self.run_quietly(Step::plain(["sh", "-c", COUNTED])).await?.code == Some(0))
    }

    /// How a program ended that should have ended otherwise, with its last lines.
    pub(super) async fn story(&self, what: &str, ended: &Ended) -> Result<String, ImageError> {
        let memory = &self.model.resources.limits.memory;
        let killed = matches!(ended.code, None | Some(137));
        let how = if killed && self.ran_out_of_memory().await? {
            format!("ran out of memory: it may use {memory} (`resources.limits.memory`)")
        } else {
            match ended.code {
                None => "ended together with its container".to_owned(),
                Some(code @ (126 | 127)) => format!("could not be started (exit code {code})"),
                Some(code @ 129..=192) => format!("was ended by signal {}", code - 128),
                Some(code) => format!("ended with exit code {code}"),
            }
        };
        let tail = if ended.tail.is_empty() { String::new() } else { format!("\n{}", ended.tail) };
        Ok(format!("{what} {how}{tail}"))
    }

    /// Masks secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.text(text)
    }

    /// Masks secrets in XML, where they may be written otherwise.
    pub(super) fn redact_xml(&self, xml: &[u8]) -> String {
        let escaped = self.secrets.values().map(|value| {
            let value = value.expose().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            [value.replace('"', "&quot;"), value].map(SecretValue::from)
        });
        let escaped: Vec<SecretValue> = escaped.flatten().collect();
        let redactor = Redactor::new(self.secrets.values().chain(&escaped));
        redactor.text(&String::from_utf8_lossy(xml))
    }
}

impl std::fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("container", &self.container.id).finish_non_exhaustive()
    }
}
