use std::ffi::OsString;

use anyhow::Context as _;
use clap::{Arg, Args, Command, CommandFactory as _, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use super::{Cli, Context, complete};
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
    let script = script.trim().to_owned() + "\n";
    Ok(if shell == Shell::Zsh { zsh(&script) } else { script })
}

/// What zsh's script lacks: loaded from `fpath` it has to answer the Tab that it is loaded at, and a value is to follow a
/// `=` at once.
fn zsh(script: &str) -> String {
    const REGISTERED: &str = "compdef _clap_dynamic_completer_csw csw\n";
    const ON_LOAD: &str = "if [[ $funcstack[1] == _csw ]]; then
    _clap_dynamic_completer_csw \"$@\"
else
    compdef _clap_dynamic_completer_csw csw
fi
";
    script
        .replace(REGISTERED, ON_LOAD)
        .replace("        local -a other=()\n", "        local -a other=() open=()\n")
        .replace("            else\n                other+=", "            elif [[ \"$value\" == *= ]]; then\n                open+=(\"$completion\")\n            else\n                other+=")
        .replace("        [[ -n $other ]]", "        [[ -n $open ]] && _describe -V 'values' open -S ''\n        [[ -n $other ]]")
}

/// The command line as shells complete it: options are offered to who begins one, or where there is nothing else.
fn command() -> Command {
    let word = complete::typed();
    let command = Cli::command();
    if word.is_some_and(|word| word.starts_with('-')) { command } else { without_options(command) }
}

fn without_options(mut command: Command) -> Command {
    fn hide(command: Command) -> Command {
        let hidden = |arg: Arg| {
            let option = !arg.is_positional();
            arg.hide(option)
        };
        command.mut_args(hidden).mut_subcommands(hide)
    }
    command.build();
    hide(command)
}

/// Answers a shell that asks for completions; `false` if none did, which costs one look into the environment.
pub(super) fn answer(args: &[OsString]) -> Result<bool, clap::Error> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    let args = args.to_vec();
    let answered = complete::unattended(move || {
        let folder = std::env::current_dir().ok();
        CompleteEnv::with_factory(command)
            .var(VARIABLE)
            .completer("csw")
            .try_complete(args, folder.as_deref())
    });
    answered.unwrap_or(Ok(true))
}
