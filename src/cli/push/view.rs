use serde::Serialize;

use crate::image::push::{PushError, Pushed, Way};
use crate::model::ImageReference;
use crate::ui::Table;

/// What became of the images.
#[derive(Debug, Serialize)]
pub(super) struct PushView {
    images: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    target: String,
    image: ImageReference,
    digest: Option<String>,
    /// Whether it was there already; `null` where it isn't now.
    existing: Option<bool>,
    also_tags: Vec<String>,
    duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl PushView {
    pub(super) fn new<'o>(
        outcomes: impl Iterator<Item = (&'o str, &'o ImageReference, &'o Result<Pushed, PushError>)>,
        also_tags: &[String],
    ) -> Self {
        let row = |(target, image, outcome): (&str, &ImageReference, &Result<Pushed, PushError>)| {
            let pushed = outcome.as_ref().ok();
            Row {
                target: target.to_owned(),
                image: image.clone(),
                digest: pushed.map(|pushed| pushed.digest.clone()),
                existing: pushed.map(|pushed| pushed.way == Way::Existing),
                also_tags: pushed.map(|_| also_tags.to_owned()).unwrap_or_default(),
                duration_seconds: pushed.map(|pushed| pushed.duration_seconds),
                error: outcome.as_ref().err().map(ToString::to_string),
            }
        };
        Self { images: outcomes.map(row).collect() }
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(&["IMAGE", "DIGEST", "STATUS"], "Nothing to push");
        for row in &self.images {
            let status = match row.existing {
                Some(true) => "already there",
                Some(false) => "pushed",
                None => "failed",
            };
            let digest = row.digest.clone().unwrap_or_else(|| "-".to_owned());
            table.row([row.image.to_string(), digest, status.to_owned()]);
        }
        table
    }

    /// The images by digest, those that are there.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |row: &Row| row.digest.as_ref().map(|digest| format!("{}@{digest}", row.image));
        self.images.iter().filter_map(name).collect()
    }
}
