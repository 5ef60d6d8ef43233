use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::KubernetesTable;
use super::resolve::Texts;
use super::value::Kind;
use super::{Origin, Row, Setting, SettingsError, Value};
use crate::config::Diagnostics;
use crate::config::document::{self, Code, Decode as _, Problems, Source, Value as Yaml};
use crate::model::KubernetesSettings;

/// The settings file, and that of the original, whose keys are in upper case and which may hold others.
const NAMES: [(&str, bool); 2] = [("csw.yaml", true), ("cs-config.yaml", false)];

/// The section of the file that is no flat setting.
pub(super) const SECTION: &str = "kubernetes";

/// `csw.yaml`: a flat mapping of setting to value, and the section `kubernetes`.
#[derive(Debug)]
pub(super) struct SettingsFile {
    path: PathBuf,
    texts: Texts,
    kubernetes: KubernetesSettings,
    problems: Problems,
}

impl SettingsFile {
    /// The nearest `csw.yaml` (or, where there is none, `cs-config.yaml`) from `cwd` upwards.
    pub(super) fn find(cwd: &Path, rows: &'static [Row]) -> Result<Option<Self>, SettingsError> {
        for folder in cwd.ancestors() {
            for (name, strict) in NAMES {
                let path = folder.join(name);
                match std::fs::read(&path) {
                    Ok(bytes) => {
                        let shown = path.strip_prefix(cwd).unwrap_or(&path).display().to_string();
                        let source = Source::from_confidential_bytes(shown, bytes).map_err(|d| {
                            SettingsError::Invalid { problems: Vec::new(), file: Diagnostics::new(vec![*d]) }
                        })?;
                        return Ok(Some(Self::parse(path, source, rows, strict)));
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(source) => return Err(SettingsError::Io { path, source }),
                }
            }
        }
        Ok(None)
    }

    fn parse(path: PathBuf, source: Source, rows: &'static [Row], strict: bool) -> Self {
        let source = Arc::new(source);
        let mut problems = Problems::new(Arc::clone(&source));
        let mut texts = Texts::new();
        let mut kubernetes = KubernetesSettings::default();
        let root = document::parse(&source, &mut problems);
        match root.as_ref().map(|node| &node.value) {
            Some(Yaml::Map(entries)) => {
                for entry in entries {
                    let key = &entry.key;
                    let lower = key.text.to_lowercase();
                    let row = rows.iter().find(|r| r.key == key.text || !strict && r.key == lower);
                    match (row, &entry.value.value) {
                        (None, Yaml::Null) if key.text == SECTION => {}
                        (None, _) if key.text == SECTION => {
                            let table =
                                problems.within(SECTION, |p| KubernetesTable::decode(&entry.value, p));
                            kubernetes = table.map(KubernetesTable::settings).unwrap_or_default();
                        }
                        (None, _) if strict => {
                            let known: Vec<&str> = rows.iter().map(|r| r.key).chain([SECTION]).collect();
                            problems.unknown_key(key, &known);
                        }
                        // What 1.6 wrote beside the settings, and keys without a value.
                        (None, _) | (Some(_), Yaml::Null) => {}
                        (Some(row), Yaml::Scalar(scalar)) => {
                            texts.insert(row.key, (scalar.text.to_string(), entry.value.head()));
                        }
                        (Some(row), Yaml::List(items)) if row.kind == Kind::List => {
                            let names: Option<Vec<&str>> = items.iter().map(plain_name).collect();
                            match names {
                                Some(names) => {
                                    texts.insert(row.key, (names.join(","), entry.value.head()));
                                }
                                None => problems.within(row.key, |p| {
                                    p.wrong_type_unquoted(&entry.value, "a list of names without commas");
                                }),
                            }
                        }
                        (Some(row), _) => {
                            problems.within(row.key, |p| {
                                p.wrong_type_unquoted(&entry.value, "one value");
                            });
                        }
                    }
                }
            }
            None | Some(Yaml::Null) => {}
            Some(_) => {
                if let Some(node) = &root {
                    problems.wrong_type_unquoted(node, "a mapping of settings");
                }
            }
        }
        Self { path, texts, kubernetes, problems }
    }

    /// The section `kubernetes`, or the defaults.
    pub(super) fn kubernetes(&self) -> KubernetesSettings {
        self.kubernetes.clone()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
    }

    /// The value of `key`, or `None` if it is not there or wrong.
    pub(super) fn take<T: Value>(&mut self, key: &'static str) -> Option<Setting<T>> {
        let (text, span) = self.texts.get(key)?;
        let Some(value) = T::read(text, &self.folder()) else {
            let found = text.clone();
            let span = *span;
            self.problems.within(key, |problems| {
                if T::SECRET {
                    problems.refuse(span, format!("expected {}", T::EXPECTED));
                } else {
                    problems.invalid(span, T::EXPECTED, &found);
                }
            });
            return None;
        };
        let (line, _) = self.problems.source().position(span.start);
        Some(Setting { value, origin: Origin::File { path: self.path.clone(), line } })
    }

    /// What is wrong with the file. One in which nothing stands (yet) is fine.
    pub(super) fn into_problems(self) -> Diagnostics {
        let found = self.problems.into_vec().into_iter().filter(|d| d.code() != Code::Empty);
        Diagnostics::new(found.collect())
    }
}

/// An item of a list that can stand between commas.
fn plain_name<'n>(node: &'n document::Node<'_>) -> Option<&'n str> {
    match &node.value {
        Yaml::Scalar(scalar) if !scalar.text.contains(',') => Some(&scalar.text),
        _ => None,
    }
}
