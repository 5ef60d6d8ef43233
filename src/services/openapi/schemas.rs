use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

/// Schemas of what goes over the wire; those of answers have names that operations share.
#[derive(Debug)]
pub(in crate::services) struct Schemas {
    answers: SchemaGenerator,
    requests: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.meta_schema = None;
                settings.definitions_path = "/components/schemas".into();
            })
        };
        // The same type may be looser when it is read than when it is written: two of one name would collide.
        let requests = settings().for_deserialize().with(|settings| settings.inline_subschemas = true);
        Self { answers: settings().for_serialize().into_generator(), requests: requests.into_generator() }
    }

    /// Of what is answered.
    pub(in crate::services) fn answer<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().into()
    }

    /// Of what is asked with.
    pub(in crate::services) fn request<T: JsonSchema>(&mut self) -> Value {
        self.requests.subschema_for::<T>().into()
    }

    /// The schemas that have names.
    pub(super) fn named(mut self) -> Map<String, Value> {
        self.answers.take_definitions(true)
    }
}
