use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::view::wrong;
use crate::cli::build::TestLog;
use crate::cli::up::Signals;
use crate::error::{Exit, Failure, classify};
use crate::image::test::{self, Ending, TestReport, TestRun};
use crate::image::{Engine, ImageError};
use crate::model::{ImageReference, Model, ModelName, Seconds};
use crate::secret::{self, Scope, SecretValue};
use crate::settings::Settings;
use crate::ui::{self, Printer, logs};

/// A model to test.
pub(super) struct Candidate {
    pub(super) model: Model,
    pub(super) image: ImageReference,
    /// Why it is left out, if it is.
    pub(super) skipped: Option<&'static str>,
    /// The file that configures it, with the line.
    pub(super) file: Option<(String, usize)>,
}

/// What became of a candidate; the message of what went wrong has been shown.
pub(super) enum Done {
    Skipped,
    /// Ctrl-C came before it was its turn.
    NotRun,
    Tested(TestReport),
    Error(Exit, String),
}

/// Tests models, so many at once; what keeps one from being tested does not keep the others.
pub(super) async fn test_all(
    printer: Printer,
    settings: &Settings,
    timeout: Option<Seconds>,
    at_once: usize,
    candidates: &[Candidate],
) -> anyhow::Result<Vec<Done>> {
    let tested: Vec<&Candidate> = candidates.iter().filter(|c| c.skipped.is_none()).collect();
    let secrets = secrets(settings, tested.iter().map(|c| &c.model)).await?;
    if tested.is_empty() {
        return Ok(candidates.iter().map(|_| Done::Skipped).collect());
    }
    let mut signals = Signals::new()?;
    // Without an engine there is nothing to be said of any of them.
    let engine = Engine::connect(None).await?;
    match test::remove_leftovers(&engine).await? {
        0 => {}
        n => printer.note(format!("Removed containers that killed tests had left behind: {n}")),
    }
    let log = TestLog::new(printer, tested.iter().map(|c| c.model.name.to_string()));
    let cancel = CancellationToken::new();
    let bench = Bench { printer, engine: &engine, timeout, log: &log, cancel: &cancel };
    let tests = candidates.iter().map(async |candidate| match secrets.get(&candidate.model.name) {
        Some(secrets) if candidate.skipped.is_none() => bench.test(candidate, secrets).await,
        _ => Done::Skipped,
    });
    let all = stream::iter(tests).buffered(at_once.max(1)).collect::<Vec<_>>();
    tokio::pin!(all);
    tokio::select! {
        all = &mut all => return Ok(all),
        () = signals.next() => cancel.cancel(),
    }
    printer.note("Ending the tests (Ctrl-C again leaves that to the engine)");
    tokio::select! {
        all = &mut all => Ok(all),
        () = signals.next() => Err(Failure::interrupted("interrupted").into()),
    }
}

/// The secrets of each model, all that it names; they are masked in logs from now on.
async fn secrets<'m>(
    settings: &Settings,
    models: impl Iterator<Item = &'m Model>,
) -> anyhow::Result<BTreeMap<ModelName, BTreeMap<String, SecretValue>>> {
    let models: Vec<&Model> = models.collect();
    let scopes: Vec<Scope> = models.iter().map(|model| Scope::Model(model.name.clone())).collect();
    let kept = secret::open(settings)?.entries_of(&scopes).await?;
    let mut all = BTreeMap::new();
    let mut missing = Vec::new();
    for (model, entries) in models.into_iter().zip(kept) {
        let values: BTreeMap<String, SecretValue> =
            entries.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        logs::mask(values.values());
        let unset = model.secrets.iter().filter(|name| !values.contains_key(*name));
        missing.extend(unset.map(|name| format!("csw models -n {} secrets set {name}", model.name)));
        all.insert(model.name.clone(), values);
    }
    if missing.is_empty() {
        return Ok(all);
    }
    let failure = Failure::config("secrets that the models need are not set");
    Err(missing.into_iter().fold(failure, Failure::hint).into())
}

/// What all tests of a run share.
struct Bench<'b> {
    printer: Printer,
    engine: &'b Engine,
    timeout: Option<Seconds>,
    log: &'b TestLog,
    cancel: &'b CancellationToken,
}

impl Bench<'_> {
    async fn test(&self, candidate: &Candidate, secrets: &BTreeMap<String, SecretValue>) -> Done {
        if self.cancel.is_cancelled() {
            return Done::NotRun;
        }
        let Candidate { model, image, .. } = candidate;
        let place = self.log.place(&model.name.to_string());
        place.line(&format!("testing {image}"));
        let run = TestRun {
            engine: self.engine,
            model,
            image,
            secrets,
            time_limit: self.timeout.unwrap_or(model.sim_time_limit).to_duration(),
            cancel: self.cancel.clone(),
        };
        let tested = test::test(run, |line| place.line(line)).await;
        place.end(match &tested {
            Ok(report) if report.passed() => "passed",
            Ok(report) if report.ending == Ending::Interrupted => "ended",
            Ok(_) => "failed",
            Err(_) => "could not be tested",
        });
        match tested {
            Ok(report) => {
                if !report.passed() && report.ending != Ending::Interrupted {
                    let first = wrong(&report).next();
                    let first = first.unwrap_or_else(|| "the tests did not come to their end".to_owned());
                    self.log.github_error(candidate.file.as_ref(), &model.name.to_string(), &first);
                }
                Done::Tested(report)
            }
            Err(error) => self.error(candidate, error),
        }
    }

    /// Tells what kept a model from being tested.
    fn error(&self, candidate: &Candidate, error: ImageError) -> Done {
        let error = anyhow::Error::from(error);
        let message = error.to_string();
        self.log.github_error(candidate.file.as_ref(), &candidate.model.name.to_string(), &message);
        ui::report(self.printer, &error);
        Done::Error(classify(&error).0, message)
    }
}
