//! From words to what they ask for, and what to try where they could not be understood.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use super::command::Command;

/// Takes the command line apart. The word `help` before a command, or in the middle, is `--help` at its end.
///
/// # Errors
/// Help and version, which go to stdout, and everything that clap does not understand, with what to try instead.
pub(super) fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    match parse_words(args) {
        Ok(Cli { command: Command::Help(help), .. }) => {
            let program = args.first().cloned();
            let words = program.into_iter().chain(help.command.iter().map(OsString::from));
            Err(help_of(words.collect(), args))
        }
        Ok(cli) => Ok(cli),
        Err(e) if e.kind() == ErrorKind::InvalidSubcommand && invalid(&e) == Some("help") => {
            let mut words = args.to_vec();
            if let Some(at) = words.iter().rposition(|word| word == "help") {
                words.remove(at);
            }
            Err(help_of(words, args))
        }
        Err(e) => Err(e),
    }
}

/// The help of the command that these words name, coloured as the whole command line wants it.
fn help_of(mut words: Vec<OsString>, args: &[OsString]) -> clap::Error {
    words.push("--help".into());
    match command(args).try_get_matches_from(words) {
        Err(e) => e,
        // `--help` always ends there; a word before it that swallows it as its value does not.
        Ok(_) => command(args).error(ErrorKind::InvalidSubcommand, "help of which command?"),
    }
}

fn parse_words(args: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = command(args);
    let parsed = command.try_get_matches_from_mut(args).and_then(|matches| {
        <Cli as clap::FromArgMatches>::from_arg_matches(&matches).map_err(|e| e.format(&mut command))
    });
    parsed.map_err(|mut e| {
        if let Some(tip) = tip(&e, args) {
            e.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
        }
        e
    })
}

/// clap writes help and usage errors before there is anything that knows what `--color` said.
fn command(args: &[OsString]) -> clap::Command {
    let given = args.windows(2).filter_map(|pair| match pair {
        [flag, when] if flag == "--color" => when.to_str(),
        [_, flag] => flag.to_str()?.strip_prefix("--color="),
        _ => None,
    });
    super::command().color(match given.fold(None, |_, when| Some(when)) {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    })
}

/// The word that should have been a command.
fn invalid(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => Some(word),
        _ => None,
    }
}

/// What was probably meant, where clap has no idea.
fn tip(error: &clap::Error, args: &[OsString]) -> Option<String> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return None;
    }
    let mut words = args.iter().skip(1).filter_map(|a| a.to_str()).filter(|a| !a.starts_with('-'));
    if words.next() == Some("job") {
        return match words.next() {
            None => Some("csw itself starts `csw job`; people use `csw jobs`".to_owned()),
            Some(word) if has_verb("jobs", word) => Some(format!("the jobs are in `csw jobs {word}`")),
            Some(_) => None,
        };
    }
    if let Some(word) = invalid(error) {
        let nouns: Vec<String> = super::command()
            .get_subcommands()
            .map(clap::Command::get_name)
            .filter(|noun| has_verb(noun, word))
            .map(|noun| format!("`csw {noun} {word}`"))
            .collect();
        return (!nouns.is_empty()).then(|| format!("there is {}", nouns.join(", ")));
    }
    let of_output = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option.starts_with("--output"),
        _ => false,
    };
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(path)) if of_output && path.contains(['.', '/']) => Some(
            "-o takes a format; --out takes a path where a command writes files, `> FILE` works everywhere"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whether a command of `csw` has one of that name below it.
fn has_verb(noun: &str, verb: &str) -> bool {
    let mut csw = super::command();
    csw.build();
    csw.find_subcommand(noun).is_some_and(|noun| noun.find_subcommand(verb).is_some())
}
