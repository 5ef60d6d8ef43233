//! Questions to a person. Only on a terminal; who calls says what happens without one.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};

use dialoguer::Password;
use dialoguer::console::{Key, Term};
use secrecy::SecretString;

/// Set where a question would be wrong even on a terminal.
static FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// From here on nobody is asked anything, whatever stdin and stderr are.
pub fn forbid() {
    FORBIDDEN.store(true, Ordering::Relaxed);
}

/// Whether there is someone to ask: stdin and stderr are a terminal.
pub fn possible() -> bool {
    !FORBIDDEN.load(Ordering::Relaxed) && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for text that is not shown.
///
/// # Errors
/// When the terminal can't be read.
pub fn hidden(question: &str) -> io::Result<SecretString> {
    ask(Password::new().with_prompt(question).report(false))
}

/// Asks twice for text that is not shown, until both are the same.
///
/// # Errors
/// When the terminal can't be read.
pub fn hidden_twice(question: &str) -> io::Result<SecretString> {
    let again = format!("{question}, again");
    ask(Password::new()
        .with_prompt(question)
        .with_confirmation(again, "They differ: once more")
        .report(false))
}

fn ask(password: Password<'_>) -> io::Result<SecretString> {
    password.interact().map(SecretString::from).map_err(plain)
}

/// Asks a question that takes yes or no; no answer is no.
///
/// # Errors
/// When the terminal can't be read; Ctrl-C is [`io::ErrorKind::Interrupted`].
pub fn confirm(question: &str) -> io::Result<bool> {
    let terminal = Term::stderr();
    terminal.write_str(&format!("{question} [y/N] "))?;
    let answer = loop {
        // As it is: elsewhere Ctrl-C would end the program with a terminal that is not as it was.
        match terminal.read_key_raw()? {
            Key::Char('y' | 'Y') => break Ok(true),
            Key::Char('n' | 'N') | Key::Enter | Key::Escape => break Ok(false),
            Key::CtrlC | Key::Char('\u{3}') => {
                break Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
            }
            Key::Char('\u{4}') => break Ok(false),
            _ => {}
        }
    };
    let word = match &answer {
        Ok(true) => "yes",
        Ok(false) => "no",
        Err(_) => "",
    };
    terminal.write_line(word)?;
    answer
}

fn plain(error: dialoguer::Error) -> io::Error {
    let dialoguer::Error::IO(error) = error;
    error
}
