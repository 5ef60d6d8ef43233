use std::time::Duration;

use serde::Serialize;

use super::bench::{Candidate, Done};
use crate::image::test::{CaseOutcome, Ending, TestReport};
use crate::model::ModelName;
use crate::ui::{Format, Printer, Table};

/// What became of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TestResult {
    Passed,
    Failed,
    TimedOut,
    Skipped,
    /// They could not be carried out.
    Error,
}

#[derive(Debug, Serialize)]
pub(super) struct TestView {
    pub(super) name: ModelName,
    /// The image, with its tag.
    image: String,
    /// The id of the image that was tested.
    image_id: Option<String>,
    pub(super) result: TestResult,
    tests: usize,
    failed: usize,
    skipped: usize,
    /// Seconds that it took.
    seconds: f64,
    /// Why it was left out, or what is wrong, in a line each.
    reasons: Vec<String>,
}

/// What the tests have found wrong, in a line each.
pub(super) fn wrong(report: &TestReport) -> impl Iterator<Item = String> {
    report.wrong().filter_map(|case| match &case.outcome {
        CaseOutcome::Failed(why, _) | CaseOutcome::Errored(why, _) => {
            Some(format!("{}: {}", case.name, why.lines().next().unwrap_or_default()))
        }
        CaseOutcome::Passed | CaseOutcome::Skipped(_) => None,
    })
}

/// What is to be said of a candidate.
pub(super) fn view(candidate: &Candidate, done: &Done) -> TestView {
    let Candidate { model, image, skipped, file: _ } = candidate;
    let report = match done {
        Done::Tested(report) => Some(report),
        Done::Skipped | Done::NotRun | Done::Error(..) => None,
    };
    let mut reasons: Vec<String> = skipped.iter().map(|why| (*why).to_owned()).collect();
    reasons.extend(report.iter().flat_map(|report| wrong(report)));
    let result = match done {
        Done::Skipped | Done::NotRun => TestResult::Skipped,
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

/// Writes what became of all of them to stdout.
pub(super) fn show(printer: Printer, format: Format, views: &[TestView]) -> anyhow::Result<()> {
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
