use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::folder;
use crate::image::ImageTemplates;
use crate::render::Templates;

/// Write csw's templates to a folder, to change some
///
/// Those in the folder `templates` beside csw.yaml are used instead of csw's own, file by file: delete what you don't
/// change, so that it follows new versions of csw.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc templates export
  csw svc templates export my-templates
  csw svc templates export --force     # over files that are there")]
pub(super) struct ExportArgs {
    /// Folder to write to [default: templates, beside csw.yaml]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Write over files that are there, and beside others
    #[arg(long)]
    force: bool,
}

pub(super) fn run(context: &Context, args: ExportArgs) -> anyhow::Result<Exit> {
    let ExportArgs { dir, force } = args;
    let dir = match dir {
        Some(dir) => dir,
        None => context.settings(|_| {})?.root.join("templates"),
    };
    let files: Vec<(PathBuf, &str)> = Templates::embedded()
        .chain(ImageTemplates::embedded())
        .map(|(file, text)| (dir.join(file), text))
        .chain([(dir.join("README.md"), README)])
        .collect();
    // All or nothing: half of the templates, old beside new, would be hard to tell apart.
    let there: Vec<String> =
        files.iter().filter(|(path, _)| path.exists()).map(|(path, _)| path.display().to_string()).collect();
    if !force && !there.is_empty() {
        let message = format!("{} of the files are there already: {}", there.len(), there.join(", "));
        return Err(Failure::config(message)
            .hint("write over them with --force, or name another folder")
            .into());
    }
    if !force {
        let ours: BTreeSet<&OsStr> =
            files.iter().filter_map(|(path, _)| path.strip_prefix(&dir).ok()?.iter().next()).collect();
        folder::check_entries(&dir, |name| ours.contains(OsStr::new(name)))?;
    }
    // None has its name before all are written.
    let mut written = Vec::with_capacity(files.len());
    for (path, text) in &files {
        let file = write(path, text).map_err(|e| cannot(path, e))?;
        written.push((path, file));
    }
    for (path, file) in written {
        let named = if force { file.persist(path) } else { file.persist_noclobber(path) };
        named.map_err(|e| cannot(path, e.error))?;
    }
    context.printer().note(format!("{} files in {}", files.len(), dir.display()));
    Ok(Exit::Ok)
}

/// What templates can use.
const README: &str = include_str!("../../../../templates/README.md");

fn cannot(path: &Path, error: std::io::Error) -> Failure {
    Failure::config(format!("cannot write {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Templates are no secret: readable as files usually are.
    #[cfg(unix)]
    fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    Ok(file)
}
