use std::io;
use std::path::{Path, PathBuf};

/// The folder that is a model's own while it runs: its home, its temporary files. Nobody else's, and gone afterwards.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    _own: Option<tempfile::TempDir>,
}

impl Scratch {
    /// The name of a link to it, by which it is found when whoever made it was killed.
    pub const LINK: &str = "scratch";

    /// A new one, which goes when this is dropped. Its path is short: sockets in it have to fit 108 bytes.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new() -> io::Result<Self> {
        let own = tempfile::Builder::new().prefix("csw-").tempdir()?;
        let folder = own.path().canonicalize()?;
        Self::furnish(&folder)?;
        Ok(Self { folder, _own: Some(own) })
    }

    /// One that somebody else made with [`new`](Self::new), and drops.
    ///
    /// # Errors
    /// When its folders can't be made.
    pub fn at(folder: &Path) -> io::Result<Self> {
        Self::furnish(folder)?;
        Ok(Self { folder: folder.to_owned(), _own: None })
    }

    fn furnish(folder: &Path) -> io::Result<()> {
        for name in ["home/.cache", "tmp"] {
            std::fs::create_dir_all(folder.join(name))?;
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The variables that lead programs into it.
    pub fn variables(&self) -> [(&'static str, PathBuf); 5] {
        let home = self.folder.join("home");
        let cache = home.join(".cache");
        [
            ("TMPDIR", self.folder.join("tmp")),
            ("MPLCONFIGDIR", cache.join("matplotlib")),
            ("NUMBA_CACHE_DIR", cache.join("numba")),
            ("XDG_CACHE_HOME", cache),
            ("HOME", home),
        ]
    }
}
