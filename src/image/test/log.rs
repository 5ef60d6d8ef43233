//! What tests print, on its way to people: redacted, in whole lines, the last of them kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::secret::{RedactStream, Redactor};

/// Takes lines without their ends, secrets masked.
pub(super) type Lines<'l> = Arc<Mutex<dyn FnMut(&str) + Send + 'l>>;

const TAIL_LINES: usize = 20;
/// A line that is longer is written in parts.
const LONGEST: usize = 64 << 10;

/// One output stream of one process.
pub(super) struct LineLog<'l> {
    lines: Lines<'l>,
    redaction: RedactStream,
    pending: Vec<u8>,
    tail: VecDeque<String>,
}

impl<'l> LineLog<'l> {
    pub(super) fn new(lines: Lines<'l>, redactor: &Redactor) -> Self {
        Self { lines, redaction: redactor.stream(), pending: Vec::new(), tail: VecDeque::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.redaction.push(bytes, &mut self.pending);
        let whole = match self.pending.iter().rposition(|b| *b == b'\n') {
            Some(end) => end + 1,
            None if self.pending.len() > LONGEST => self.pending.len(),
            None => return,
        };
        let rest = self.pending.split_off(whole);
        let text = std::mem::replace(&mut self.pending, rest);
        self.write(&text);
    }

    /// Writes what is left, and gives the last lines.
    pub(super) fn finish(mut self) -> String {
        let redaction = std::mem::replace(&mut self.redaction, Redactor::default().stream());
        redaction.finish(&mut self.pending);
        let rest = std::mem::take(&mut self.pending);
        self.write(&rest);
        Vec::from(self.tail).join("\n")
    }

    fn write(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.lines() {
            (*lines)(line);
            if self.tail.len() == TAIL_LINES {
                self.tail.pop_front();
            }
            self.tail.push_back(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretValue;

    #[test]
    fn secrets_are_masked_across_chunks_and_lines_stay_whole() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines: Lines<'_> = Arc::new(Mutex::new({
            let said = Arc::clone(&said);
            move |line: &str| said.lock().unwrap().push(line.to_owned())
        }));
        let mut log = LineLog::new(lines, &Redactor::new([&SecretValue::from("hunter22".to_owned())]));
        for chunk in ["one hun", "ter22\ntw", "o\nthree hunter2"] {
            log.push(chunk.as_bytes());
        }
        assert_eq!(*said.lock().unwrap(), ["one ******", "two"]);
        assert_eq!(log.finish(), "one ******\ntwo\nthree hunter2");
    }
}
