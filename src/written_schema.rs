//! JSON Schemas of types whose text is more than their Rust shape tells.

/// Gives types the JSON Schema that is written beside them: `schema! { Port => { "type": "integer" } }`. It stands in
/// place wherever the type is used.
macro_rules! schema {
    ($($t:ty => $json:tt),+ $(,)?) => {$(
        impl ::schemars::JsonSchema for $t {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($t).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!($json)
            }
        }
    )+};
}

pub(crate) use schema;
