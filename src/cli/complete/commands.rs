use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::words::words;

/// Completes the words after `csw help`: the commands below those that are there.
pub(in crate::cli) fn command_words() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let mut csw = crate::cli::command();
    csw.build();
    let mut command = &csw;
    for word in words().iter().skip_while(|word| *word != "help").skip(1).filter(|w| !w.starts_with('-')) {
        let Some(next) = command.find_subcommand(word) else { return Vec::new() };
        command = next;
    }
    let offered = command.get_subcommands().filter(|c| c.get_name().starts_with(typed));
    offered
        .map(|c| CompletionCandidate::new(c.get_name()).help(c.get_about().cloned()).hide(c.is_hide_set()))
        .collect()
}
