use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::ROWS;
use super::file::SECTION;
use super::layout::KubernetesTable;
use super::value::Kind;

/// The JSON Schema of `csw.yaml`, for editors.
pub fn json_schema() -> Value {
    let property = |kind: Kind| match kind {
        Kind::Text => json!({"type": ["string", "number", "null"]}),
        Kind::Number { min, max } => json!({"type": ["integer", "null"], "minimum": min, "maximum": max}),
        Kind::Url => json!({"type": ["string", "null"], "format": "uri", "pattern": "^https?://"}),
        Kind::List => json!({"type": ["string", "array", "null"], "items": {"type": "string"}}),
        Kind::OneOf(names) => {
            let names = names.iter().map(|name| json!(name)).chain([Value::Null]);
            json!({"enum": names.collect::<Vec<_>>()})
        }
        Kind::Duration => json!({"type": ["integer", "string", "null"]}),
    };
    let properties: Map<String, Value> = ROWS
        .iter()
        .map(|row| {
            let mut schema = property(row.kind);
            if let Some(object) = schema.as_object_mut() {
                let text = format!("{} Default: {}. Environment: {}", row.about.trim(), row.default, row.env);
                object.insert("description".into(), text.into());
            }
            (row.key.to_owned(), schema)
        })
        .collect();
    let mut properties = properties;
    properties.insert(SECTION.to_owned(), section());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "csw.yaml",
        "description": "Settings of csw. Flags and environment variables count more.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties,
    })
}

/// The schema of the section `kubernetes`.
fn section() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<KubernetesTable>().to_value();
    if let Some(map) = schema.as_object_mut() {
        map.remove("title");
        map.insert("type".into(), json!(["object", "null"]));
    }
    schema
}
