use super::{Entry, Node, Problems, Value};

/// The lines of a mapping; anything else is reported.
pub fn entries<'n, 't>(node: &'n Node<'t>, problems: &mut Problems) -> Option<&'n [Entry<'t>]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Null | Value::Scalar(_) | Value::List(_) => {
            problems.wrong_type_unquoted(node, "a mapping (`key: value` lines)");
            None
        }
    }
}

/// Declares a struct that is read from a mapping: a key a field, unknown keys refused, problems of all fields
/// collected. The field's documentation is the key's description in the JSON Schema, which comes from the same struct.
///
/// Fields are [`Required`](super::Required) or [`Optional`](super::Optional) of something that implements
/// [`Decode`](super::Decode) and `schemars::JsonSchema`. `hints { "key" | "other" => "what to write instead" }` behind the
/// struct helps with keys that are no typing mistakes.
#[macro_export]
#[doc(hidden)]
macro_rules! __csw_record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty),+ $(,)?
    } $(hints { $($($key:literal)|+ => $hint:literal),+ $(,)? })?) => {
        $(#[$meta])*
        #[derive(Debug, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type),+ }

        impl $name {
            /// Every key, in the order of the schema.
            #[allow(dead_code)]
            $vis const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];
        }

        impl $crate::config::document::Decode for $name {
            fn decode(
                node: &$crate::config::document::Node<'_>,
                problems: &mut $crate::config::document::Problems,
            ) -> Option<Self> {
                use $crate::config::document::Slot as _;
                let mut record = Self::default();
                for entry in $crate::config::document::entries(node, problems)? {
                    match entry.key.text.as_ref() {
                        $(stringify!($field) =>
                            problems.within(stringify!($field), |p| record.$field.fill(entry, p)),)+
                        $($($($key)|+ => {
                            problems.unknown_key(&entry.key, &[]).set_help($hint);
                        })+)?
                        _ => {
                            problems.unknown_key(&entry.key, Self::KEYS);
                        }
                    }
                }
                $(record.$field.check(stringify!($field), node.head(), problems);)+
                Some(record)
            }
        }
    };
}

pub use crate::__csw_record as record;
