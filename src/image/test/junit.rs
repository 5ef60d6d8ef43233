use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::report::{Case, CaseOutcome, Ending, TestReport};
use crate::image::ImageError;

/// Writes the reports of models, each with its name, to a JUnit file: all of it or nothing. A message stands for a model
/// whose tests could not be carried out.
///
/// # Errors
/// When the file can't be written.
pub fn write_junit<'r>(
    path: &Path,
    reports: impl IntoIterator<Item = (String, Result<&'r TestReport, &'r str>)>,
) -> Result<(), ImageError> {
    let failed = |e| ImageError::io(path, e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let text = text(reports).map_err(|e| failed(std::io::Error::other(e)))?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    #[cfg(unix)]
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

fn text<'r>(
    reports: impl IntoIterator<Item = (String, Result<&'r TestReport, &'r str>)>,
) -> Result<String, quick_junit::SerializeError> {
    let mut all = Report::new("csw models test");
    for (model, report) in reports {
        let report = match report {
            Ok(report) => report,
            Err(message) => {
                all.add_test_suite(incomplete(&model, message, Duration::ZERO));
                continue;
            }
        };
        for suite in &report.suites {
            let mut written = TestSuite::new(format!("{model} {}", suite.name));
            written.add_test_cases(suite.cases.iter().map(|case| test_case(&model, case)));
            all.add_test_suite(written);
        }
        let ending = match report.ending {
            Ending::Completed => continue,
            Ending::TimedOut => "the tests took longer than their time limit",
            Ending::Interrupted => "the tests were interrupted",
        };
        all.add_test_suite(incomplete(&model, ending, report.took));
    }
    all.to_string()
}

/// What stands for tests that did not run to their end.
fn incomplete(model: &str, message: &str, took: Duration) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(message);
    let mut case = TestCase::new("completed", status);
    case.set_classname(model).set_time(took);
    let mut written = TestSuite::new(format!("{model} csw"));
    written.add_test_case(case);
    written
}

fn test_case(model: &str, case: &Case) -> TestCase {
    let wrong = |kind, message: &str, story: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(message).set_description(story);
        status
    };
    let status = match &case.outcome {
        CaseOutcome::Passed => TestCaseStatus::success(),
        CaseOutcome::Skipped(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why.as_str());
            status
        }
        CaseOutcome::Failed(message, story) => wrong(NonSuccessKind::Failure, message, story),
        CaseOutcome::Errored(message, story) => wrong(NonSuccessKind::Error, message, story),
    };
    let mut written = TestCase::new(case.name.as_str(), status);
    written.set_classname(if case.class.is_empty() { model } else { &case.class }).set_time(case.took);
    if !case.output.is_empty() {
        written.set_system_out(case.output.as_str());
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::test::Suite;

    #[test]
    fn a_file_tells_what_happened_to_each_test() {
        let second = Duration::from_secs(1);
        let cases = vec![
            Case::new("version", second, CaseOutcome::Passed),
            Case::new("sim", second, CaseOutcome::failed("a < b\nlong \u{1b}[31mred\u{1b}[0m")),
            Case::new("other", second, CaseOutcome::Skipped("not here".into())),
        ];
        let report = TestReport {
            image: "sha256:1".into(),
            suites: vec![Suite { name: "example".into(), cases }],
            ending: Ending::TimedOut,
            took: second,
        };
        assert!(!report.passed());
        let xml = text([("Examples/Epidemic".to_owned(), Ok(&report)), ("A/B".to_owned(), Err("no image"))])
            .unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let names: Vec<_> = document
            .descendants()
            .filter(|n| n.has_tag_name("testcase"))
            .map(|n| (n.attribute("name").unwrap(), n.first_element_child().map(|c| c.tag_name().name())))
            .collect();
        assert_eq!(
            names,
            [
                ("version", None),
                ("sim", Some("failure")),
                ("other", Some("skipped")),
                ("completed", Some("error")),
                ("completed", Some("error"))
            ]
        );
        let root = document.root_element();
        assert_eq!((root.attribute("tests"), root.attribute("failures")), (Some("5"), Some("1")));
    }
}
