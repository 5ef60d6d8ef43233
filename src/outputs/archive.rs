use std::io::{self, Read, Seek, Write};

use tempfile::SpooledTempFile;
use uuid::Uuid;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive};

use super::file_name::FileNames;
use super::zipping::Zipping;
use super::{Carries, MediaType, Output, Outputs, OutputsError, StoredCategory, StoredOutput};

/// What is kept in memory of a file that is in the making; the rest is on disk.
pub(super) const IN_MEMORY: usize = 1 << 20;

/// Bytes that the compressor gets at once.
const BLOCK: usize = 64 << 10;

/// Outputs as zip files, on their way to a bucket.
pub struct Packed {
    pub(super) renderable: PackedCategory,
    pub(super) downloadable: PackedCategory,
}

/// One zip file, and what is in it.
pub(super) struct PackedCategory {
    pub(super) zip: SpooledTempFile,
    pub(super) outputs: Vec<StoredOutput>,
}

impl Packed {
    /// Packs outputs that are in memory. Takes a while where they are many.
    ///
    /// # Errors
    /// When the disk takes no zip file.
    pub fn of(outputs: Outputs) -> Result<Self, OutputsError> {
        let Outputs { renderable, downloadable } = outputs;
        let failed = |e: io::Error| OutputsError::Pack { object: "a zip file".into(), reason: e.to_string() };
        Ok(Self {
            renderable: pack(renderable).map_err(failed)?,
            downloadable: pack(downloadable).map_err(failed)?,
        })
    }
}

fn pack(outputs: Vec<Output>) -> io::Result<PackedCategory> {
    let mut packer = Packer::new(outputs.iter().any(|output| output.file().len() > 1 << 30));
    // Each output is dropped as soon as it is written.
    for output in outputs {
        packer.file(output.title(), output.media_type())?.write_all(&output.file())?;
    }
    packer.finish()
}

/// Writes outputs into a zip file, one file each. The same outputs give the same bytes: every file carries the same time.
pub(super) struct Packer {
    zip: Zipping,
    /// What is not in the zip file yet: less than a block.
    block: Vec<u8>,
    names: FileNames,
    outputs: Vec<StoredOutput>,
    large: bool,
}

impl Packer {
    /// `large`: an output may have more than a gigabyte.
    pub(super) fn new(large: bool) -> Self {
        let zip = Zipping::new(SpooledTempFile::new(IN_MEMORY));
        Self {
            zip,
            block: Vec::with_capacity(BLOCK),
            names: FileNames::default(),
            outputs: Vec::new(),
            large,
        }
    }

    /// Begins the file of an output; what is written from now on goes there.
    pub(super) fn file(&mut self, title: &str, media_type: MediaType) -> io::Result<&mut Self> {
        self.end_file()?;
        let filename = self.names.add(title, media_type);
        let options = SimpleFileOptions::default()
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(self.large);
        let options = match media_type.carries() {
            // Pictures, sound and films are compressed already.
            Carries::Bytes => options.compression_method(CompressionMethod::Stored),
            // The fastest level: it takes most of what there is to take off text, in a fraction of the time.
            Carries::Object | Carries::Text => {
                options.compression_method(CompressionMethod::Deflated).compression_level(Some(1))
            }
        };
        self.zip.start_file(&filename, options)?;
        self.outputs.push(StoredOutput { id: Uuid::new_v4(), title: title.to_owned(), media_type, filename });
        Ok(self)
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.zip.write(&self.block)?;
        self.block.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<PackedCategory> {
        self.end_file()?;
        let mut zip = self.zip.finish()?;
        zip.rewind()?;
        Ok(PackedCategory { zip, outputs: self.outputs })
    }
}

/// The compressor gets blocks of one size, whatever sizes they come in: what it makes of the same bytes depends on that.
impl Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut left = bytes;
        while self.block.len() + left.len() >= BLOCK {
            let (now, later) = left.split_at(BLOCK - self.block.len());
            if self.block.is_empty() {
                self.zip.write(now)?;
            } else {
                self.block.extend_from_slice(now);
                self.zip.write(&self.block)?;
                self.block.clear();
            }
            left = later;
        }
        self.block.extend_from_slice(left);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the outputs of a zip file back, in the pointer's order.
///
/// # Errors
/// What is wrong with the zip file, as the end of a sentence about it.
pub(super) fn unpack<R: Read + Seek>(category: &StoredCategory, from: R) -> Result<Vec<Output>, String> {
    let mut zip = ZipArchive::new(from).map_err(|e| e.to_string())?;
    category
        .outputs
        .iter()
        .map(|stored| {
            let mut bytes = Vec::new();
            let mut file =
                zip.by_name(&stored.filename).map_err(|e| format!("{:?}: {e}", stored.filename))?;
            file.read_to_end(&mut bytes).map_err(|e| format!("{:?}: {e}", stored.filename))?;
            Output::from_file(Some(stored.id), stored.title.clone(), stored.media_type, bytes)
                .map_err(|e| format!("{:?}: {e}", stored.filename))
        })
        .collect()
}
