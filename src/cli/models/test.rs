use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::selection::{SelectionArgs, Wanted, broken};
use super::source::SourceArgs;
use crate::cli::Context;
use crate::cli::image_targets;
use crate::cli::up::Signals;
use crate::error::{Exit, Failure, classify};
use crate::image::test::{self, CaseOutcome, Ending, TestReport, TestRun};
use crate::image::{Engine, ImageError};
use crate::model::{ImageReference, Model, ModelName, Seconds};
use crate::secret::{self, Scope, SecretValue};
use crate::settings::Settings;
use crate::ui::{Format, Printer, Table, logs};

/// Run models' own tests in their images
///
/// A Python model is tested with pytest: its cs-config/cs_config/tests. A model with a command is asked for its version,
/// its inputs and a simulation, of the inputs in `test: {example: FILE}` if its file names one. An app of `test: {app: …}`
/// is started and must answer; `test: {command: […]}` tests the model in its own way. The container has the memory and
/// the time of the model's simulations, and its secrets; it is gone afterwards. Their output goes to stderr, with secrets
/// masked. Exits with 5 if a test fails. Models with `skip_test: true` are left out. Without -n these are the models whose
/// file differs from the base branch, as for `csw models config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n Examples/Solow test
  csw models -n Examples/Solow,Examples/Epidemic test --junit reports/models.xml
  csw models test Examples/Epidemic --timeout 10m -o json")]
pub(super) struct TestArgs {
    /// Models to test, as -n
    #[arg(value_name = "OWNER/TITLE", value_parser = super::name)]
    models: Vec<ModelName>,

    /// Test none of them, and say so: for pipelines that decide it elsewhere
    #[arg(long)]
    skip_test: bool,

    /// End each model's tests after this time: seconds, or with a unit as in 15m [default: its sim_time_limit]
    #[arg(long, value_name = "TIME")]
    timeout: Option<Seconds>,

    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    /// How to write what became of each model
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// What became of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TestResult {
    Passed,
    Failed,
    TimedOut,
    Skipped,
    /// They could not be carried out.
    Error,
}

/// A model to test.
struct Candidate {
    model: Model,
    image: ImageReference,
    /// Why it is left out, if it is.
    skipped: Option<&'static str>,
}

/// What became of a candidate; the message of what went wrong has been shown.
enum Done {
    Skipped,
    Tested(TestReport),
    Error(Exit, String),
}

#[derive(Debug, Serialize)]
struct TestView {
    name: ModelName,
    /// The image, with its tag.
    image: String,
    /// The id of the image that was tested.
    image_id: Option<String>,
    result: TestResult,
    tests: usize,
    failed: usize,
    skipped: usize,
    /// Seconds that it took.
    seconds: f64,
    /// Why it was left out, or what is wrong, in a line each.
    reasons: Vec<String>,
}

pub(super) fn run(context: &Context, wanted: Wanted<'_>, args: TestArgs) -> anyhow::Result<Exit> {
    let TestArgs { models, skip_test, timeout, junit, source, selection, output } = args;
    let names = [wanted.names, &models].concat();
    let settings = context.settings(|_| {})?;
    let catalog = source.load(context, &settings)?;
    let wanted = Wanted { names: &names, ..wanted };
    let Some(selection) = wanted.choose(context, &settings, &catalog, &selection)? else {
        return Ok(Exit::Ok);
    };
    if selection.names().is_empty() && catalog.diagnostics().has_errors() {
        return Err(broken(context, &catalog));
    }
    let mut candidates = Vec::new();
    for listed in catalog.select(selection.names())? {
        let model = listed.model.clone();
        let skipped = match (skip_test, model.skip_test) {
            (true, _) => Some("--skip-test"),
            (false, true) => Some("skip_test in its configuration"),
            (false, false) => None,
        };
        candidates.push(Candidate {
            image: image_targets::of_model(&settings, &model.name)?.reference,
            model,
            skipped,
        });
    }
    let done = context.block_on(test_all(context.printer(), &settings, timeout, &candidates))?;
    if let Some(path) = &junit {
        let written = candidates.iter().zip(&done).filter_map(|(candidate, done)| match done {
            Done::Skipped => None,
            Done::Tested(report) => Some((candidate.model.name.to_string(), Ok(report))),
            Done::Error(_, message) => Some((candidate.model.name.to_string(), Err(message.as_str()))),
        });
        test::write_junit(path, written)?;
    }
    if done.iter().any(|done| matches!(done, Done::Tested(report) if report.ending == Ending::Interrupted)) {
        return Err(Failure::failed("interrupted").into());
    }
    let views: Vec<TestView> = candidates.iter().zip(&done).map(|(c, done)| view(c, done)).collect();
    show(context.printer(), output, &views)?;
    let failed: Vec<String> = views
        .iter()
        .filter(|view| matches!(view.result, TestResult::Failed | TestResult::TimedOut))
        .map(|view| view.name.to_string())
        .collect();
    if !failed.is_empty() {
        return Err(Failure::failed(format!("tests failed: {}", failed.join(", "))).into());
    }
    let error = done.iter().find_map(|done| match done {
        Done::Error(exit, _) => Some(*exit),
        Done::Skipped | Done::Tested(_) => None,
    });
    Ok(error.unwrap_or(Exit::Ok))
}

