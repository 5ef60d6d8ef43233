//! The shipped schemas are those of the types. Regenerate them with `CSW_REGENERATE=1 cargo test --test main schema`.

use std::fs;
use std::path::Path;

use csw::config::schema;
use serde_json::Value;

fn check(name: &str, wanted: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schema").join(name);
    let text = serde_json::to_string_pretty(wanted).unwrap() + "\n";
    if std::env::var_os("CSW_REGENERATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let shipped = fs::read_to_string(&path).unwrap_or_default();
    assert!(shipped == text, "{name} is stale: run CSW_REGENERATE=1 cargo test --test main schema");
}

#[test]
fn the_model_schema_is_that_of_the_types() {
    check("model.schema.json", &schema::model_schema());
}

#[test]
fn the_list_schema_is_that_of_the_types() {
    check("models-list.schema.json", &schema::list_schema());
}
