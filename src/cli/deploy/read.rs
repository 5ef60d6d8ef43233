use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::error::Failure;
use crate::plan::{Manifest, PlanError, parse_stream};

/// Objects from files, folders and stdin. All problems of all files are told at once.
pub(in crate::cli) fn read(sources: &[PathBuf]) -> anyhow::Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for source in &sources.iter().flat_map(|source| named(source)).collect::<Vec<_>>() {
        if source == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read stdin")?;
            collect(&mut manifests, &mut problems, parse_stream("stdin", &text))?;
            continue;
        }
        for file in files(source)? {
            let text = std::fs::read_to_string(&file)
                .map_err(|e| Failure::config(format!("cannot read {}: {e}", file.display())))?;
            collect(&mut manifests, &mut problems, parse_stream(&file.display().to_string(), &text))?;
        }
    }
    if problems.is_empty() { Ok(manifests) } else { Err(PlanError::Manifests { problems }.into()) }
}

fn collect(
    manifests: &mut Vec<Manifest>,
    problems: &mut Vec<String>,
    read: Result<Vec<Manifest>, PlanError>,
) -> anyhow::Result<()> {
    match read {
        Ok(more) => manifests.extend(more),
        Err(PlanError::Manifests { problems: more }) => problems.extend(more),
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

/// That there is something to `verb`, as kubectl has it.
pub(in crate::cli) fn something(
    manifests: &[Manifest],
    sources: &[PathBuf],
    verb: &str,
) -> anyhow::Result<()> {
    if !manifests.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = sources.iter().map(|s| s.display().to_string()).collect();
    Err(Failure::config(format!("no objects to {verb}: there is none in {}", names.join(", "))).into())
}

/// The files of an argument: several may stand between commas.
fn named(source: &Path) -> Vec<PathBuf> {
    match source.to_str() {
        Some(text) if text.contains(',') && !source.exists() => {
            text.split(',').filter(|part| !part.is_empty()).map(PathBuf::from).collect()
        }
        _ => vec![source.to_owned()],
    }
}

/// The file itself, or the manifests of a folder, sorted.
fn files(source: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if source.to_str().is_some_and(|s| s.starts_with("https://") || s.starts_with("http://")) {
        let message = format!("cannot read {}: nothing is fetched from other machines", source.display());
        let hint = format!("fetch it first: `curl -fsSL {} | csw cluster apply -f -`", source.display());
        return Err(Failure::config(message).hint(hint).into());
    }
    let unreadable = |e: std::io::Error| Failure::config(format!("cannot read {}: {e}", source.display()));
    if !std::fs::metadata(source).map_err(unreadable)?.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(source).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let manifest =
            path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known));
        if manifest && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        let message = format!("no manifest is in the folder {}", source.display());
        return Err(Failure::config(message).hint("their names end in .yaml, .yml or .json").into());
    }
    found.sort();
    Ok(found)
}
