use std::sync::{Arc, Mutex, PoisonError};

use crate::executor::environment::PrepareProgress;

/// Bytes that are kept: what a tool says first and last is not lost.
const MOST: usize = 1 << 20;

/// What is done to make a model ready, for the log of the jobs that wait for it.
pub(super) struct PreparationLog {
    heard: Arc<dyn PrepareProgress>,
    text: Mutex<String>,
}

impl PreparationLog {
    pub(super) fn new(heard: Arc<dyn PrepareProgress>) -> Self {
        Self { heard, text: Mutex::default() }
    }

    pub(super) fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, mark: &str, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len() + line.len() > MOST {
            return;
        }
        text.push_str(mark);
        text.push_str(&without_passwords(line));
        text.push('\n');
    }
}

impl PrepareProgress for PreparationLog {
    fn step(&self, what: &str) {
        self.add("# ", what);
        self.heard.step(what);
    }

    fn detail(&self, line: &str) {
        self.add("", line);
        self.heard.detail(line);
    }

    fn note(&self, line: &str) {
        self.add("# ", line);
        self.heard.note(line);
    }
}

/// The line without user and password of the URLs in it.
fn without_passwords(line: &str) -> String {
    let mut clear = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        clear.push_str(before);
        clear.push_str("://");
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || "'\"".contains(c));
        let authority = after.get(..end.unwrap_or(after.len())).unwrap_or(after);
        rest = match authority.rfind('@').and_then(|at| after.get(at..)) {
            Some(host) => {
                clear.push_str("******");
                host
            }
            None => after,
        };
    }
    clear.push_str(rest);
    clear
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_passwords_and_nothing_else() {
        for (line, clear) in [
            ("Fetching https://h/x", "Fetching https://h/x"),
            ("at 'https://me:s3cret@h/x' a@b", "at 'https://******@h/x' a@b"),
            (
                "https://t0ken@h and git+ssh://git@h:22/x@v1",
                "https://******@h and git+ssh://******@h:22/x@v1",
            ),
            ("://", "://"),
        ] {
            assert_eq!(without_passwords(line), clear);
        }
    }
}
