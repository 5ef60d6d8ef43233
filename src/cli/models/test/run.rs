use std::path::PathBuf;

use clap::Args;

use super::bench::{Candidate, Done, test_all};
use super::view::{TestResult, TestView, show, view};
use crate::cli::complete::model_names;
use crate::cli::models::selection::{SelectionArgs, Wanted};
use crate::cli::models::source::SourceArgs;
use crate::cli::push::jobs;
use crate::cli::{Context, image_targets};
use crate::error::{Exit, Failure};
use crate::image::test::{self, Ending};
use crate::model::{ModelName, Seconds};
use crate::ui::Format;

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
pub(in crate::cli::models) struct TestArgs {
    /// Models to test, as -n
    #[arg(value_name = "OWNER/TITLE", value_parser = crate::cli::models::name, add = model_names())]
    models: Vec<ModelName>,

    /// Test none of them, and say so: for pipelines that decide it elsewhere
    #[arg(long)]
    skip_test: bool,

    /// End each model's tests after this time: seconds, or with a unit as in 15m [default: its sim_time_limit]
    #[arg(long, value_name = "TIME")]
    timeout: Option<Seconds>,

    /// Models tested at once [default: the setting build_jobs]
    #[arg(short, long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,

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

pub(in crate::cli::models) fn run(
    context: &Context,
    wanted: Wanted<'_>,
    args: TestArgs,
) -> anyhow::Result<Exit> {
    let TestArgs { models, skip_test, timeout, jobs, junit, source, selection, output } = args;
    let names = [wanted.names, &models].concat();
    let settings = context.settings(|_| {})?;
    let catalog = source.load(context, &settings, wanted.names)?;
    let wanted = Wanted { names: &names, ..wanted };
    let Some(selection) = wanted.choose(context, &settings, &catalog, &selection)? else {
        return Ok(Exit::Ok);
    };
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
            file: listed.source.path.as_ref().map(|_| (listed.source.shown.clone(), listed.source.line)),
        });
    }
    let at_once = jobs.unwrap_or(settings.build_jobs.value);
    let done =
        context.block_on_unbroken(test_all(context.printer(), &settings, timeout, at_once, &candidates))?;
    if let Some(path) = &junit {
        let written = candidates.iter().zip(&done).filter_map(|(candidate, done)| match done {
            Done::Skipped | Done::NotRun => None,
            Done::Tested(report) => Some((candidate.model.name.to_string(), Ok(report))),
            Done::Error(_, message) => Some((candidate.model.name.to_string(), Err(message.as_str()))),
        });
        test::write_junit(path, written)?;
    }
    let interrupted = |done: &Done| match done {
        Done::NotRun => true,
        Done::Tested(report) => report.ending == Ending::Interrupted,
        Done::Skipped | Done::Error(..) => false,
    };
    if done.iter().any(interrupted) {
        return Err(Failure::interrupted("interrupted").into());
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
        Done::Skipped | Done::NotRun | Done::Tested(_) => None,
    });
    Ok(error.unwrap_or(Exit::Ok))
}
