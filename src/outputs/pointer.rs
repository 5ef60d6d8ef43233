use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Category, MediaType};
use crate::model::JobId;

/// Where stored outputs are: what the web app keeps of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Those shown on the simulation's page.
    pub renderable: StoredCategory,
    /// Those offered for download.
    pub downloadable: StoredCategory,
}

/// One zip file and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCategory {
    /// The zip file's path in the bucket.
    pub ziplocation: String,
    /// Its outputs, in the model's order.
    pub outputs: Vec<StoredOutput>,
}

/// One output in a zip file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOutput {
    /// A UUID of version 4; the web app names screenshots by it.
    #[serde(default = "Uuid::new_v4")]
    pub id: Uuid,
    /// What a person calls it.
    pub title: String,
    /// What it is.
    pub media_type: MediaType,
    /// Its file in the zip file.
    pub filename: String,
}

impl Pointer {
    /// What is stored of a category.
    pub fn of(&self, category: Category) -> &StoredCategory {
        match category {
            Category::Renderable => &self.renderable,
            Category::Downloadable => &self.downloadable,
        }
    }

    /// Whether it points to that job's own zip files and to nothing else.
    pub fn belongs_to(&self, id: &JobId) -> bool {
        Category::ALL.into_iter().all(|c| self.of(c).ziplocation == zip_name(id, c))
    }
}

/// The name of a job's zip file.
pub(super) fn zip_name(id: &JobId, category: Category) -> String {
    format!("{id}_{}.zip", category.as_str())
}
