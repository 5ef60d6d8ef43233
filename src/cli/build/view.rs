use crate::image::build::BuildRecords;
use crate::ui::{Format, Printer, Table};

/// Writes what became of the images to stdout.
pub(super) fn show(printer: Printer, format: Format, records: &BuildRecords) -> anyhow::Result<()> {
    printer.view(
        format,
        records,
        |records| {
            let mut table =
                Table::new(&["TARGET", "IMAGE", "ID", "COMMIT", "SECONDS", "STATUS"], "Nothing was built");
            for record in &records.images {
                table.row([
                    record.target.clone(),
                    record.image.to_string(),
                    short(record.id.trim_start_matches("sha256:")),
                    record.commit.as_deref().map_or_else(|| "-".to_owned(), short),
                    format!("{:.1}", record.duration_seconds),
                    if record.skipped { "unchanged" } else { "built" }.to_owned(),
                ]);
            }
            table
        },
        |records| records.images.iter().map(|r| r.image.to_string()).collect(),
    )
}

fn short(text: &str) -> String {
    text.chars().take(12).collect()
}
