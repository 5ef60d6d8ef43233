//! The kinds of values that a model's file holds: how each is read.

use std::collections::HashMap;
use std::str::FromStr;

use super::document::{Code, Decode, Node, Problems, Span, Value};
use crate::model::{BuildTimestamp, ClusterType, Cpu, Isolation, Memory, ModelError, ModelName, Seconds};

/// An owner or a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamePart(pub(super) String);

/// Branch, tag or commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GitRef(pub(super) String);

/// A program on PATH or an absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter(pub(super) String);

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Argv(pub(super) Vec<String>);

/// How many Dask workers: from 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replicas(pub(super) u32);

/// How many simulations of a model may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MaxJobs(pub(super) u32);

/// The value of a Kubernetes label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelValue(pub(super) String);

/// Environment variables with the place of each name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EnvVars(pub(super) Vec<(String, Span, String)>);

/// Names of secrets with the place of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SecretNames(pub(super) Vec<(String, Span)>);

/// A scalar as the text that `parse` accepts, or a report of what was expected.
fn parsed<T: FromStr<Err = ModelError>>(
    node: &Node<'_>,
    expected: &str,
    suggest: impl FnOnce(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<T> {
    let Some(text) = node.text() else {
        problems.wrong_type(node, expected);
        return None;
    };
    text.parse()
        .map_err(|e: ModelError| {
            let problem = problems.invalid(node.span, e.expected, text);
            if let Some(better) = suggest(text) {
                problem.set_help(better);
            }
        })
        .ok()
}

impl Decode for Memory {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        parsed(node, "a memory quantity, as in 7G or 512Mi", quantity::<Self>, problems)
    }
}

impl Decode for Cpu {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        parsed(node, "a cpu quantity, as in 2, 0.5 or 500m", quantity::<Self>, problems)
    }
}

/// What was probably meant by `7GB`, `7 G`, `7g`, `512MiB`, `2 cores`.
fn quantity<T: FromStr>(text: &str) -> Option<String> {
    let compact: String = text.split_whitespace().collect();
    let digits = compact.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(compact.len());
    let (number, unit) = compact.split_at(digits);
    let unit = unit.to_lowercase();
    let unit = unit.strip_suffix("ytes").or(unit.strip_suffix("yte")).unwrap_or(&unit);
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let unit = match unit {
        "k" | "core" | "cores" | "cpu" | "cpus" => if unit == "k" { "k" } else { "" }.to_owned(),
        _ => {
            let mut letters = unit.chars();
            letters.next().map(|c| c.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        }
    };
    let better = format!("{number}{unit}");
    (better != text && better.parse::<T>().is_ok()).then(|| format!("write {better}"))
}

impl Decode for Seconds {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        parsed(node, "a time: seconds as in 90, or with units as in 15m or `2h 30m`", |_| None, problems)
    }
}

impl Decode for BuildTimestamp {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        parsed(node, "a date and a time of day, as in \"2020-10-29 09:29\"", |_| None, problems)
    }
}

impl Decode for ClusterType {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        const NAMES: [&str; 2] = ["single-core", "dask"];
        match node.text() {
            Some("single-core") => Some(Self::SingleCore),
            Some("dask") => Some(Self::Dask),
            Some(text) => {
                let near = super::document::nearest(text, NAMES);
                let problem = problems.invalid(node.span, "`single-core` or `dask`", text);
                if let Some(near) = near {
                    problem.set_help(format!("did you mean `{near}`?"));
                }
                None
            }
            None => {
                problems.wrong_type(node, "`single-core` or `dask`");
                None
            }
        }
    }
}

impl Decode for Isolation {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        parsed(node, "`none`, `process` or `container`", nearest_isolation, problems)
    }
}

fn nearest_isolation(text: &str) -> Option<String> {
    let near = super::document::nearest(text, Isolation::ALL.map(Isolation::as_str))?;
    Some(format!("did you mean `{near}`?"))
}

/// Reads text for which `valid` holds.
fn checked<'n>(
    node: &'n Node<'_>,
    expected: &str,
    valid: impl FnOnce(&str) -> bool,
    problems: &mut Problems,
) -> Option<&'n str> {
    let Some(text) = node.text() else {
        problems.wrong_type(node, expected);
        return None;
    };
    if valid(text) {
        return Some(text);
    }
    problems.invalid(node.span, expected, text);
    None
}

impl Decode for NamePart {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let expected = "letters, digits, `-`, `_` and `.`, the first a letter or digit, at most 100";
        checked(node, expected, ModelName::is_valid_part, problems).map(|t| Self(t.to_owned()))
    }
}

/// Whether git takes `text` for a branch, a tag or a commit, and never for an option.
pub(super) fn is_git_ref(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 250
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.ends_with(".lock")
        && !["..", "//", "@{", "/."].iter().any(|s| text.contains(s))
        && text != "@"
        && !text.chars().any(|c| {
            c.is_control() || c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
        })
}

impl Decode for GitRef {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let expected = "a branch, tag or commit of the repository, as in main, v1.2 or 3f2a91c";
        checked(node, expected, is_git_ref, problems).map(|t| Self(t.to_owned()))
    }
}

