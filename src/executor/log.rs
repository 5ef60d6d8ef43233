//! The model's output on its way to the log: redacted, capped, its last lines kept for error messages.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use crate::secret::RedactStream;

/// So many bytes of a run's output are kept; what a model prints beyond that is read and dropped, with a note.
pub(super) const LOG_LIMIT: u64 = 256 << 20;
const TAIL_BYTES: usize = 4096;
const TAIL_LINES: usize = 20;
/// A process that got away may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(500);

/// Reads one pipe to its end on a task of its own, so that the model never waits for a full pipe.
pub(super) struct LogPump {
    task: JoinHandle<()>,
    tail: Tail,
}

/// The last bytes of the output.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

/// A pipe whose writing end goes to the model.
pub(super) fn log_pipe() -> std::io::Result<(PipeReader, PipeWriter)> {
    std::io::pipe()
}

impl LogPump {
    /// Starts to read. Inside a runtime only.
    pub(super) fn start(
        reader: PipeReader,
        log: Box<dyn Write + Send>,
        redaction: RedactStream,
    ) -> std::io::Result<Self> {
        let receiver = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let tail = Tail::default();
        let task = tokio::spawn(pump(receiver, log, redaction, tail.clone()));
        Ok(Self { task, tail })
    }

    /// The last lines so far.
    pub(super) fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Waits until everything is in the log: until the pipe ends, or nothing of ours can hold it any more.
    pub(super) async fn settle(&mut self) {
        if !self.task.is_finished() && tokio::time::timeout(DRAIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn pump(
    mut pipe: pipe::Receiver,
    mut log: Box<dyn Write + Send>,
    mut redaction: RedactStream,
    tail: Tail,
) {
    let mut chunk = vec![0; 64 << 10];
    let mut clear = Vec::with_capacity(chunk.len());
    let mut left = LOG_LIMIT;
    loop {
        let read = match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(n) => n,
        };
        clear.clear();
        redaction.push(chunk.get(..read).unwrap_or_default(), &mut clear);
        keep(&mut log, &tail, &clear, &mut left);
    }
    clear.clear();
    redaction.finish(&mut clear);
    keep(&mut log, &tail, &clear, &mut left);
    drop(log.flush());
}

fn keep(log: &mut dyn Write, tail: &Tail, bytes: &[u8], left: &mut u64) {
    tail.push(bytes);
    if *left == 0 || bytes.is_empty() {
        return;
    }
    let room = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    // A disk without room for the log is not worth failing a simulation for.
    drop(log.write_all(bytes.get(..room).unwrap_or_default()));
    *left -= room as u64;
    if *left == 0 {
        drop(write!(log, "\ncsw: the log ends here: the model printed more than {} MiB\n", LOG_LIMIT >> 20));
    }
}

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
        let surplus = (kept.len() + new.len()).saturating_sub(TAIL_BYTES);
        let surplus = surplus.min(kept.len());
        drop(kept.drain(..surplus));
        kept.extend(new);
    }

    /// The last lines as text, without a line break at the end; empty if nothing was printed.
    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        // A line that was cut off at the front is no line, unless it is all there is.
        let cut = usize::from(bytes.len() >= TAIL_BYTES && lines.len() > 1);
        let from = lines.len().saturating_sub(TAIL_LINES).max(cut);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    /// Forgets everything: a new request begins.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_whole_last_lines() {
        let tail = Tail::default();
        for i in 0..10_000 {
            tail.push(format!("line {i}\n").as_bytes());
        }
        let text = tail.text();
        assert!(text.starts_with("line 9980\n") && text.ends_with("\nline 9999"), "{text}");
        tail.clear();
        assert_eq!(tail.text(), "");
        tail.push(&[b'x'; 9000]);
        assert_eq!(tail.text().len(), TAIL_BYTES);
    }
}
