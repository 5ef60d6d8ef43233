//! uv: the user's own, or one that is put into the cache.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::folders::{lock, remove};
use super::interpreter::Interpreter;
use super::pip_settings;
use super::tool::{Tools, clean, pip_install};
use crate::executor::ExecutorError;
use crate::isolation::for_tools;

/// The release that is put into the cache where there is none on PATH.
const VERSION: &str = "0.13.9";
/// The oldest release that is used: it writes and reads `pylock.toml`.
const OLDEST: (u32, u32) = (0, 8);
/// What PyPI has of that release: Linux with glibc and musl, macOS; each on x86-64 and 64-bit ARM.
const WHEELS: [&str; 6] = [
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
];

/// A uv that can be used, and what the user's configuration of pip is in its words.
#[derive(Debug, Clone)]
pub(super) struct Uv {
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Uv {
    /// The uv on PATH, the one in the cache, or else the pinned release from PyPI, which is put there. The error of
    /// the inside says why there is none.
    ///
    /// # Errors
    /// When the cache can't be written.
    pub(super) async fn find(
        cache: &Path,
        base: &Interpreter,
        tools: &Tools<'_>,
    ) -> Result<Result<Self, String>, ExecutorError> {
        let program = match on_path().await {
            Some(program) => program,
            None => match fetch(cache, base, tools).await? {
                Ok(program) => program,
                Err(why) => return Ok(Err(why)),
            },
        };
        Ok(Ok(Self { program, settings: pip_settings::for_uv(base).await }))
    }

    /// A call of it that neither asks nor paints, and obeys no file of the folder it works in.
    pub(super) fn command<const N: usize>(&self, args: [&str; N], folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(folder);
        command.args(["--no-progress", "--color", "never", "--no-python-downloads"]);
        let mut command = clean(command);
        command.env("UV_PREVIEW_FEATURES", "pylock");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The first uv on PATH, if it is new enough.
async fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let program = std::env::split_paths(&path).map(|folder| folder.join("uv")).find(|p| p.is_file())?;
    let mut ask = std::process::Command::new(&program);
    ask.arg("--version");
    for_tools(&mut ask);
    let output = Command::from(ask).stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success() && is_new_enough(&text)).then_some(program)
}

/// Whether `uv 0.13.9 (…)` is.
fn is_new_enough(text: &str) -> bool {
    let mut numbers = text.split_whitespace().nth(1).unwrap_or_default().split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST)
}

/// Installs it with pip, which obeys the user's indexes and certificates, into an environment of its own.
async fn fetch(
    cache: &Path,
    base: &Interpreter,
    tools: &Tools<'_>,
) -> Result<Result<PathBuf, String>, ExecutorError> {
    let folder = cache.join("tools").join(format!("uv-{VERSION}"));
    let (program, done) = (folder.join("bin/uv"), folder.join("csw-done"));
    if done.is_file() {
        return Ok(Ok(program));
    }
    let lock = lock(&folder, || tools.progress().detail("waiting for another csw that installs uv")).await?;
    if done.is_file() {
        return Ok(Ok(program));
    }
    remove(&folder)?;
    tools.progress().step(&format!("Installing uv {VERSION}, which installs packages"));
    // A Python of a distribution may come without pip.
    let with_pip = match pip_settings::has_pip(base).await {
        true => base.path.clone(),
        false => {
            let mut venv = Command::new(&base.path);
            venv.args(["-I", "-m", "venv"]).arg(&folder);
            tools.run("make a virtual environment", &lock, clean(venv)).await?;
            folder.join("bin/python")
        }
    };
    std::fs::create_dir_all(&folder).map_err(|e| ExecutorError::io(&folder, e))?;
    let list = folder.join("uv.txt");
    let hashes: String = WHEELS.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
    std::fs::write(&list, format!("uv=={VERSION}{hashes}\n")).map_err(|e| ExecutorError::io(&list, e))?;
    let mut pip = pip_install(&with_pip);
    pip.args([
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--retries",
        "1",
        "--timeout",
        "20",
    ]);
    pip.arg("--target").arg(&folder).arg("--requirement").arg(&list);
    match tools.run("install uv", &lock, clean(pip)).await {
        Ok(()) => {
            std::fs::write(&done, "").map_err(|e| ExecutorError::io(&done, e))?;
            Ok(Ok(program))
        }
        Err(e @ ExecutorError::Step { .. }) => {
            remove(&folder)?;
            Ok(Err(e.story()))
        }
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_uv_is_not_used() {
        for (text, is) in [
            ("uv 0.13.9 (x86_64-unknown-linux-gnu)", true),
            ("uv 0.8.0", true),
            ("uv 1.0.0", true),
            ("uv 0.7.22 (abc 2025-01-01)", false),
            ("", false),
            ("not uv at all", false),
        ] {
            assert_eq!(is_new_enough(text), is, "{text}");
        }
    }
}
