//! JSON Schemas of the files that people write, from the very types that they are read into.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::model_file::{ListItem, ModelFile};

/// The schema of a model's file as it is shipped; `csw models new` puts it beside the files that it writes.
pub const MODEL_SCHEMA: &str = include_str!("../../config/schema/model.schema.json");

/// What [`MODEL_SCHEMA`] has to be: the schema of the file `config/<Owner>/<Title>.yaml`.
pub fn model_schema() -> Value {
    schema::<ModelFile>("A model of csw")
}

/// The schema of a file with a list of models.
pub fn list_schema() -> Value {
    schema::<Vec<ListItem>>("A list of models of csw")
}

/// The schema of a [`record!`](super::document::record), with a title for editors to show.
pub fn schema<T: JsonSchema>(title: &str) -> Value {
    // Draft 7 is what editors' YAML support knows best.
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    if let Some(map) = schema.as_object_mut() {
        map.insert("title".into(), title.into());
    }
    schema
}
