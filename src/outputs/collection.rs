use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{MediaType, Output, OutputsError};

/// Which of the two lists an output is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Shown on the simulation's page.
    Renderable,
    /// Offered for download.
    Downloadable,
}

impl Category {
    /// Both, in the order of the wire.
    pub const ALL: [Self; 2] = [Self::Renderable, Self::Downloadable];

    /// The key on the wire, and the folder's name when extracted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renderable => "renderable",
            Self::Downloadable => "downloadable",
        }
    }
}

/// What a simulation produced. Serialises to JSON-safe `{renderable: […], downloadable: […]}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Outputs {
    /// Shown on the simulation's page.
    pub renderable: Vec<Output>,
    /// Offered for download.
    pub downloadable: Vec<Output>,
}

impl Outputs {
    /// Reads and validates the JSON-safe form. A list that is absent is empty, but not both; keys of an output
    /// that mean nothing here are ignored.
    ///
    /// # Errors
    /// [`OutputsError::Invalid`] with every problem of every output.
    pub fn from_json(json: Value) -> Result<Self, OutputsError> {
        let Value::Object(mut object) = json else {
            return Err(OutputsError::Invalid {
                problems: vec!["expected an object with `renderable` and `downloadable`".into()],
            });
        };
        let mut problems = Vec::new();
        let mut list = |category: Category| {
            object.remove(category.as_str()).map(|value| read_list(category, value, &mut problems))
        };
        let (renderable, downloadable) = (list(Category::Renderable), list(Category::Downloadable));
        if renderable.is_none() && downloadable.is_none() {
            problems.push("neither `renderable` nor `downloadable` is there".into());
        }
        problems.extend(object.keys().map(|k| format!("unknown list `{k}`: outputs would be lost")));
        if problems.is_empty() {
            Ok(Self {
                renderable: renderable.unwrap_or_default(),
                downloadable: downloadable.unwrap_or_default(),
            })
        } else {
            Err(OutputsError::Invalid { problems })
        }
    }

    /// The outputs of a category.
    pub fn of(&self, category: Category) -> &[Output] {
        match category {
            Category::Renderable => &self.renderable,
            Category::Downloadable => &self.downloadable,
        }
    }
}

fn read_list(category: Category, value: Value, problems: &mut Vec<String>) -> Vec<Output> {
    let name = category.as_str();
    let Value::Array(items) = value else {
        problems.push(format!("`{name}` must be a list"));
        return Vec::new();
    };
    let mut outputs = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        let title =
            item.get("title").and_then(Value::as_str).map(|t| format!(" ({t:?})")).unwrap_or_default();
        match read_output(item) {
            Ok(output) => outputs.push(output),
            Err(wrong) => problems.push(format!("{name} output {}{title}: {wrong}", i + 1)),
        }
    }
    outputs
}

fn read_output(item: Value) -> Result<Output, String> {
    let Value::Object(mut item) = item else {
        return Err("expected an object with `title`, `media_type` and `data`".into());
    };
    let title = text(&mut item, "title")?;
    let media_type = text(&mut item, "media_type")?;
    let media_type = MediaType::from_wire(&media_type).ok_or_else(|| {
        let known = MediaType::ALL.map(MediaType::as_str).join(", ");
        format!("unknown media type {media_type:?}: expected one of {known}")
    })?;
    let id = match item.remove("id") {
        Some(Value::String(id)) => Uuid::parse_str(&id).ok(),
        _ => None,
    };
    let data = item.remove("data").ok_or("`data` is missing")?;
    Output::from_parts(id, title, media_type, data)
}

fn text(item: &mut Map<String, Value>, key: &str) -> Result<String, String> {
    match item.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{key}` must be text")),
        None => Err(format!("`{key}` is missing")),
    }
}
