//! A request's body that may be larger than memory is wide.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream};
use serde::Serialize;
use tempfile::SpooledData;

use crate::model::numbers::{self, Plain};

/// Up to this size it stays in memory.
const IN_MEMORY: usize = 1 << 20;
const CHUNK: u64 = 256 << 10;

/// JSON that can be sent again and again. A large one is in a file without a name, so that the value it was made of can
/// go, and so that one copy is in memory at no time.
pub(super) enum Outgoing {
    Memory(Bytes),
    File(Arc<File>, u64),
}

impl Outgoing {
    /// The value as JSON.
    pub(super) fn json(value: &impl Serialize) -> io::Result<Self> {
        match Self::spool(value) {
            Ok(outgoing) => Ok(outgoing),
            // A full disk is no reason to lose a result.
            Err(_) => Ok(Self::Memory(numbers::to_vec(value)?.into())),
        }
    }

    fn spool(value: &impl Serialize) -> io::Result<Self> {
        let mut writer = BufWriter::with_capacity(1 << 16, tempfile::spooled_tempfile(IN_MEMORY));
        let mut plain = Plain::new(&mut writer);
        serde_json::to_writer(&mut plain, value)?;
        plain.finish()?.flush()?;
        let spooled = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(match spooled.into_inner() {
            SpooledData::InMemory(bytes) => Self::Memory(bytes.into_inner().into()),
            SpooledData::OnDisk(file) => {
                let length = file.metadata()?.len();
                Self::File(Arc::new(file), length)
            }
        })
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    /// The body of one try.
    pub(super) fn body(&self) -> reqwest::Body {
        match self {
            Self::Memory(bytes) => bytes.clone().into(),
            Self::File(file, length) => reqwest::Body::wrap_stream(chunks(Arc::clone(file), *length)),
        }
    }
}

/// Reads at its own place: an earlier try may still be reading somewhere.
fn chunks(file: Arc<File>, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(0, move |at| {
        let file = Arc::clone(&file);
        async move {
            if at >= length {
                return Ok(None);
            }
            let size = usize::try_from(CHUNK.min(length - at)).unwrap_or_default();
            let read = tokio::task::spawn_blocking(move || {
                let mut chunk = vec![0; size];
                file.read_exact_at(&mut chunk, at).map(|()| chunk)
            });
            let chunk = read.await.map_err(io::Error::other)??;
            Ok(Some((Bytes::from(chunk), at + size as u64)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt as _;

    #[tokio::test]
    async fn small_and_large_values_come_out_whole_each_time() {
        for (length, on_disk) in [(10, false), (3 << 20, true)] {
            let value = "x".repeat(length);
            let outgoing = Outgoing::json(&value).unwrap();
            assert_eq!(matches!(outgoing, Outgoing::File(..)), on_disk);
            assert_eq!(outgoing.len(), length as u64 + 2);
            if let Outgoing::File(file, length) = &outgoing {
                for _ in 0..2 {
                    let chunks: Vec<Bytes> = chunks(Arc::clone(file), *length).try_collect().await.unwrap();
                    assert_eq!(serde_json::from_slice::<String>(&chunks.concat()).unwrap(), value);
                }
            }
        }
    }
}