/// Tests one model after the other; what keeps one from being tested does not keep the others.
async fn test_all(
    printer: Printer,
    settings: &Settings,
    timeout: Option<Seconds>,
    candidates: &[Candidate],
) -> anyhow::Result<Vec<Done>> {
    let tested = candidates.iter().filter(|c| c.skipped.is_none()).map(|c| &c.model);
    let secrets = secrets(settings, tested).await?;
    let mut runner = Runner { printer, timeout, engine: None, signals: Signals::new()? };
    let mut all = Vec::new();
    for Candidate { model, image, skipped } in candidates {
        let done = match (skipped, secrets.get(&model.name)) {
            (None, Some(secrets)) => match runner.test(model, image, secrets).await {
                Ok(report) => Done::Tested(report),
                // Without an engine there is nothing to be said of any of them.
                Err(e) if runner.engine.is_none() || e.downcast_ref::<ImageError>().is_none() => {
                    return Err(e);
                }
                Err(e) => {
                    crate::ui::report(printer, &e);
                    Done::Error(classify(&e).0, e.to_string())
                }
            },
            _ => Done::Skipped,
        };
        let interrupted = matches!(&done, Done::Tested(report) if report.ending == Ending::Interrupted);
        all.push(done);
        if interrupted {
            break;
        }
    }
    Ok(all)
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

struct Runner {
    printer: Printer,
    timeout: Option<Seconds>,
    /// Connected to when there is something to test.
    engine: Option<Engine>,
    signals: Signals,
}

impl Runner {
    async fn test(
        &mut self,
        model: &Model,
        image: &ImageReference,
        secrets: &BTreeMap<String, SecretValue>,
    ) -> anyhow::Result<TestReport> {
        let printer = self.printer;
        let engine = match &self.engine {
            Some(engine) => engine,
            None => {
                let engine = Engine::connect(None).await?;
                match test::remove_leftovers(&engine).await? {
                    0 => {}
                    n => printer.note(format!("Removed containers that killed tests had left behind: {n}")),
                }
                self.engine.insert(engine)
            }
        };
        printer.note(format!("{}: testing {image}", model.name));
        let cancel = CancellationToken::new();
        let run = TestRun {
            engine,
            model,
            image,
            secrets,
            time_limit: self.timeout.unwrap_or(model.sim_time_limit).to_duration(),
            cancel: cancel.clone(),
        };
        let test = test::test(run, |line| printer.note(line));
        tokio::pin!(test);
        tokio::select! {
            report = &mut test => return Ok(report?),
            () = self.signals.next() => cancel.cancel(),
        }
        printer.note("Ending the tests (Ctrl-C again leaves that to the engine)");
        tokio::select! {
            report = &mut test => Ok(report?),
            () = self.signals.next() => Err(Failure::failed("interrupted").into()),
        }
    }
}

fn view(candidate: &Candidate, done: &Done) -> TestView {
    let Candidate { model, image, skipped } = candidate;
    let report = match done {
        Done::Tested(report) => Some(report),
        Done::Skipped | Done::Error(..) => None,
    };
    let mut reasons: Vec<String> = skipped.iter().map(|why| (*why).to_owned()).collect();
    for case in report.iter().flat_map(|report| report.wrong()) {
        if let CaseOutcome::Failed(why, _) | CaseOutcome::Errored(why, _) = &case.outcome {
            reasons.push(format!("{}: {}", case.name, why.lines().next().unwrap_or_default()));
        }
    }
    let result = match done {
        Done::Skipped => TestResult::Skipped,
        Done::Error(_, message) => {
            reasons.push(message.clone());
            TestResult::Error
        }
        Done::Tested(report) if report.ending == Ending::TimedOut => {
            reasons.push("the tests took longer than their time limit".to_owned());
            TestResult::TimedOut
        }
        Done::Tested(report) if report.passed() => TestResult::Passed,
        Done::Tested(_) => TestResult::Failed,
    };
    TestView {
        name: model.name.clone(),
        image: image.to_string(),
        image_id: report.map(|r| r.image.clone()),
        result,
        tests: report.map_or(0, TestReport::count),
        failed: report.map_or(0, |r| r.wrong().count()),
        skipped: report.map_or(0, TestReport::skipped),
        seconds: report.map_or(Duration::ZERO, |r| r.took).as_secs_f64(),
        reasons,
    }
}

fn show(printer: Printer, format: Format, views: &[TestView]) -> anyhow::Result<()> {
    printer.view(
        format,
        &views,
        |views| {
            let head = ["NAME", "RESULT", "TESTS", "FAILED", "SKIPPED", "SECONDS", "REASON"];
            let mut table = Table::new(&head, "No models to test");
            for view in *views {
                let result = match view.result {
                    TestResult::Passed => "passed",
                    TestResult::Failed => "failed",
                    TestResult::TimedOut => "timed out",
                    TestResult::Skipped => "skipped",
                    TestResult::Error => "error",
                };
                let more = view.reasons.len().saturating_sub(1);
                let first = view.reasons.first().cloned().unwrap_or_default();
                table.row([
                    view.name.to_string(),
                    result.to_owned(),
                    view.tests.to_string(),
                    view.failed.to_string(),
                    view.skipped.to_string(),
                    format!("{:.1}", view.seconds),
                    if more > 0 { format!("{first} (and {more} more)") } else { first },
                ]);
            }
            table
        },
        |views| views.iter().map(|view| view.name.to_string()).collect(),
    )
}
