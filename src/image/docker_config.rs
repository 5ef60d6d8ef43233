//! Docker's files of configuration, read as Docker reads them.

use serde_json::{Map, Value};

use crate::expectation;

/// The object in one of Docker's files: an empty file is an empty object, what follows the first object is not looked
/// at, as the library that Docker reads JSON with has it.
///
/// # Errors
/// What is wrong, and where; none of the text, which may hold passwords.
pub(super) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    match serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().next() {
        None | Some(Ok(Value::Null)) => Ok(Map::new()),
        Some(Ok(Value::Object(object))) => Ok(object),
        Some(Ok(_)) => Err("line 1, column 1: expected a JSON object".to_owned()),
        Some(Err(e)) => Err(expectation::json(&e)),
    }
}

/// A field by its name, in any case: the exact one counts more.
pub(super) fn field<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let any = || object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    object.get(name).or_else(any).filter(|value| !value.is_null())
}

/// A text that says something.
pub(super) fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    field(object, name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_takes_is_taken() {
        for empty in ["", " \n\t\r\n", "{}", "null", "\u{feff}{}", "{}\n}garbage", "\u{feff}"] {
            assert!(parse(empty.as_bytes()).unwrap().is_empty(), "{empty:?}");
        }
        let found = parse(br#"{"CurrentContext": "a", "auths": null, "x": 1}"#).unwrap();
        assert_eq!(text(&found, "currentContext"), Some("a"));
        assert_eq!(field(&found, "auths"), None);
        for wrong in ["{", "[]", "\"s3cret\"", "{\"auths\": s3cret}"] {
            let error = parse(wrong.as_bytes()).unwrap_err();
            assert!(error.starts_with("line 1") && !error.contains("s3cret"), "{error}");
        }
    }
}
