use super::Cluster;
use super::cluster::Call;

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
                "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&tailLines=10&limitBytes=8192&previous={previous}"
            );
            let Ok(reply) = self.send(Call::get(path, format!("read the log of {namespace}/{pod}"))).await
            else {
                continue;
            };
            let text = String::from_utf8_lossy(&reply.body);
            // A container that the node has removed already: told as if it were its log.
            let gone = text.starts_with("unable to retrieve container logs");
            let lines: Vec<String> = text.lines().filter(|_| !gone).map(str::to_owned).collect();
            if !lines.is_empty() {
                return Some(LogTail { pod: pod.to_owned(), container: container.to_owned(), lines });
            }
        }
        None
    }
}
