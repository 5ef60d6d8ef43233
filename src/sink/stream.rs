use std::io::Write;

use super::WriteError;
use crate::render::{Object, yaml};

/// A stream of YAML documents.
#[derive(Debug)]
pub struct StreamSink<W> {
    out: W,
    text: String,
}

/// What is written at once.
const CHUNK: usize = 64 << 10;

impl<W: Write> StreamSink<W> {
    /// Documents go to `out`.
    pub fn new(out: W) -> Self {
        Self { out, text: String::with_capacity(CHUNK * 2) }
    }

    /// Adds a document.
    ///
    /// # Errors
    /// When the stream can't be written.
    pub fn put(&mut self, object: &Object) -> Result<(), WriteError> {
        yaml::write_document(&mut self.text, object)?;
        if self.text.len() >= CHUNK {
            self.out.write_all(self.text.as_bytes()).map_err(WriteError::Stream)?;
            self.text.clear();
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the stream can't be written.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.out.write_all(self.text.as_bytes()).and_then(|()| self.out.flush()).map_err(WriteError::Stream)
    }
}
