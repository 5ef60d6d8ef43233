//! What csw keeps is its user's alone: folders 0700 and files 0600, whatever the umask says. What a user asks for with a
//! name of his own follows the umask.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::Mode;

use crate::error::{Diagnose, Exit};

/// Bits of a mode by which others get at something.
const OTHERS: u32 = 0o077;

/// The umask that this program was started with, once it has another.
static USERS_UMASK: OnceLock<u32> = OnceLock::new();

/// Why a folder can't be kept private.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    /// The operating system refused access.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Whose it is could read and change all that is kept there.
    #[error("{path} belongs to user {owner}, not to user {us} who runs this")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who runs csw.
        us: u32,
    },
    /// It is a place for everybody.
    #[error("everybody can write in {path}")]
    Open {
        /// The folder.
        path: PathBuf,
    },
}

impl Diagnose for NotPrivate {
    fn exit(&self) -> Exit {
        Exit::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } => Vec::new(),
            Self::Foreign { path, us, .. } => vec![
                "Choose a folder of your own: --data DIR, or data_dir and cache_dir in csw.yaml".to_owned(),
                format!("Or make it yours: `sudo chown -R {us} {}`", path.display()),
            ],
            Self::Open { path } => {
                vec![format!("Choose a folder of your own, or one in it: {}", path.join("csw").display())]
            }
        }
    }
}

/// From now on this program, and what it starts, makes files and folders that are its user's alone.
pub fn make_all_private() {
    let before = rustix::process::umask(Mode::from_raw_mode(OTHERS));
    // Asked for once more it is ours.
    USERS_UMASK.get_or_init(|| before.as_raw_mode());
}

/// Gives what a user asked for the mode that it would have had without [`make_all_private`].
///
/// # Errors
/// When the operating system refuses.
pub fn follow_umask(path: &Path, mode: u32) -> io::Result<()> {
    match USERS_UMASK.get() {
        Some(umask) => fs::set_permissions(path, Permissions::from_mode(mode & !umask)),
        None => Ok(()),
    }
}

/// Makes a folder that a user asked for, with all that lead to it, as without [`make_all_private`].
///
/// # Errors
/// When the operating system refuses.
pub fn create_users_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    missing
        .into_iter()
        .filter(|folder| !folder.as_os_str().is_empty())
        .try_for_each(|f| follow_umask(f, 0o777))
}

/// Makes a folder that is this user's alone, where there is none; else makes it so. Returns whether it was open before.
///
/// # Errors
/// When it belongs to another user, who could read and change what is in it; the superuser's is taken where not everybody
/// can write in it, for that is how clusters mount volumes.
pub fn folder(path: &Path) -> Result<bool, NotPrivate> {
    let failed = |source| NotPrivate::Io { path: path.display().to_string(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let (about, us) = (fs::metadata(path).map_err(failed)?, rustix::process::geteuid().as_raw());
    match about.uid() {
        owner if owner == us => {}
        0 if about.mode() & 0o002 == 0 => return Ok(false),
        0 => return Err(NotPrivate::Open { path: path.to_owned() }),
        owner => return Err(NotPrivate::Foreign { path: path.to_owned(), owner, us }),
    }
    // A place like /tmp, which this user happens to own.
    if about.mode() & 0o1002 == 0o1002 {
        return Err(NotPrivate::Open { path: path.to_owned() });
    }
    close(path, &about).map_err(failed)
}

/// [`folder`], and everything in it. Returns what was open before: how many files and folders.
///
/// # Errors
/// As [`folder`].
pub fn tree(path: &Path) -> Result<usize, NotPrivate> {
    let mut repaired = usize::from(folder(path)?);
    let us = rustix::process::geteuid().as_raw();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |source| NotPrivate::Io { path: folder.display().to_string(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // What goes away meanwhile is nobody's business, and a link is as open as what it leads to.
            let about = match entry.metadata() {
                Ok(about) if !about.is_symlink() && about.uid() == us => about,
                Ok(_) => continue,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(failed(e)),
            };
            match close(&entry.path(), &about) {
                Ok(closed) => repaired += usize::from(closed),
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(failed(e)),
            }
            if about.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(repaired)
}

fn close(path: &Path, about: &Metadata) -> io::Result<bool> {
    if about.mode() & OTHERS == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(about.mode() & 0o7700))?;
    Ok(true)
}

/// Opens a file of this user's alone for writing, made or emptied.
///
/// # Errors
/// When the operating system refuses.
pub fn create(path: &Path) -> io::Result<fs::File> {
    let file = options().write(true).create(true).truncate(true).open(path)?;
    closed(file)
}

/// Writes a file of this user's alone, whole or not at all.
///
/// # Errors
/// When the operating system refuses.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    io::Write::write_all(&mut create(&part)?, content)?;
    fs::rename(&part, path)
}

/// How files of this user's alone are opened; [`closed`] looks after those that were there before.
pub fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file, with nothing in its mode for others.
///
/// # Errors
/// When the operating system refuses.
pub fn closed(file: fs::File) -> io::Result<fs::File> {
    let about = file.metadata()?;
    // Not ours to change where a volume is the superuser's.
    if about.mode() & OTHERS != 0 && about.uid() == rustix::process::geteuid().as_raw() {
        file.set_permissions(Permissions::from_mode(about.mode() & 0o7700))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn all_of_a_tree_is_closed_and_links_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("data/deep")).unwrap();
        for (name, bits) in
            [("outside", 0o644), ("data/file", 0o644), ("data/deep/run.sh", 0o755), ("data/own", 0o600)]
        {
            fs::write(at(name), "x").unwrap();
            fs::set_permissions(at(name), Permissions::from_mode(bits)).unwrap();
        }
        for name in ["data", "data/deep"] {
            fs::set_permissions(at(name), Permissions::from_mode(0o775)).unwrap();
        }
        std::os::unix::fs::symlink("../outside", at("data/link")).unwrap();
        assert_eq!(tree(&at("data")).unwrap(), 4);
        for (name, bits) in [
            ("data", 0o700),
            ("data/deep", 0o700),
            ("data/file", 0o600),
            ("data/deep/run.sh", 0o700),
            ("data/own", 0o600),
            ("outside", 0o644),
        ] {
            assert_eq!(mode(&at(name)), bits, "{name}");
        }
        assert_eq!(tree(&at("data")).unwrap(), 0);
        assert_eq!(tree(&at("new/data")).unwrap(), 0);
        assert_eq!(mode(&at("new/data")), 0o700);
    }

    #[test]
    fn a_place_for_everybody_is_no_place_to_keep_things() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o1777)).unwrap();
        let refused = folder(root.path()).unwrap_err();
        assert!(matches!(refused, NotPrivate::Open { .. }), "{refused}");
        assert!(refused.hints()[0].contains("/csw"));
        assert_eq!(mode(root.path()), 0o1777);
    }

    #[test]
    fn a_file_is_written_for_its_owner() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), 0o600));
    }
}
