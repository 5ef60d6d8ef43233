use std::future::Future;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;

use crate::job::LogStream;

const CHUNK: usize = 64 * 1024;

/// How soon a follower sees a new line.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The file's content from its beginning; goes on until `ended` is ready and all is read.
pub(super) fn stream(file: std::fs::File, ended: impl Future<Output = ()> + Send + 'static) -> LogStream {
    struct Tail<F> {
        file: std::fs::File,
        ended: std::pin::Pin<Box<F>>,
        last_round: bool,
    }
    let tail = Tail { file, ended: Box::pin(ended), last_round: false };
    Box::pin(stream::unfold(Some(tail), |tail| async move {
        let mut tail = tail?;
        loop {
            let mut buffer = vec![0; CHUNK];
            match tail.file.read(&mut buffer) {
                Ok(0) if tail.last_round => return None,
                Ok(0) => {
                    // What was written before the end is read once more after it.
                    tail.last_round = tokio::time::timeout(LOOK_AGAIN, &mut tail.ended).await.is_ok();
                }
                Ok(read) => {
                    buffer.truncate(read);
                    return Some((Ok(Bytes::from(buffer)), Some(tail)));
                }
                Err(e) => return Some((Err(e), None)),
            }
        }
    }))
}

/// The last whole lines within `bytes` from the end.
pub(super) fn tail(mut file: std::fs::File, bytes: u64) -> std::io::Result<String> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(bytes);
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.take(bytes).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let whole = if from == 0 { &text } else { text.split_once('\n').map_or(&*text, |(_, rest)| rest) };
    Ok(whole.trim_end().to_owned())
}
