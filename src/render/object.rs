use std::fmt;

use serde_json::{Map, Value};

use crate::model::InstallOrder;

/// A Kubernetes object: a JSON object that has an `apiVersion`, a `kind` and a `metadata.name`, each a string that is
/// not empty. Its `Debug` shows only these, because a Secret's data must not end up in a log.
#[derive(Clone, PartialEq)]
pub struct Object {
    value: Value,
}

impl Object {
    /// Takes a JSON value for an object; top-level keys come in the conventional order afterwards: `apiVersion`, `kind`,
    /// `metadata`, then the rest as it was.
    ///
    /// # Errors
    /// Says what the value lacks, without its content.
    pub fn new(value: Value) -> Result<Self, &'static str> {
        let Value::Object(mut map) = value else { return Err("is not a mapping") };
        let text = |v: Option<&Value>| v.and_then(Value::as_str).is_some_and(|s| !s.is_empty());
        if !text(map.get("apiVersion")) {
            return Err("has no apiVersion");
        }
        if !text(map.get("kind")) {
            return Err("has no kind");
        }
        if !text(map.get("metadata").and_then(|m| m.get("name"))) {
            return Err("has no metadata.name");
        }
        let first = ["apiVersion", "kind", "metadata"];
        if !map.keys().take(first.len()).eq(first) {
            let mut sorted = Map::with_capacity(map.len());
            for key in first {
                sorted.extend(map.shift_remove_entry(key));
            }
            sorted.extend(map);
            map = sorted;
        }
        Ok(Self { value: Value::Object(map) })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion").unwrap_or_default()
    }

    /// The kind, as in `Deployment`.
    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// The object's namespace; `None` for kinds that live outside of namespaces.
    pub fn namespace(&self) -> Option<&str> {
        self.text("/metadata/namespace")
    }

    /// Where the object stands in the install order.
    pub fn order(&self) -> InstallOrder {
        InstallOrder::of(self.kind())
    }

    /// The whole object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The whole object, to keep.
    pub fn into_value(self) -> Value {
        self.value
    }
}

impl fmt::Display for Object {
    /// `Kind namespace/name` or `Kind name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind(), self.name()),
            None => write!(f, "{} {}", self.kind(), self.name()),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} {self})", self.api_version())
    }
}

impl serde::Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_come_in_the_conventional_order_and_the_rest_stays() {
        let object = Object::new(json!({
            "spec": {"b": 1, "a": 2}, "metadata": {"name": "x", "namespace": "n"}, "kind": "Job", "apiVersion": "batch/v1",
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"x","namespace":"n"},"spec":{"b":1,"a":2}}"#
        );
        assert_eq!(object.to_string(), "Job n/x");
    }

    #[test]
    fn what_is_no_object_is_refused_and_debug_hides_data() {
        assert!(Object::new(json!([])).is_err());
        assert!(Object::new(json!({"kind": "Job", "metadata": {"name": "x"}})).is_err());
        assert!(Object::new(json!({"apiVersion": "v1", "kind": "", "metadata": {"name": "x"}})).is_err());
        assert!(Object::new(json!({"apiVersion": "v1", "kind": "Job", "metadata": {"name": 1}})).is_err());
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"k": "dmFsdWU="}});
        assert!(!format!("{:?}", Object::new(secret).unwrap()).contains("dmFsdWU="));
    }
}
