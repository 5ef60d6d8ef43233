use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use super::{Cli, Context};
use crate::error::{Exit, Failure};

/// The variable by which a shell asks for completions.
const VARIABLE: &str = "CSW_COMPLETE";

/// Print the script that makes a shell complete csw commands, model names and job ids
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw completions bash > ~/.local/share/bash-completion/completions/csw
  csw completions zsh > ~/.zfunc/_csw            # with ~/.zfunc in fpath
  csw completions fish > ~/.config/fish/completions/csw.fish
  csw completions powershell >> $PROFILE

The script asks the csw on PATH at every TAB, so it completes what that one knows.")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Shells with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Elvish.
    Elvish,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Zsh.
    Zsh,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Elvish => "elvish",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Zsh => "zsh",
        }
    }
}

pub(super) fn run(context: &Context, args: CompletionsArgs) -> anyhow::Result<Exit> {
    let CompletionsArgs { shell } = args;
    context.printer().data(script(shell)?)?;
    Ok(Exit::Ok)
}

/// The script of a shell, as shipped in `completions/`.
///
/// # Errors
/// When the completion library has none for it.
pub fn script(shell: Shell) -> anyhow::Result<String> {
    let name = shell.name();
    let completer = Shells::builtins();
    let completer =
        completer.completer(name).ok_or_else(|| Failure::config(format!("no completions for {name}")))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "csw", "csw", "csw", &mut script)?;
    let script = String::from_utf8(script).context("the completion script is not text")?;
    // Some templates end without a line break or with blank lines.
    Ok(script.trim().to_owned() + "\n")
}

/// Answers a shell that asks for completions; `false` if none did, which costs one look into the environment.
pub(super) fn answer(args: &[OsString]) -> Result<bool, clap::Error> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(Cli::command)
        .var(VARIABLE)
        .completer("csw")
        .try_complete(args.iter().cloned(), folder.as_deref().map(Path::new))
}
