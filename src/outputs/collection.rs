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
            return Err(OutputsError::Invalid { problems: vec![NO_OUTPUTS.into()] });
        };
        let mut problems = Vec::new();
        let mut list = |category: Category| {
            object.remove(category.as_str()).map(|value| read_list(category, value, &mut problems))
        };
        let (renderable, downloadable) = (list(Category::Renderable), list(Category::Downloadable));
        if renderable.is_none() && downloadable.is_none() {
            problems.push(NEITHER.into());
        }
        problems.extend(object.keys().map(|k| unknown_list(k)));
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

pub(super) const NO_OUTPUTS: &str = "expected an object with `renderable` and `downloadable`";
pub(super) const NEITHER: &str = "neither `renderable` nor `downloadable` is there";

pub(super) fn unknown_list(name: &str) -> String {
    format!("unknown list `{name}`: outputs would be lost")
}

pub(super) fn no_list(category: Category) -> String {
    format!("`{}` must be a list", category.as_str())
}

pub(super) fn no_output() -> String {
    "expected an object with `title`, `media_type` and `data`".into()
}

pub(super) fn unknown_media_type(name: &str) -> String {
    let known = MediaType::ALL.map(MediaType::as_str).join(", ");
    format!("unknown media type {name:?}: expected one of {known}")
}

/// What is wrong with the output at `index`.
pub(super) fn problem(category: Category, index: usize, title: Option<&str>, wrong: &str) -> String {
    let title = title.map(|t| format!(" ({t:?})")).unwrap_or_default();
    format!("{} output {}{title}: {wrong}", category.as_str(), index + 1)
}

fn read_list(category: Category, value: Value, problems: &mut Vec<String>) -> Vec<Output> {
    let Value::Array(items) = value else {
        problems.push(no_list(category));
        return Vec::new();
    };
    let mut outputs = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        let title = item.get("title").and_then(Value::as_str).map(str::to_owned);
        match read_output(item) {
            Ok(output) => outputs.push(output),
            Err(wrong) => problems.push(problem(category, i, title.as_deref(), &wrong)),
        }
    }
    outputs
}

fn read_output(item: Value) -> Result<Output, String> {
    let Value::Object(mut item) = item else {
        return Err(no_output());
    };
    let title = text(&mut item, "title")?;
    let name = text(&mut item, "media_type")?;
    let media_type = MediaType::from_wire(&name).ok_or_else(|| unknown_media_type(&name))?;
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
