//! What the help of `csw` itself tells beyond commands and flags.

use clap::Args;

use super::complete::command_words;

/// Show the help of a command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw help
  csw help jobs
  csw help jobs run")]
pub(super) struct HelpArgs {
    /// The command; none for csw itself
    #[arg(value_name = "COMMAND", add = command_words())]
    pub(super) command: Vec<String>,
}

/// Order of the parts of csw's own help. `{subcommands}` are those that are not hidden: what csw starts itself follows
/// in a section of its own, in words that are short enough for every terminal.
pub(super) const TEMPLATE: &str = "\
{before-help}{about-with-newline}
{usage-heading} {usage}

\u{1b}[1m\u{1b}[4mCommands:\u{1b}[0m
{subcommands}

\u{1b}[1m\u{1b}[4mStarted by csw itself, in containers and as processes:\u{1b}[0m
  \u{1b}[1mscheduler\u{1b}[0m          Accept jobs and run them
  \u{1b}[1moutputs-processor\u{1b}[0m  Store results and hand them on
  \u{1b}[1mapi-task\u{1b}[0m           Answer for one model's inputs
  \u{1b}[1mjob\u{1b}[0m                Run one task of a model
  \u{1b}[1misolate\u{1b}[0m            Run a program with few rights

\u{1b}[1m\u{1b}[4mGlobal options:\u{1b}[0m
{options}{after-help}";

/// What `csw -h` tells after the commands.
pub(super) const EXAMPLES: &str = "\
Examples:
  csw jobs run -n Examples/Solow     # a simulation, here and now
  csw models lint                    # every mistake in the configuration
  csw up                             # a stack to submit jobs to
  csw cluster info                   # settings, and who set them

--help tells more than -h: what the exit codes mean.";

/// What `csw --help` tells beyond `csw -h`; the README has the same table.
pub(super) const LONG: &str = "\
Examples:
  csw jobs run -n Examples/Solow     # a simulation, here and now
  csw models lint                    # every mistake in the configuration
  csw up                             # a stack to submit jobs to
  csw cluster info                   # settings, and who set them

Exit codes:
    0  everything that was asked for is done
    1  user or configuration error: a file, a name or a value is wrong
    2  usage error: the command line could not be understood
    3  changes are pending (only with --exit-code)
    4  a remote side refused or could not be reached
    5  a wait timed out, or a job failed
   70  internal error: a bug in csw
  130  interrupted before it was done, as by Ctrl-C

Data goes to stdout, everything else to stderr. Colour is left out where that is no terminal (CLICOLOR_FORCE=1 has it there
too) or NO_COLOR is set.
Questions are asked on a terminal only.";
