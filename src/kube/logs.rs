use super::cluster::Call;
use super::{Cluster, LogLine};

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
                "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&timestamps=true&tailLines=10&limitBytes=8192&previous={previous}"
            );
            let Ok(reply) = self.send(Call::get(path, format!("read the log of {namespace}/{pod}"))).await
            else {
                continue;
            };
            let lines: Vec<String> = reply
                .body
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
