use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::image::ImageTemplates;
use crate::render::Templates;

/// Write csw's templates to a folder, to change some
///
/// Those in the folder `templates` beside csw.yaml are used instead of csw's own, file by file: delete what you don't
/// change, so that it follows new versions of csw.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc templates export
  csw svc templates export /tmp/templates
  csw svc templates export --force     # over files that are there")]
pub(super) struct ExportArgs {
    /// Folder to write to [default: templates, beside csw.yaml]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Write over files that are there
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
    for (path, text) in &files {
        write(path, text, force)
            .map_err(|e| Failure::config(format!("cannot write {}: {e}", path.display())))?;
    }
    context.printer().note(format!("{} files in {}", files.len(), dir.display()));
    Ok(Exit::Ok)
}

/// What templates can use.
const README: &str = include_str!("../../../../templates/README.md");

fn write(path: &std::path::Path, text: &str, force: bool) -> std::io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Templates are no secret: readable as files usually are.
    #[cfg(unix)]
    fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    if force {
        file.persist(path).map_err(|e| e.error)?
    } else {
        file.persist_noclobber(path).map_err(|e| e.error)?
    };
    Ok(())
}
