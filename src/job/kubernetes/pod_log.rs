use jiff::Timestamp;
use serde_json::Value;

use crate::kube::LogLine;
use crate::kube::ready::{items, text};

/// The container that runs the model: `job`, or the first one.
pub(super) fn container(pod: &Value) -> &str {
    let names = || items(pod, "/spec/containers").map(|c| text(c, "/name"));
    names().find(|n| *n == "job").or_else(|| names().next()).unwrap_or_default()
}

/// Whether the container has started, so that there is a log.
pub(super) fn has_started(pod: &Value) -> bool {
    let state = state(pod);
    state.is_some_and(|s| s.get("running").is_some() || s.get("terminated").is_some())
}

/// Whether nothing will be added to its log.
pub(super) fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
        || state(pod).is_some_and(|s| s.get("terminated").is_some())
}

/// The exit code of the container, if it has one.
pub(super) fn exit_code(pod: &Value) -> Option<i32> {
    let code = state(pod)?.pointer("/terminated/exitCode")?.as_i64()?;
    i32::try_from(code).ok()
}

fn state(pod: &Value) -> Option<&Value> {
    let name = container(pod);
    items(pod, "/status/containerStatuses").find(|c| text(c, "/name") == name)?.get("state")
}

/// What of a log has been delivered, so that a connection can be taken up again: the server repeats the whole second
/// in which it broke.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    last: Option<Timestamp>,
    /// How many lines have the last time.
    at_last: usize,
    /// How many lines of the last time have been repeated on this connection.
    repeated: usize,
}

impl Delivered {
    /// A new connection begins; since when its lines are to be.
    pub(super) fn reconnect(&mut self) -> Option<String> {
        self.repeated = 0;
        self.last.map(|last| last.to_string())
    }

    /// Whether the line is a new one; it counts as delivered then.
    pub(super) fn take(&mut self, line: &LogLine) -> bool {
        let Ok(at) = line.at.parse::<Timestamp>() else { return true };
        match self.last {
            Some(last) if at < last => false,
            Some(last) if at == last => {
                self.repeated += 1;
                let new = self.repeated > self.at_last;
                self.at_last = self.at_last.max(self.repeated);
                new
            }
            _ => {
                (self.last, self.at_last, self.repeated) = (Some(at), 1, 1);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: &str, text: &str) -> LogLine {
        LogLine { at: at.into(), bytes: text.into() }
    }

    #[test]
    fn a_connection_that_is_taken_up_again_neither_repeats_nor_loses_a_line() {
        let written: Vec<LogLine> = [".1", ".2", ".2", ".2", ".30", ".4"]
            .iter()
            .enumerate()
            .map(|(i, t)| line(&format!("2026-01-02T03:04:05{t}Z"), &format!("{i}\n")))
            .collect();
        for first in 0..=written.len() {
            for second in first..=written.len() {
                let mut delivered = Delivered::default();
                let mut got = Vec::new();
                // Each connection starts at the beginning of the second, the last reads to the end.
                for until in [first, second, written.len()] {
                    delivered.reconnect();
                    got.extend(written.get(..until).unwrap().iter().filter(|l| delivered.take(l)).cloned());
                }
                assert_eq!(got, written, "broken after {first} and {second}");
            }
        }
    }
}