impl Decode for Interpreter {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let expected = "a program on PATH, as in python3.12, or an absolute path";
        let valid = |t: &str| {
            !t.is_empty()
                && !t.starts_with('-')
                && !t.chars().any(char::is_control)
                && (t.starts_with('/') || !t.contains(['/', ' ']))
        };
        checked(node, expected, valid, problems).map(|t| Self(t.to_owned()))
    }
}

impl Decode for Argv {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        const EXPECTED: &str = "a list of the program and its arguments, as in [sh, run.sh]";
        let Value::List(items) = &node.value else {
            let split = node.text().map(|t| t.split_whitespace().collect::<Vec<_>>().join(", "));
            let problem = problems.wrong_type(node, EXPECTED);
            if let Some(words) = split.filter(|w| !w.is_empty()) {
                problem.set_help(format!("no shell splits it: write [{words}]"));
            }
            return None;
        };
        let argv = Vec::<String>::decode(node, problems)?;
        if argv.len() != items.len() {
            return None;
        }
        if argv.first().is_none_or(String::is_empty) {
            problems.refuse(node.span, format!("expected {EXPECTED}, found no program"));
            return None;
        }
        if argv.iter().any(|a| a.contains('\0')) {
            problems.refuse(node.span, "no program takes an argument with a NUL character");
            return None;
        }
        Some(Self(argv))
    }
}

impl Decode for Replicas {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        super::document::integer(node, 1, 1000, problems).and_then(|n| u32::try_from(n).ok()).map(Self)
    }
}

impl Decode for MaxJobs {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        super::document::integer(node, 1, 100_000, problems).and_then(|n| u32::try_from(n).ok()).map(Self)
    }
}

impl Decode for LabelValue {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let expected = "the value of a node's label: letters, digits, `-`, `_` and `.`, at most 63";
        let ends = |c: char| c.is_ascii_alphanumeric();
        let valid = |t: &str| {
            t.len() <= 63
                && t.starts_with(ends)
                && t.ends_with(ends)
                && t.chars().all(|c| ends(c) || matches!(c, '-' | '_' | '.'))
        };
        checked(node, expected, valid, problems).map(|t| Self(t.to_owned()))
    }
}

const ENV_NAME: &str = "the name of an environment variable: letters, digits and `_`, the first no digit";

/// Whether `name` can be an environment variable of a model; else why not.
fn check_env_name(name: &str, span: Span, problems: &mut Problems) -> bool {
    let valid = name.len() <= 250
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !valid {
        problems.invalid(span, ENV_NAME, name);
        return false;
    }
    if matches!(name, "OWNER" | "TITLE" | "EXP_TASK_TIME") || name.starts_with("CSW_") {
        problems
            .refuse(span, format!("csw itself sets `{name}` for a model"))
            .set_help("choose another name");
        return false;
    }
    true
}

impl Decode for EnvVars {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let mut variables = Vec::new();
        for entry in super::document::entries(node, problems)? {
            let name = &entry.key.text;
            if !check_env_name(name, entry.key.span, problems) {
                continue;
            }
            match &entry.value.value {
                Value::Scalar(scalar) if !scalar.text.contains('\0') => {
                    variables.push((name.to_string(), entry.key.span, scalar.text.to_string()));
                }
                Value::Null => {
                    let message = format!("`{name}` has no value");
                    problems
                        .error(entry.key.span, Code::MissingKey, message)
                        .set_help("write \"\" for an empty one");
                }
                Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                    problems.wrong_type_unquoted(&entry.value, "text, the variable's value");
                }
            }
        }
        Some(Self(variables))
    }
}

impl Decode for SecretNames {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let mut names: Vec<(String, Span)> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut add = |name: &str, span: Span, problems: &mut Problems| {
            // What is no name is perhaps a value: it is not repeated.
            if name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
                problems.refuse(span, format!("expected {ENV_NAME}")).set_help(
                    "list names only, and give values to `csw models -n OWNER/TITLE secrets set NAME`",
                );
            } else if check_env_name(name, span, problems) {
                if let Some(first) = seen.get(name) {
                    let source = std::sync::Arc::clone(problems.source());
                    let message = format!("the secret `{name}` is named twice");
                    problems.error(span, Code::DuplicateKey, message).also(source, *first, "first here");
                } else {
                    seen.insert(name.to_owned(), span);
                    names.push((name.to_owned(), span));
                }
            }
        };
        match &node.value {
            Value::List(items) => {
                for item in items {
                    match item.text() {
                        Some(name) => add(name, item.span, problems),
                        None => {
                            problems.wrong_type_unquoted(item, "the name of a secret");
                        }
                    }
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    add(&entry.key.text, entry.key.span, problems);
                    if !matches!(entry.value.value, Value::Null) {
                        let message = format!(
                            "the value of the secret `{}` lies open in this file and is not used",
                            entry.key.text
                        );
                        problems.error(entry.key.span, Code::SecretValue, message).warn().set_help(
                            "give it to `csw models -n OWNER/TITLE secrets set NAME`, write `secrets: [NAME]` here, and change it where it is valid if others have seen it",
                        );
                    }
                }
            }
            Value::Null | Value::Scalar(_) => {
                problems.wrong_type_unquoted(node, "a list of secrets' names, as in [API_KEY]");
                return None;
            }
        }
        Some(Self(names))
    }
}
