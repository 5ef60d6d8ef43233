//! `environment.yml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::requirement::{FromConda, from_conda};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    dependencies: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    variables: Option<BTreeMap<String, serde_json::Value>>,
}

/// What an `environment.yml` asks for, in pip's words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CondaFile {
    /// Requirements for pip, from conda's list.
    pub(super) packages: Vec<String>,
    /// Lines for pip, from the list below `pip:`, the repository itself left out.
    pub(super) pip: Vec<String>,
    /// Whether the list below `pip:` holds the repository itself.
    pub(super) project: bool,
    /// What the interpreter's version must satisfy.
    pub(super) python: Option<String>,
    /// What only conda has, or what can't be understood.
    pub(super) left_out: Vec<String>,
    /// Variables of the environment.
    pub(super) variables: BTreeMap<String, String>,
}

/// Reads the text of an `environment.yml`.
pub(super) fn read(text: &str) -> Result<CondaFile, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|e| crate::expectation::yaml(&e))?;
    let mut found = CondaFile::default();
    for entry in file.dependencies.unwrap_or_default() {
        match entry {
            serde_json::Value::String(spec) => found.conda(&spec),
            serde_json::Value::Object(map) => {
                let lists = map.into_iter().filter(|(k, _)| k == "pip").map(|(_, v)| v);
                let lines = lists.filter_map(|v| serde_json::from_value::<Vec<String>>(v).ok()).flatten();
                lines.for_each(|line| found.pip_line(&line));
            }
            other => found.left_out.push(other.to_string()),
        }
    }
    let plain = |v: serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    found.variables = file.variables.unwrap_or_default().into_iter().map(|(k, v)| (k, plain(v))).collect();
    Ok(found)
}

impl CondaFile {
    fn conda(&mut self, spec: &str) {
        match from_conda(spec) {
            Some(FromConda::Package(package)) => self.packages.push(package),
            Some(FromConda::Python(version)) => self.python = Some(version).filter(|v| !v.is_empty()),
            Some(FromConda::CondaOnly(name)) if matches!(name.as_str(), "pip" | "setuptools" | "wheel") => {}
            Some(FromConda::CondaOnly(name)) => self.left_out.push(name),
            None => self.left_out.push(spec.to_owned()),
        }
    }

    fn pip_line(&mut self, line: &str) {
        let line = line.trim();
        let bare = line.trim_start_matches("--editable").trim_start_matches("-e").trim();
        if matches!(bare, "." | "./") {
            self.project = true;
        } else if !line.is_empty() {
            self.pip.push(line.to_owned());
        }
    }
}

/// Whether a version such as 3.11 satisfies what pip would read in `spec`. Only the first two numbers count.
pub(super) fn satisfies(version: (u32, u32), spec: &str) -> bool {
    spec.split(',').all(|clause| {
        let clause = clause.trim();
        let end = clause.find(|c: char| !"<>=!~".contains(c)).unwrap_or(clause.len());
        let (op, number) = clause.split_at(end);
        let mut numbers = number.split('.').map(|n| n.parse::<u32>().ok());
        let (Some(Some(major)), minor) = (numbers.next(), numbers.next().flatten()) else { return true };
        let patch = numbers.next().flatten();
        let wanted = (major, minor.unwrap_or(0));
        match op {
            ">=" => version >= wanted,
            ">" => version > wanted || (patch.is_some() && version == wanted),
            "<=" => version <= wanted,
            "<" => version < wanted || (patch.is_some_and(|p| p > 0) && version == wanted),
            "~=" => version.0 == major && version.1 >= wanted.1 && (patch.is_none() || version == wanted),
            "!=" => version != wanted || patch.is_some(),
            _ => version.0 == major && minor.is_none_or(|m| m == version.1),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_file_is_understood() {
        let text = "name: taxcrunch-env\nchannels:\n- PSLmodels\n- conda-forge\ndependencies:\n- python>=3.9\n\
                    - taxcalc>=3.0.0\n- paramtools>=0.10.1\n- libblas\n- pip\n- pip:\n  - cs-kit\n  - \"-e .\"\nvariables:\n  A: 1\n";
        let found = read(text).unwrap();
        assert_eq!(found.packages, ["taxcalc>=3.0.0", "paramtools>=0.10.1"]);
        assert_eq!(found.pip, ["cs-kit"]);
        assert!(found.project);
        assert_eq!(found.python.as_deref(), Some(">=3.9"));
        assert_eq!(found.left_out, ["libblas"]);
        assert_eq!(found.variables, BTreeMap::from([("A".into(), "1".into())]));
        assert_eq!(read("name: x\n").unwrap(), CondaFile::default());
        assert!(read("dependencies: {").is_err());
    }

    #[test]
    fn interpreter_versions_are_compared() {
        for (spec, wanted) in [
            (">=3.9", true),
            (">=3.12", false),
            ("==3.11.*", true),
            ("==3.1.*", false),
            (">=3.8,<3.11", false),
            (">=3.8,<4", true),
            ("<3.11.4", true),
            ("~=3.10", true),
            ("!=3.11.*", false),
            ("==3", true),
        ] {
            assert_eq!(satisfies((3, 11), spec), wanted, "{spec}");
        }
    }
}
