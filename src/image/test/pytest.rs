use std::time::{Duration, Instant};

use super::container::Container;
use super::exec::{Ended, Step};
use super::report::{Case, CaseOutcome, Suite};
use super::run::Bench;
use crate::image::ImageError;

/// Where pytest is installed to when the image has none; the container's own, like all of it.
const TARGET: &str = "/tmp/csw-pytest";
const JUNIT: &str = "/tmp/csw-pytest.xml";

/// Runs the tests of the model's package `cs_config` with pytest.
pub(super) async fn run(bench: &Bench<'_>) -> Result<Suite, ImageError> {
    let container = bench.container;
    let installed = ensure_pytest(bench).await?;
    let mut argv = vec!["python3", "-m", "pytest", "-v", "-p", "no:cacheprovider"];
    let junit = format!("--junit-xml={JUNIT}");
    argv.push(&junit);
    match has_folder(bench, "cs-config").await? {
        true => argv.push("cs-config"),
        false => argv.extend(["--pyargs", "cs_config"]),
    }
    let step = Step::plain(argv)
        .env("PYTHONPATH", python_path(container, installed))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .secrets(bench.secrets);
    let started = Instant::now();
    let ended = bench.run(step).await?;
    let report = container.read(JUNIT).await?;
    let report = report.map(|bytes| bench.redact_xml(&bytes));
    let mut cases = report.and_then(|xml| cases(&xml).ok()).unwrap_or_default();
    // What pytest itself says outweighs what can be read in its report.
    let fine = cases.iter().all(|case| case.outcome.is_fine());
    if (ended.code != Some(0) && fine) || cases.is_empty() {
        cases.push(whole(bench, &ended, started.elapsed()).await?);
    }
    Ok(Suite { name: "pytest".into(), cases })
}

/// What there is to say of a run that no test of it tells.
async fn whole(bench: &Bench<'_>, ended: &Ended, took: Duration) -> Result<Case, ImageError> {
    let story = match ended.code {
        Some(0) => "pytest wrote no report".to_owned(),
        Some(5) => "pytest found no tests: they are expected in cs-config/cs_config/tests".to_owned(),
        Some(4) => format!("pytest could not start\n{}", ended.tail),
        _ => bench.story("pytest", ended).await?,
    };
    Ok(Case::new("pytest", took, CaseOutcome::errored(story)))
}

/// Installs pytest into this container if its image has none; answers whether it did.
async fn ensure_pytest(bench: &Bench<'_>) -> Result<bool, ImageError> {
    let there = bench.run_quietly(Step::plain(["python3", "-c", "import pytest"])).await?;
    if there.code == Some(0) {
        return Ok(false);
    }
    let no_pytest = |reason: String| ImageError::NoPytest { model: bench.model.name.to_string(), reason };
    if there.was_not_found() {
        return Err(no_pytest("the image has no python3".to_owned()));
    }
    bench.say("pytest is not in the image: installing it for this test only");
    let pip = ["python3", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    let pip = Step::plain(pip.into_iter().chain(["--target", TARGET, "pytest"]));
    let ended = bench.run_quietly(pip).await?;
    if ended.code == Some(0) {
        return Ok(true);
    }
    let last = ended.tail.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("pip did not say why");
    Err(no_pytest(last.to_owned()))
}

pub(super) async fn has_folder(bench: &Bench<'_>, name: &str) -> Result<bool, ImageError> {
    let ended = bench.run_quietly(Step::plain(["sh", "-c", "[ -d \"$1\" ]", "sh", name])).await?;
    Ok(ended.code == Some(0))
}

/// Where modules are found: as when the model's functions are called, and pytest behind all else.
pub(super) fn python_path(container: &Container, with_pytest: bool) -> String {
    let workdir = container.workdir.trim_end_matches('/');
    let mut path = vec![format!("{workdir}/cs-config")];
    // A repository that was built and installed must not be hidden by its own sources.
    if !container.env.contains_key("PYTHONSAFEPATH") {
        path.extend([format!("{workdir}/src"), format!("{workdir}/")]);
    }
    path.extend(container.env.get("PYTHONPATH").filter(|p| !p.is_empty()).cloned());
    if with_pytest {
        path.push(TARGET.to_owned());
    }
    path.join(":")
}

/// The tests of pytest's report.
fn cases(xml: &str) -> Result<Vec<Case>, roxmltree::Error> {
    let document = roxmltree::Document::parse(xml)?;
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    Ok(cases.map(case).collect())
}

fn case(node: roxmltree::Node<'_, '_>) -> Case {
    let attribute = |name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let child = |name: &str| node.children().find(|c| c.has_tag_name(name));
    let message = |c: roxmltree::Node<'_, '_>| c.attribute("message").unwrap_or_default().to_owned();
    let text = |c: roxmltree::Node<'_, '_>| c.text().unwrap_or_default().to_owned();
    let outcome = if let Some(failure) = child("failure") {
        CaseOutcome::Failed(message(failure), text(failure))
    } else if let Some(error) = child("error") {
        CaseOutcome::Errored(message(error), text(error))
    } else if let Some(skipped) = child("skipped") {
        CaseOutcome::Skipped(message(skipped))
    } else {
        CaseOutcome::Passed
    };
    let seconds: f64 = attribute("time").parse().unwrap_or_default();
    let output = ["system-out", "system-err"].into_iter().filter_map(child).map(text);
    Case {
        class: attribute("classname"),
        name: attribute("name"),
        took: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        outcome,
        output: output.collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_pytest_is_read() {
        let found = cases(
            r#"<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.1" timestamp="2026-01-01T10:00:00.1" hostname="h">
            <testcase classname="a.T" name="t1" time="0.5" /><testcase classname="a.T" name="t2" time="0.1"><failure message="assert 1 &lt; 0">long</failure><system-out>said</system-out></testcase>
            <testcase classname="" name="a" time="0"><error message="collection failure">E  ImportError</error></testcase>
            <testcase classname="a" name="t3" time="x"><skipped type="pytest.skip" message="not now">x</skipped></testcase></testsuite></testsuites>"#,
        )
        .unwrap();
        let outcomes: Vec<_> = found.iter().map(|c| c.outcome.clone()).collect();
        assert_eq!(
            outcomes,
            [
                CaseOutcome::Passed,
                CaseOutcome::Failed("assert 1 < 0".into(), "long".into()),
                CaseOutcome::Errored("collection failure".into(), "E  ImportError".into()),
                CaseOutcome::Skipped("not now".into()),
            ]
        );
        assert_eq!((found[0].class.as_str(), found[0].name.as_str()), ("a.T", "t1"));
        assert_eq!((found[0].took, found[1].output.as_str()), (Duration::from_millis(500), "said"));
        assert!(cases("<no").is_err());
    }
}
