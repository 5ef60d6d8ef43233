use serde_json::{Map, Value};

use super::change::FieldChange;
use super::record;

/// What differs between an object as it is and as it would be, by path; what the server keeps for itself is left out.
/// With `secret`, values are replaced by markers that tell before from after.
pub fn fields(before: &Value, after: &Value, secret: bool) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let (before, after) = (without_bookkeeping(before), without_bookkeeping(after));
    walk("", Some(&before), Some(&after), &mut changes);
    if secret {
        changes.iter_mut().for_each(mask);
    }
    changes
}

/// What of the wanted object the live one doesn't have. A list is compared as a whole unless its items have names.
/// It knows nothing of defaults and of ways to write the same thing, so what it finds may be no change to the server.
pub fn subset(desired: &Value, live: &Value, secret: bool) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let (live, desired) = (without_bookkeeping(live), without_bookkeeping(desired));
    walk_subset("", &desired, Some(&live), &mut changes);
    if secret {
        changes.iter_mut().for_each(mask);
    }
    changes
}

fn mask(change: &mut FieldChange) {
    if change.path.starts_with("data.")
        || change.path == "data"
        || change.path.contains("last-applied-configuration")
    {
        change.before = change.before.take().map(|_| Value::from("****** (before)"));
        change.after = change.after.take().map(|_| Value::from("****** (after)"));
    }
}

fn without_bookkeeping(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.shift_remove("status");
        map.shift_remove("apiVersion");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"]
        {
            metadata.shift_remove(key);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.shift_remove(record::ANNOTATION);
            if annotations.is_empty() {
                metadata.shift_remove("annotations");
            }
        }
    }
    object
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        (b, a) if b == a => {}
        (Some(Value::Object(b)), Some(Value::Object(a))) => {
            for key in b.keys().chain(a.keys().filter(|k| !b.contains_key(*k))) {
                walk(&join(path, key), b.get(key), a.get(key), changes);
            }
        }
        (Some(Value::Array(b)), Some(Value::Array(a))) => match (named(b), named(a)) {
            (Some(b), Some(a)) => {
                for key in b.keys().chain(a.keys().filter(|k| !b.contains_key(*k))) {
                    walk(&format!("{path}[{key}]"), b.get(key), a.get(key), changes);
                }
            }
            _ if b.len() == a.len() => {
                for (i, (b, a)) in b.iter().zip(a).enumerate() {
                    walk(&format!("{path}[{i}]"), Some(b), Some(a), changes);
                }
            }
            _ => changes.push(change(path, before, after)),
        },
        _ => changes.push(change(path, before, after)),
    }
}

fn walk_subset(path: &str, desired: &Value, live: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (desired, live) {
        (d, Some(l)) if d == l => {}
        // Nothing wanted and nothing there.
        (Value::Null, None) => {}
        (Value::Object(d), None) if d.is_empty() => {}
        (Value::Object(d), Some(Value::Object(l))) => {
            for (key, value) in d {
                walk_subset(&join(path, key), value, l.get(key), changes);
            }
        }
        (Value::Array(d), Some(Value::Array(l))) if d.len() == l.len() => {
            for (i, (d, l)) in d.iter().zip(l).enumerate() {
                walk_subset(&format!("{path}[{i}]"), d, Some(l), changes);
            }
        }
        (d, l) => changes.push(change(path, l, Some(d))),
    }
}

fn change(path: &str, before: Option<&Value>, after: Option<&Value>) -> FieldChange {
    FieldChange { path: path.to_owned(), before: before.cloned(), after: after.cloned() }
}

fn join(path: &str, key: &str) -> String {
    // A key with dots in it (labels, file names) is quoted, so that the path can be read back.
    let key = if key.contains(['.', '/', '[']) { format!("\"{key}\"") } else { key.to_owned() };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The items of a list by their names, if all have one and no two the same.
fn named(items: &[Value]) -> Option<Map<String, Value>> {
    let mut by_name = Map::new();
    for item in items {
        let name = item.get("name")?.as_str()?.to_owned();
        if by_name.insert(name, item.clone()).is_some() {
            return None;
        }
    }
    (!by_name.is_empty()).then_some(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(changes: &[FieldChange]) -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn changes_are_named_by_path() {
        let before = json!({"metadata": {"name": "d", "resourceVersion": "1", "labels": {"app.kubernetes.io/name": "a"}},
            "spec": {"replicas": 1, "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}], "args": ["1", "2"]}});
        let after = json!({"metadata": {"name": "d", "resourceVersion": "2", "labels": {"app.kubernetes.io/name": "b"}},
            "spec": {"replicas": 2, "containers": [{"name": "b", "image": "y"}, {"name": "a", "image": "x:2", "tty": true}], "args": ["1"]}});
        assert_eq!(
            lines(&fields(&before, &after, false)),
            [
                "metadata.labels.\"app.kubernetes.io/name\": \"a\" → \"b\"",
                "spec.replicas: 1 → 2",
                "spec.containers[a].image: \"x:1\" → \"x:2\"",
                "spec.containers[a].tty: – → true",
                "spec.args: [\"1\",\"2\"] → [\"1\"]",
            ]
        );
    }

    #[test]
    fn a_secrets_values_are_never_shown() {
        let before = json!({"data": {"old": "c2VjcmV0", "same": "eA=="}, "metadata": {"labels": {"a": "1"}}});
        let after = json!({"data": {"new": "c2VjcmV0", "same": "eQ=="}, "metadata": {"labels": {"a": "2"}}});
        assert_eq!(
            lines(&fields(&before, &after, true)),
            [
                "data.old: \"****** (before)\" → –",
                "data.same: \"****** (before)\" → \"****** (after)\"",
                "data.new: – → \"****** (after)\"",
                "metadata.labels.a: \"1\" → \"2\"",
            ]
        );
    }

    #[test]
    fn a_subset_may_lack_what_the_server_added() {
        let live = json!({"spec": {"replicas": 1, "strategy": {"type": "RollingUpdate"}, "ports": [{"port": 1, "protocol": "TCP"}]}});
        assert!(
            subset(&json!({"spec": {"replicas": 1, "ports": [{"port": 1}], "x": null}}), &live, false)
                .is_empty()
        );
        let changed = subset(&json!({"spec": {"replicas": 2}}), &live, false);
        assert_eq!(lines(&changed), ["spec.replicas: 1 → 2"]);
    }
}
