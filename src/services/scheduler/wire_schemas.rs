//! Schemas of what is text on the wire but not any text.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::model::{JobId, ModelName};
use crate::written_schema::schema;

schema! {
    JobId => { "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "examples": ["run-1"] },
    ModelName => {
        "type": "string",
        "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,99}/[0-9A-Za-z][0-9A-Za-z._-]{0,99}$",
        "examples": ["Examples/Solow"]
    },
}

/// What a task may be called with.
pub(super) fn kwargs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "meta_param_dict": {"type": "object"},
            "adjustment": {"type": "object"},
            "errors_warnings": {"type": "object"}
        },
        "additionalProperties": false,
        "default": {}
    })
}

/// How a job has ended.
pub(super) fn ended(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {"type": "string", "enum": ["SUCCESS", "FAIL", "CANCELLED"]},
        "default": []
    })
}
