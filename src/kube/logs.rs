use super::cluster::Call;
use super::{Cluster, LogLine};
use crate::secret::touched;

/// Bytes that are asked for.
const LIMIT: usize = 8192;

/// The last lines of a container.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogTail {
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// At most ten lines, the oldest first.
    pub lines: Vec<String>,
}

impl Cluster {
    /// The last ten lines that a container wrote, or its run before this one if this one has said nothing (yet).
    /// Logs illustrate only: where there are none, or nobody may read them, there is nothing.
    pub async fn log_tail(&self, namespace: &str, pod: &str, container: &str) -> Option<LogTail> {
        for previous in [false, true] {
            let path = format!(
                "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&timestamps=true&tailLines=10&limitBytes={LIMIT}&previous={previous}"
            );
            let Ok(reply) = self.send(Call::get(path, format!("read the log of {namespace}/{pod}"))).await
            else {
                continue;
            };
            // The server cuts at the end, perhaps in the middle of a secret.
            let redactor = touched::redactor();
            let whole = reply.body.len() < LIMIT;
            let body = if whole { redactor.bytes(&reply.body) } else { redactor.beginning(&reply.body) };
            let lines: Vec<String> = body
                .split(|byte| *byte == b'\n')
                .map(|line| LogLine::parse(line.to_vec()))
                .filter(|line| !(line.is_excuse() || line.at.is_empty() && line.bytes.is_empty()))
                .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
                .collect();
            if !lines.is_empty() {
                return Some(LogTail { pod: pod.to_owned(), container: container.to_owned(), lines });
            }
        }
        None
    }
}
