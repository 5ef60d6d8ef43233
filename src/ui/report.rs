use super::Printer;
use super::logs::masked;
use crate::error;

/// Tells a person what went wrong and what to try next; returns how the program ends. A reader of stdout that
/// went away is not worth a word.
pub fn report(printer: Printer, error: &anyhow::Error) -> error::Exit {
    if error::is_broken_pipe(error) {
        return error::Exit::Ok;
    }
    let (exit, hints) = error::classify(error);
    if let Some(report) = error::full_report(error, printer.report_style()) {
        printer.warn(masked(&report));
        return exit;
    }
    let (red, cyan, plain) =
        if printer.color() { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
    let mut chain: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        // Many errors repeat their cause in their own text.
        if !chain.last().is_some_and(|outer| outer.contains(&cause)) {
            chain.push(cause);
        }
    }
    printer.warn(masked(&format!("{red}error{plain}: {}", chain.join(": "))));
    for hint in hints {
        printer.warn(format!("  {cyan}hint{plain}: {hint}"));
    }
    exit
}
