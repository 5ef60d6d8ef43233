use std::ffi::OsStr;
use std::path::Path;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use crate::settings::{Overrides, Settings};

/// Completes `OWNER/TITLE` from the models' files.
pub(in crate::cli) fn model_names() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(typed), Ok(cwd)) = (typed.to_str(), std::env::current_dir()) else { return Vec::new() };
    let Ok(settings) = Settings::resolve(Overrides::default(), &cwd) else { return Vec::new() };
    candidates(typed, &settings.config_dir.value).into_iter().map(CompletionCandidate::new).collect()
}

/// The names that begin with `typed`; clap takes `-n A/B,C/D` apart at the commas before.
fn candidates(typed: &str, config_dir: &Path) -> Vec<String> {
    let typed = typed.to_lowercase();
    names(config_dir).into_iter().filter(|name| name.to_lowercase().starts_with(&typed)).collect()
}

/// `OWNER/TITLE` of every `OWNER/TITLE.yaml`, by the files' names alone: nobody wants to wait for the checks at TAB.
fn names(config_dir: &Path) -> Vec<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries(config_dir)
        .flat_map(|owner| {
            let name = owner.file_name();
            entries(&owner.path()).filter_map(move |file| {
                let file = file.file_name();
                let title =
                    file.to_str()?.strip_suffix(".yaml").or_else(|| file.to_str()?.strip_suffix(".yml"))?;
                Some(format!("{}/{title}", name.to_str()?))
            })
        })
        .filter(|name| name.parse::<crate::model::ModelName>().is_ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_files() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["A/One.yaml", "A/Two.yaml", "B/One.yml", "schema/x.json", "list.yaml"] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let of = |typed| candidates(typed, folder.path());
        assert_eq!(of(""), ["A/One", "A/Two", "B/One"]);
        assert_eq!(of("a/t"), ["A/Two"]);
        assert_eq!(of("C"), [""; 0]);
    }
}
