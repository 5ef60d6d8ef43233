use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use crate::model::{GroupVersionKind, ObjectRef};

/// One object as somebody wants it: apiVersion, kind and name are there, and nothing that only a cluster can know.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    body: Value,
    object: ObjectRef,
}

impl Manifest {
    /// Takes an object apart. What a server has added (status, resourceVersion, managedFields, …) is dropped, and the
    /// `stringData` of a Secret becomes `data`: the server would do the same, but not say that the field is ours.
    ///
    /// # Errors
    /// All that is wrong with it, without a place.
    pub fn new(mut body: Value) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let text = |v: Option<&Value>| v.and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
        let api_version = text(body.get("apiVersion"));
        let kind = text(body.get("kind"));
        let metadata = body.get("metadata");
        let name = text(metadata.and_then(|m| m.get("name")));
        let namespace = text(metadata.and_then(|m| m.get("namespace")));
        let generated = metadata.and_then(|m| m.get("generateName")).is_some();
        if api_version.is_none() {
            problems.push("has no `apiVersion`".into());
        }
        if kind.is_none() {
            problems.push("has no `kind`".into());
        }
        match &name {
            None if generated => {
                problems.push("has `generateName`: an object without a fixed name can't be applied".into())
            }
            None => problems.push("has no `metadata.name`".into()),
            Some(n) if n.contains(['/', '%']) || n == "." || n == ".." => {
                problems.push(format!("has the name `{n}`: a name has no `/` or `%` and is not `.` or `..`"));
            }
            Some(_) => {}
        }
        if namespace.as_deref().is_some_and(|n| n.contains(['/', '%', '?', '#', '.'])) {
            problems.push("has a namespace that is no namespace's name".into());
        }
        let (Some(api_version), Some(kind), Some(name)) = (api_version, kind, name) else {
            return Err(problems);
        };
        if kind == "Secret" && api_version == "v1" {
            decode_secret(&mut body, &mut problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        if let Some(map) = body.as_object_mut() {
            map.shift_remove("status");
        }
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if matches!(group, "" | "apps" | "batch")
            && let Some(spec) = body.get_mut("spec")
        {
            name_protocols(spec);
        }
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            for key in
                ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"]
            {
                metadata.shift_remove(key);
            }
        }
        let object = ObjectRef { gvk: GroupVersionKind::new(&api_version, &kind), namespace, name };
        Ok(Self { body, object })
    }

    /// Which object it is. The namespace is what the text says until [`Manifest::place`] has settled it.
    pub fn object(&self) -> &ObjectRef {
        &self.object
    }

    /// The object itself.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// Whether it is a Secret, whose values nobody may see.
    pub fn is_secret(&self) -> bool {
        self.object.gvk.group.is_empty() && self.object.gvk.kind == "Secret"
    }

    /// Settles the namespace: `default` where a namespaced object names none.
    ///
    /// # Errors
    /// When an object of the whole cluster names a namespace.
    pub fn place(&mut self, namespaced: bool, default: &str) -> Result<(), String> {
        match (&self.object.namespace, namespaced) {
            (Some(namespace), false) => Err(format!(
                "{} names the namespace `{namespace}`, but its kind belongs to no namespace",
                self.object
            )),
            (None, true) => {
                self.object.namespace = Some(default.to_owned());
                if let Some(metadata) = self.body.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.insert("namespace".into(), Value::from(default));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sets a label.
    pub fn label(&mut self, key: &str, value: &str) {
        self.metadata_entry("labels", key, value);
    }

    /// Sets an annotation.
    pub fn annotate(&mut self, key: &str, value: &str) {
        self.metadata_entry("annotations", key, value);
    }

    fn metadata_entry(&mut self, map: &str, key: &str, value: &str) {
        let Some(metadata) = self.body.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        let entries = metadata.entry(map).or_insert_with(|| Value::Object(Map::new()));
        if entries.is_null() {
            *entries = Value::Object(Map::new());
        }
        if let Some(entries) = entries.as_object_mut() {
            entries.insert(key.into(), Value::from(value));
        }
    }
}

/// Writes out the protocol of ports that name none. It is part of the key by which a server merges lists of ports, and
/// releases before 1.21 refuse to apply a list whose keys they would have to default.
fn name_protocols(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, child) in map.iter_mut() {
                if key == "ports" {
                    for port in child.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                        if port.contains_key("port") || port.contains_key("containerPort") {
                            port.entry("protocol").or_insert_with(|| Value::from("TCP"));
                        }
                    }
                } else {
                    name_protocols(child);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(name_protocols),
        _ => {}
    }
}

/// Checks the values of a Secret here, because a server's answer to a broken one may quote it.
fn decode_secret(body: &mut Value, problems: &mut Vec<String>) {
    let Some(map) = body.as_object_mut() else { return };
    if let Some(data) = map.get("data").and_then(Value::as_object) {
        for (key, value) in data {
            let valid = value.as_str().is_some_and(|s| BASE64.decode(s).is_ok()) || value.is_null();
            if !valid {
                problems.push(format!("has a `data.{key}` that is not base64 text"));
            }
        }
    }
    match map.shift_remove("stringData") {
        None | Some(Value::Null) => {}
        Some(Value::Object(texts)) => {
            let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
            if data.is_null() {
                *data = Value::Object(Map::new());
            }
            for (key, value) in texts {
                match (value.as_str(), data.as_object_mut()) {
                    (Some(text), Some(data)) => {
                        data.insert(key, Value::from(BASE64.encode(text)));
                    }
                    _ => problems.push(format!("has a `stringData.{key}` that is not text")),
                }
            }
        }
        Some(_) => problems.push("has a `stringData` that is not a mapping".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ports_get_the_protocol_that_they_have_anyway() {
        let m = Manifest::new(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}}))
        .unwrap();
        assert_eq!(
            m.body()["spec"]["ports"],
            json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}])
        );
    }

    #[test]
    fn what_the_server_adds_is_dropped_and_the_namespace_settled() {
        let mut m = Manifest::new(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "uid": "u", "resourceVersion": "1", "creationTimestamp": null}, "status": {}}))
        .unwrap();
        m.place(true, "here").unwrap();
        m.label("a", "b");
        assert_eq!(
            m.body(),
            &json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "d", "namespace": "here", "labels": {"a": "b"}}})
        );
        assert!(m.place(false, "here").unwrap_err().contains("belongs to no namespace"));
    }
}
