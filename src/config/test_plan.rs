//! The key `test` of a model's file.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::document::{Code, Decode, Node, Optional, Problems, Required, nearest, record};
use super::values::Argv;
use crate::model::{App, AppKind, Entry, TestPlan};

record! {
    /// What tests the model, where that is not its own pytest suite.
    pub(super) struct TestTable {
        /// A program and its arguments that tests the model instead, run in the repository's folder of the model's
        /// image, without a shell; exit code 0 passes.
        pub(super) command: Optional<Argv>,
        /// A JSON file of the repository with inputs, as `csw jobs run --input` takes it: the simulation that tests a
        /// model with `entry: {command: …}`. Its defaults if left out.
        pub(super) example: Optional<RepoFile>,
        /// An interactive app, which must start and answer.
        pub(super) app: Optional<AppTable>,
    }
}

record! {
    /// An interactive app of the model.
    pub(super) struct AppTable {
        /// What it is made with: dash, bokeh or streamlit.
        pub(super) kind: Required<AppKind>,
        /// Its file in the repository.
        pub(super) file: Required<RepoFile>,
    }
}

/// The path of something in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RepoFile(String);

/// The plan of a file, for a model with this entry.
pub(super) fn plan(table: Optional<TestTable>, entry: &Entry, problems: &mut Problems) -> TestPlan {
    let Some(TestTable { command, example, app }) = table.map(|t| t.value) else {
        return TestPlan::default();
    };
    if let Some(example) = &example {
        if let Some(command) = &command {
            let source = Arc::clone(problems.source());
            problems
                .error(example.key, Code::Conflict, "`test` has both a `command` and an `example`")
                .also(source, command.key, "command here")
                .set_help("keep one of the two");
        } else if matches!(entry, Entry::Python { .. }) {
            problems
                .error(example.key, Code::Conflict, "`example` is for models with `entry: {command: …}`")
                .set_help("a Python model's tests are in cs-config/cs_config/tests: simulate there");
        }
    }
    TestPlan {
        command: command.map(|c| c.value.0),
        example: example.map(|e| e.value.0),
        app: app.and_then(|a| {
            let AppTable { kind, file } = a.value;
            Some(App { kind: kind.into_inner()?.value, file: file.into_inner()?.value.0 })
        }),
    }
}

impl Decode for AppKind {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        const EXPECTED: &str = "`dash`, `bokeh` or `streamlit`";
        let Some(text) = node.text() else {
            problems.wrong_type(node, EXPECTED);
            return None;
        };
        match text {
            "dash" => Some(Self::Dash),
            "bokeh" => Some(Self::Bokeh),
            "streamlit" => Some(Self::Streamlit),
            _ => {
                let near = nearest(text, ["dash", "bokeh", "streamlit"]);
                let problem = problems.invalid(node.span, EXPECTED, text);
                if let Some(near) = near {
                    problem.set_help(format!("did you mean `{near}`?"));
                }
                None
            }
        }
    }
}

impl Decode for RepoFile {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        const EXPECTED: &str = "a path in the model's repository, as in cs-config/example.json";
        let Some(text) = node.text() else {
            problems.wrong_type(node, EXPECTED);
            return None;
        };
        let inside = !text.is_empty()
            && !text.starts_with(['/', '-'])
            && !text.split('/').any(|part| part == "..")
            && !text.chars().any(char::is_control);
        if inside {
            return Some(Self(text.to_owned()));
        }
        problems.invalid(node.span, EXPECTED, text);
        None
    }
}

impl JsonSchema for RepoFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RepoFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number", "boolean"],
            "pattern": "^[^-/]",
            "examples": ["cs-config/example.json"]
        })
    }
}
