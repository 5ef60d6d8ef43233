use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tempfile::SpooledTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Bytes from which on a thread of its own is worth its start.
const ALONE: usize = 1 << 20;
/// Pieces that may wait for that thread.
const WAITING: usize = 16;

/// A zip file in the making. What comes after the first megabyte is compressed on a thread of its own, while whoever
/// writes makes the next piece. The bytes are the same either way.
pub(super) struct Zipping {
    place: Place,
    written: usize,
}

enum Place {
    Here(Box<ZipWriter<SpooledTempFile>>),
    Beside(SyncSender<Step>, JoinHandle<io::Result<Box<ZipWriter<SpooledTempFile>>>>),
    /// It failed, and has said so.
    Gone,
}

enum Step {
    File(String, SimpleFileOptions),
    Bytes(Vec<u8>),
}

impl Zipping {
    pub(super) fn new(into: SpooledTempFile) -> Self {
        Self { place: Place::Here(Box::new(ZipWriter::new(into))), written: 0 }
    }

    /// Begins a file.
    pub(super) fn start_file(&mut self, name: &str, options: SimpleFileOptions) -> io::Result<()> {
        match &mut self.place {
            Place::Here(zip) => Ok(zip.start_file(name, options)?),
            _ => self.pass(Step::File(name.to_owned(), options)),
        }
    }

    /// Adds a piece of the file. How a file is cut into pieces may decide what the compressor makes of it.
    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.written = self.written.saturating_add(piece.len());
        match &mut self.place {
            Place::Here(zip) => zip.write_all(piece)?,
            _ => self.pass(Step::Bytes(piece.to_vec()))?,
        }
        if self.written >= ALONE && matches!(self.place, Place::Here(_)) {
            self.move_out()?;
        }
        Ok(())
    }

    /// The finished file.
    pub(super) fn finish(mut self) -> io::Result<SpooledTempFile> {
        let zip = match mem::replace(&mut self.place, Place::Gone) {
            Place::Here(zip) => zip,
            Place::Beside(sender, thread) => {
                drop(sender);
                joined(thread)?
            }
            Place::Gone => return Err(gone()),
        };
        Ok(zip.finish()?)
    }

    fn move_out(&mut self) -> io::Result<()> {
        if let Place::Here(zip) = mem::replace(&mut self.place, Place::Gone) {
            let (sender, steps) = sync_channel(WAITING);
            let thread = std::thread::Builder::new().name("zip".into()).spawn(move || take(zip, &steps))?;
            self.place = Place::Beside(sender, thread);
        }
        Ok(())
    }

    fn pass(&mut self, step: Step) -> io::Result<()> {
        if let Place::Beside(sender, _) = &self.place
            && sender.send(step).is_ok()
        {
            return Ok(());
        }
        // It has ended: why, it says at its end.
        match mem::replace(&mut self.place, Place::Gone) {
            Place::Beside(_, thread) => Err(joined(thread).err().unwrap_or_else(gone)),
            _ => Err(gone()),
        }
    }
}

fn take(
    mut zip: Box<ZipWriter<SpooledTempFile>>,
    steps: &Receiver<Step>,
) -> io::Result<Box<ZipWriter<SpooledTempFile>>> {
    while let Ok(step) = steps.recv() {
        match step {
            Step::File(name, options) => zip.start_file(name, options)?,
            Step::Bytes(bytes) => zip.write_all(&bytes)?,
        }
    }
    Ok(zip)
}

fn joined<T>(thread: JoinHandle<io::Result<T>>) -> io::Result<T> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that compresses has panicked")))
}

fn gone() -> io::Error {
    io::Error::other("nothing more can be added to the zip file")
}
