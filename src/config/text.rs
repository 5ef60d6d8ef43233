use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::document::{Decode, Node, Problems};

/// Free text: any scalar, whatever it looks like. Blanks at its ends are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl Decode for Text {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        String::decode(node, problems).map(|t| Self(t.trim().to_owned()))
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
