//! Tells the program which commit it was built from, puts the examples into it, and links it so that it starts fast.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|s| !s.is_empty())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let version = env!("CARGO_PKG_VERSION");
    let long = commit.map_or_else(|| version.to_owned(), |c| format!("{version} ({c})"));
    println!("cargo:rustc-env=CSW_VERSION={long}");
    println!("cargo:rerun-if-changed=build.rs");
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    examples();
    // Most of a short command's time is the dynamic loader relocating the program. At a fixed address the linker
    // has done nearly all of that already.
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    // A static program is told by `make dist` to be so; with this flag on top it would look for a loader and crash.
    let dynamic = !target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("OS") == "linux" && target("ENV") == "gnu" && dynamic {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}

/// Writes a table of the example models' files for `src/config/examples.rs`.
fn examples() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for folder in ["config/Examples", "examples"] {
        list(&root.join(folder), &mut files);
    }
    files.sort();
    let mut table = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for path in files {
        // File by file: running an example leaves bytecode in its folders.
        println!("cargo:rerun-if-changed={}", path.display());
        let name = path.strip_prefix(&root).unwrap_or(&path);
        let _ = writeln!(
            table,
            "    ({:?}, include_bytes!({:?})),",
            name.display().to_string(),
            path.display().to_string()
        );
    }
    table.push_str("];\n");
    let out = Path::new(&std::env::var_os("OUT_DIR").unwrap_or_default()).join("examples.rs");
    if std::fs::read(&out).is_ok_and(|old| old == table.as_bytes()) {
        return;
    }
    if let Err(error) = std::fs::write(&out, table) {
        println!("cargo:error=cannot write {}: {error}", out.display());
    }
}

/// Every file below `folder`, but for what running the examples leaves behind.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return println!("cargo:error=cannot read {}: {error}", folder.display()),
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "__pycache__"
            || name == ".pytest_cache"
            || name.ends_with(".pyc")
            || name.ends_with(".egg-info")
        {
            continue;
        }
        match path.is_dir() {
            true => list(&path, files),
            false => files.push(path),
        }
    }
}
