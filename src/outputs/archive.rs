use std::io::{Read, Seek, Write};

use uuid::Uuid;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::file_name::file_names;
use super::{Carries, Output, StoredCategory, StoredOutput};

/// Writes outputs into a zip file, one file each; `ziplocation` becomes part of the answer. The same outputs give
/// the same bytes: every file carries the same time.
pub(super) fn pack<W: Write + Seek>(
    outputs: Vec<Output>,
    ziplocation: String,
    to: W,
) -> zip::result::ZipResult<StoredCategory> {
    let names = file_names(&outputs);
    let mut zip = ZipWriter::new(to);
    let mut stored = Vec::with_capacity(outputs.len());
    // Each output is dropped as soon as it is written.
    for (output, filename) in outputs.into_iter().zip(names) {
        let bytes = output.file();
        // Pictures, sound and films are compressed already.
        let method = match output.media_type().carries() {
            Carries::Bytes => CompressionMethod::Stored,
            Carries::Object | Carries::Text => CompressionMethod::Deflated,
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(bytes.len() > 1 << 30);
        zip.start_file(filename.as_str(), options)?;
        zip.write_all(&bytes)?;
        stored.push(StoredOutput {
            id: Uuid::new_v4(),
            title: output.title().to_owned(),
            media_type: output.media_type(),
            filename,
        });
    }
    zip.finish()?;
    Ok(StoredCategory { ziplocation, outputs: stored })
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
