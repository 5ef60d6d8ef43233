//! Python packages, each set in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::missing;

/// An interpreter in an environment that each of the calls of `pip install` has been made in; made once in the build
/// folder, under `name`, which says what is in it. `None`: it can't be had here.
pub fn environment(name: &str, installs: &[&[&str]]) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = folder.join("bin/python");
    // Behind the whole name, which may hold dots.
    let lock = fs::File::create(folder.with_file_name(format!("{name}.lock"))).unwrap();
    // Tests run side by side, and so may several test runs.
    lock.lock().unwrap();
    let done = folder.join("done");
    if done.exists() {
        return Some(python);
    }
    drop(fs::remove_dir_all(&folder));
    let run = |program: &Path, args: &[&str]| {
        let output = Command::new(program).args(args).output();
        output.map_err(|e| e.to_string()).and_then(|o| {
            if o.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&o.stderr).into_owned()) }
        })
    };
    let quiet =
        ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"];
    let made = run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]).and_then(|()| {
        installs.iter().try_for_each(|packages| run(&python, &[&quiet[..], packages].concat()))
    });
    match made {
        Ok(()) => {
            fs::write(done, "").unwrap();
            Some(python)
        }
        Err(why) => {
            missing("pypi", why.trim().lines().last().unwrap_or_default());
            None
        }
    }
}

/// A folder with uv in it and nothing else; `None`: it can't be had here.
pub fn uv_folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let python = environment("uv-0.13.9", &[&["uv==0.13.9"]])?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uv-0.13.9-alone");
        fs::create_dir_all(&folder).unwrap();
        match std::os::unix::fs::symlink(python.with_file_name("uv"), folder.join("uv")) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => panic!("{e}"),
            _ => Some(folder),
        }
    };
    FOLDER.get_or_init(make).as_deref()
}
