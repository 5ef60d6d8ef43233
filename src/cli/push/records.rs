use std::path::Path;

use crate::image::build::BuildRecords;
use crate::image::push::Pushed;
use crate::ui::Printer;

/// Writes the digests of what was pushed into the result of a build.
pub(super) fn add_digests(
    printer: Printer,
    path: &Path,
    records: &mut BuildRecords,
    pushed: &[&Pushed],
) -> anyhow::Result<()> {
    for Pushed { image, digest, .. } in pushed {
        let mut found = false;
        for record in records.images.iter_mut().filter(|record| record.image == *image) {
            record.digest = Some(digest.clone());
            found = true;
        }
        if !found {
            printer.warn(format!("warning: {} has no entry for {image}", path.display()));
        }
    }
    Ok(records.write(path)?)
}
