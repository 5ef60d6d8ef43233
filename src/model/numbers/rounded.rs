use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};
use serde_json::{Map, Value};

use super::MARK;
use super::exact::is_number;

/// The same value with numbers as 64 bits hold them, for what is a number and nothing else.
pub fn rounded(value: Value) -> Value {
    replaced(value, &|text| serde_json::from_str(text).unwrap_or(Value::Null))
}

/// The same value with the numbers that are marked as text, for what writes no JSON.
pub fn as_text(value: Value) -> Value {
    replaced(value, &|text| Value::String(text.to_owned()))
}

fn replaced(value: Value, by: &dyn Fn(&str) -> Value) -> Value {
    match value {
        Value::Object(object) => match number(&object) {
            Some(text) => by(text),
            None => {
                Value::Object(object.into_iter().map(|(key, value)| (key, replaced(value, by))).collect())
            }
        },
        Value::Array(items) => Value::Array(items.into_iter().map(|item| replaced(item, by)).collect()),
        other => other,
    }
}

/// Reads a list of what are numbers and nothing else.
pub(crate) fn rounded_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Value>::deserialize(from)?;
    let number = |value| rounded(value).as_f64().ok_or_else(|| D::Error::custom("expected a number"));
    values.into_iter().map(number).collect()
}

fn number(object: &Map<String, Value>) -> Option<&str> {
    object.get(MARK).filter(|_| object.len() == 1)?.as_str().filter(|text| is_number(text))
}
