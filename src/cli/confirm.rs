use crate::error::Failure;
use crate::ui::prompt;

/// Asks whether `what` ("3 jobs", "the secret X") shall be deleted, unless `yes` was said. Without anybody to ask it is an
/// error.
///
/// # Errors
/// When nobody agreed, or could be asked.
pub(super) fn deletion(what: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !prompt::possible() {
        return Err(Failure::usage(format!("deleting {what} needs a yes"))
            .hint("Say --yes, or see what would go with --dry-run")
            .into());
    }
    on_terminal(&format!("Delete {what}?"), "deleted")
}

/// Asks where there is somebody to ask, for what is plainly said already.
///
/// # Errors
/// When the answer is no.
pub(super) fn where_possible(question: &str, done: &str, yes: bool) -> anyhow::Result<()> {
    if yes || !prompt::possible() { Ok(()) } else { on_terminal(question, done) }
}

fn on_terminal(question: &str, done: &str) -> anyhow::Result<()> {
    match prompt::confirm(question)? {
        true => Ok(()),
        false => Err(Failure::config(format!("nothing was {done}: you said no")).into()),
    }
}

/// "1 job", "3 jobs".
pub(super) fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}
