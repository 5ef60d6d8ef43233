use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::file_name::file_names;
use super::{Category, MediaType, Outputs, OutputsError};
use crate::private;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtractedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The output's title.
    pub title: String,
    /// What it is.
    pub media_type: MediaType,
    /// Which list it was in.
    pub category: Category,
    /// Its size in bytes.
    pub size: u64,
}

/// Writes every output to its own file, `dir/renderable/…` and `dir/downloadable/…`, named by its title; makes the
/// folders. Whatever the titles are, nothing outside of those two folders is touched and no output hides another.
/// A file that is there already is replaced (a link by a file), each at once; other files stay.
///
/// # Errors
/// When a folder or a file can't be written; a folder is never replaced by a file.
pub fn extract(outputs: &Outputs, dir: &Path) -> Result<Vec<ExtractedFile>, OutputsError> {
    let mut files = Vec::new();
    for category in Category::ALL {
        let folder = dir.join(category.as_str());
        let list = outputs.of(category);
        if list.is_empty() {
            continue;
        }
        private::create_users_folder(&folder).map_err(|e| io(&folder, e))?;
        for (output, name) in list.iter().zip(file_names(list)) {
            let path = folder.join(name);
            let bytes = output.file();
            write(&folder, &path, &bytes)?;
            files.push(ExtractedFile {
                path,
                title: output.title().to_owned(),
                media_type: output.media_type(),
                category,
                size: bytes.len() as u64,
            });
        }
    }
    Ok(files)
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), OutputsError> {
    let mut file = tempfile::Builder::new()
        .prefix(".csw-")
        // As any new file: the umask decides.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|e| io(folder, e))?;
    file.write_all(bytes).map_err(|e| io(path, e))?;
    file.persist(path).map_err(|e| io(path, e.error))?;
    private::follow_umask(path, 0o666).map_err(|e| io(path, e))
}

fn io(path: &Path, source: std::io::Error) -> OutputsError {
    OutputsError::Io { path: path.display().to_string(), source }
}
