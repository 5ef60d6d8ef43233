use std::time::Instant;

use serde_json::Value;

use super::exec::Step;
use super::report::{Case, CaseOutcome, Suite};
use super::run::Bench;
use crate::executor;
use crate::image::ImageError;
use crate::model::{TaskKwargs, TaskName, numbers};

/// Asks a command model for everything that a user may ask for: its version, its inputs, whether the example's are
/// right, and a simulation of them.
pub(super) async fn run(bench: &Bench<'_>, argv: &[String]) -> Result<Suite, ImageError> {
    let kwargs = match &bench.model.test.example {
        Some(file) => example(bench, file).await?,
        None => TaskKwargs::new(),
    };
    let mut cases = Vec::new();
    for task in [TaskName::Version, TaskName::Defaults, TaskName::Parse, TaskName::Sim] {
        let kwargs = match task {
            TaskName::Version => TaskKwargs::new(),
            _ => kwargs.clone(),
        };
        let started = Instant::now();
        let outcome = match ask(bench, argv, task, &kwargs).await? {
            Ok(()) => CaseOutcome::Passed,
            Err(story) => CaseOutcome::failed(story),
        };
        bench.say(&format!("{task}: {}", if outcome.is_fine() { "passed" } else { "FAILED" }));
        if let CaseOutcome::Failed(_, story) = &outcome {
            story.lines().for_each(|line| bench.say(&format!("  {line}")));
        }
        cases.push(Case::new(task.as_str(), started.elapsed(), outcome));
    }
    Ok(Suite { name: "example".into(), cases })
}

/// One task; the error is what is wrong with the model.
async fn ask(
    bench: &Bench<'_>,
    argv: &[String],
    task: TaskName,
    kwargs: &TaskKwargs,
) -> Result<Result<(), String>, ImageError> {
    let request = match executor::command_request(task, kwargs) {
        Ok(request) => request,
        Err(e) => return Ok(Err(format!("the inputs are no JSON: {e}"))),
    };
    // A program with a folder in its name is meant relative to the repository, as everywhere.
    let step = Step::plain(argv.iter().cloned()).secrets(bench.secrets).request(request);
    let ended = bench.run(step).await?;
    if ended.code != Some(0) {
        return Ok(Err(bench.story(&format!("`{}`", argv.join(" ")), &ended).await?));
    }
    let answer: Value = match numbers::from_slice(&ended.stdout) {
        Ok(answer) => answer,
        Err(e) => return Ok(Err(format!("its stdout is not one JSON object: {e}"))),
    };
    if let Err(wrong) = executor::check_result(task, &answer) {
        return Ok(Err(wrong));
    }
    Ok(match task {
        TaskName::Parse => refusals(&answer).map_or(Ok(()), |refused| Err(bench.redact(&refused))),
        _ => Ok(()),
    })
}

/// What the model says against the inputs, if it does.
fn refusals(answer: &Value) -> Option<String> {
    let sections = answer.get("errors_warnings")?.as_object()?;
    let errors = sections.iter().filter_map(|(section, found)| {
        let errors = found.get("errors")?;
        let empty = errors.as_object().is_some_and(serde_json::Map::is_empty) || errors.is_null();
        (!empty).then(|| format!("  {section}: {errors}"))
    });
    let errors: Vec<String> = errors.collect();
    (!errors.is_empty()).then(|| format!("it refuses the inputs\n{}", errors.join("\n")))
}

/// The inputs that a file of the repository holds.
async fn example(bench: &Bench<'_>, file: &str) -> Result<TaskKwargs, ImageError> {
    let error = |reason: String| ImageError::Example {
        model: bench.model.name.to_string(),
        file: file.to_owned(),
        reason,
    };
    let content = bench.container.read(file).await?;
    let content = content.ok_or_else(|| error("it is not in the image's repository".into()))?;
    let value: Value = numbers::from_slice(&content).map_err(|e| error(format!("it is not JSON: {e}")))?;
    let Value::Object(inputs) = value else {
        return Err(error("expected a JSON object with meta_param_dict and adjustment".into()));
    };
    for (name, part) in &inputs {
        if !matches!(name.as_str(), "meta_param_dict" | "adjustment") {
            return Err(error(format!("unknown key `{name}`: expected meta_param_dict and adjustment")));
        }
        if !part.is_object() {
            return Err(error(format!("`{name}` must be a JSON object")));
        }
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn warnings_are_no_refusal() {
        let fine = json!({"errors_warnings": {"A": {"errors": {}, "warnings": {"x": ["large"]}}}});
        assert_eq!(refusals(&fine), None);
        let refused = json!({"errors_warnings": {"A": {"errors": {"x": ["x < 0"]}, "warnings": {}}}});
        assert_eq!(refusals(&refused).unwrap(), "it refuses the inputs\n  A: {\"x\":[\"x < 0\"]}");
    }
}
