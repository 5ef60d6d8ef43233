use futures::io::AsyncBufRead;
use futures::stream::{BoxStream, StreamExt as _};
use http::Request;

use super::request::query;
use super::{Cluster, KubeError, Refusal};

/// Which lines of a container's log.
#[derive(Debug, Clone, Default)]
pub struct LogRange {
    /// Go on until the container has ended.
    pub follow: bool,
    /// From this second on, as RFC 3339; earlier lines of the same second come along.
    pub since: Option<String>,
    /// At most so many of the last lines.
    pub tail_lines: Option<u64>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, as the node says: RFC 3339 with nanoseconds.
    pub at: String,
    /// The line as it is, with its line feed if it has one.
    pub bytes: Vec<u8>,
}

/// What nodes say in a log's place, or at its end, when its file is not there (any more).
const EXCUSES: [&str; 4] = [
    "unable to retrieve container logs",
    "failed to try resolving symlinks in path",
    "failed to open log file",
    "rpc error: code = ",
];

impl LogLine {
    /// Parts the time from the line.
    pub(super) fn parse(mut bytes: Vec<u8>) -> Self {
        let space = bytes.iter().position(|b| *b == b' ').filter(|end| {
            bytes
                .get(..*end)
                .and_then(|t| std::str::from_utf8(t).ok())
                .is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok())
        });
        match space {
            Some(end) => {
                let rest = bytes.split_off(end + 1);
                bytes.truncate(end);
                Self { at: String::from_utf8_lossy(&bytes).into_owned(), bytes: rest }
            }
            // Not the container's words but the node's about it.
            None => Self { at: String::new(), bytes },
        }
    }

    /// Whether this is not the container's but what its node says because it has no log (any more).
    pub fn is_excuse(&self) -> bool {
        self.at.is_empty() && EXCUSES.iter().any(|e| self.bytes.starts_with(e.as_bytes()))
    }
}

impl Cluster {
    /// A container's log, line by line.
    ///
    /// # Errors
    /// When the server refuses, for one because the container has not started. A connection that breaks later is an
    /// error of the stream.
    pub async fn log_lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        range: LogRange,
    ) -> Result<BoxStream<'static, std::io::Result<LogLine>>, KubeError> {
        let LogRange { follow, since, tail_lines } = range;
        let tail = tail_lines.map(|lines| lines.to_string()).unwrap_or_default();
        let since = since.unwrap_or_default();
        let pairs = [
            ("container", container),
            ("timestamps", "true"),
            ("follow", if follow { "true" } else { "" }),
            ("sinceTime", since.as_str()),
            ("tailLines", tail.as_str()),
        ];
        let query = query(pairs.iter().filter(|(_, value)| !value.is_empty()));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}");
        let what = format!("read the log of {namespace}/{pod}");
        let request = Request::get(path)
            .body(Vec::new())
            .map_err(|e| KubeError::Answer { what: what.clone(), why: e.to_string() })?;
        let reader = self.client().request_stream(request).await.map_err(|error| match &error {
            kube::Error::Api(status) => KubeError::Refused { what, refusal: Box::new(Refusal::of(status)) },
            _ => self.broken(&error),
        })?;
        Ok(futures::stream::unfold(Box::pin(reader), |mut reader| async move {
            let line = read_line(&mut reader).await.transpose()?;
            Some((line, reader))
        })
        .boxed())
    }
}

async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<LogLine>> {
    let mut bytes = Vec::new();
    if futures::AsyncBufReadExt::read_until(reader, b'\n', &mut bytes).await? == 0 {
        return Ok(None);
    }
    Ok(Some(LogLine::parse(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_parted_from_the_line() {
        let line = LogLine::parse(b"2026-01-02T03:04:05.000000006Z  two words \n".to_vec());
        assert_eq!(
            (line.at.as_str(), &line.bytes[..]),
            ("2026-01-02T03:04:05.000000006Z", &b" two words \n"[..])
        );
        assert_eq!(LogLine::parse(b"2026-01-02T03:04:05Z \n".to_vec()).bytes, b"\n");
    }

    #[test]
    fn what_the_node_says_in_a_logs_place_is_no_line_of_it() {
        let gone =
            "failed to try resolving symlinks in path \"/var/log/pods/p/0.log\": no such file or directory";
        assert!(LogLine::parse(gone.into()).is_excuse());
        assert!(!LogLine::parse(format!("2026-01-02T03:04:05Z {gone}").into()).is_excuse());
        assert!(!LogLine::parse(b"half a sentence of a node that tells no times".to_vec()).is_excuse());
    }
}
