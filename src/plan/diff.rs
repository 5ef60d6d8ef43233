use serde_json::{Map, Value};

use super::change::FieldChange;
use super::record;

/// A larger text is not looked into.
const LARGEST: usize = 1 << 20;

/// What differs between an object as it is and as it would be, by path; what the server keeps for itself is left out.
/// With `secret`, values are replaced by markers that tell before from after.
pub fn fields(before: &Value, after: &Value, secret: bool) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let (before, after) = (without_bookkeeping(before), without_bookkeeping(after));
    walk("", Some(&before), Some(&after), secret, &mut changes);
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
    walk_subset("", &desired, Some(&live), secret, &mut changes);
    if secret {
        changes.iter_mut().for_each(mask);
    }
    changes
}

fn mask(change: &mut FieldChange) {
    if ["data", "stringData"].iter().any(|f| change.path == *f || change.path.starts_with(&format!("{f}.")))
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

fn walk(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    secret: bool,
    changes: &mut Vec<FieldChange>,
) {
    match (before, after) {
        (b, a) if b == a => {}
        (Some(Value::Object(b)), Some(Value::Object(a))) => {
            for key in b.keys().chain(a.keys().filter(|k| !b.contains_key(*k))) {
                walk(&join(path, key), b.get(key), a.get(key), secret, changes);
            }
        }
        (Some(Value::Array(b)), Some(Value::Array(a))) => match (named(b), named(a)) {
            (Some(b), Some(a)) => {
                for key in b.keys().chain(a.keys().filter(|k| !b.contains_key(*k))) {
                    walk(&format!("{path}[{key}]"), b.get(key), a.get(key), secret, changes);
                }
            }
            _ if b.len() == a.len() => {
                for (i, (b, a)) in b.iter().zip(a).enumerate() {
                    walk(&format!("{path}[{i}]"), Some(b), Some(a), secret, changes);
                }
            }
            _ => changes.push(change(path, before, after)),
        },
        (Some(Value::String(b)), Some(Value::String(a))) if !secret => match inside(b).zip(inside(a)) {
            // What differs in nothing but its form is told as the text that it is.
            Some((b, a)) if b != a => walk(path, Some(&b), Some(&a), secret, changes),
            _ => changes.push(change(path, before, after)),
        },
        _ => changes.push(change(path, before, after)),
    }
}

/// The object that a text holds as JSON or YAML, or the several that it holds.
fn inside(text: &str) -> Option<Value> {
    let object = |v: &Value| matches!(v, Value::Object(map) if !map.is_empty());
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        return Some(value).filter(object);
    }
    // One line is too easily taken for YAML.
    if text.len() > LARGEST || text.trim_end().lines().count() < 2 {
        return None;
    }
    let mut documents = serde_saphyr::from_multiple::<Value>(text).ok()?;
    match documents.len() {
        1 => documents.pop().filter(object),
        _ => Some(Value::Array(documents))
            .filter(|d| d.as_array().is_some_and(|d| !d.is_empty() && d.iter().all(object))),
    }
}

fn walk_subset(
    path: &str,
    desired: &Value,
    live: Option<&Value>,
    secret: bool,
    changes: &mut Vec<FieldChange>,
) {
    match (desired, live) {
        (d, Some(l)) if d == l => {}
        // Nothing wanted and nothing there.
        (Value::Null, None) => {}
        (Value::Object(d), None) if d.is_empty() => {}
        (Value::Object(d), Some(Value::Object(l))) => {
            for (key, value) in d {
                walk_subset(&join(path, key), value, l.get(key), secret, changes);
            }
        }
        (Value::Array(d), Some(Value::Array(l))) if d.len() == l.len() => {
            for (i, (d, l)) in d.iter().zip(l).enumerate() {
                walk_subset(&format!("{path}[{i}]"), d, Some(l), secret, changes);
            }
        }
        (Value::String(_), Some(l @ Value::String(_))) => walk(path, Some(l), Some(desired), secret, changes),
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
    fn objects_inside_texts_are_compared_as_objects() {
        let map = |model: &str, job: &str| json!({"data": {"model.json": model, "job.yaml": job}});
        let before = map(
            r#"{"name": "A/B", "env": {"X": "1"}}"#,
            "kind: Job\nspec:\n  containers:\n  - name: job\n    image: a:1\n",
        );
        let after = map(
            r#"{"env": {"X": "2"}, "name": "A/B"}"#,
            "# new\nkind: Job\nspec: {containers: [{name: job, image: 'a:2'}]}\n",
        );
        for told in [fields(&before, &after, false), subset(&after, &before, false)] {
            assert_eq!(
                lines(&told),
                [
                    "data.\"model.json\".env.X: \"1\" → \"2\"",
                    "data.\"job.yaml\".spec.containers[job].image: \"a:1\" → \"a:2\"",
                ]
            );
        }
        // The same in another form: what is told is the text, and something is.
        let form = fields(&map("{}", "a: 1\nb: 2\n"), &map("{}", "a: 1\nb:  2\n"), false);
        assert_eq!(
            lines(&form),
            ["data.\"job.yaml\": lines: 1 removed, 1 added\n@@ line 1\n  a: 1\n- b: 2\n+ b:  2"]
        );
        // Several documents, and texts that are none.
        let several = fields(&map("{}", "a: 1\n---\nb: 2\n"), &map("{}", "a: 1\n---\nb: 3\n"), false);
        assert_eq!(lines(&several), ["data.\"job.yaml\"[1].b: 2 → 3"]);
        let script = fields(&map("{}", "set -e\necho one\n"), &map("{}", "set -e\necho two\n"), false);
        assert_eq!(
            lines(&script),
            ["data.\"job.yaml\": lines: 1 removed, 1 added\n@@ line 1\n  set -e\n- echo one\n+ echo two"]
        );
    }

    #[test]
    fn no_value_makes_a_long_line() {
        let long = |c: &str| json!({"data": {"a": format!("{}{c}{}", "x".repeat(700_000), "y".repeat(700_000)), "n": null}});
        let told = lines(&fields(&long("1"), &long("2"), false)).concat();
        assert!(told.len() < 300 && told.contains("x1y") && told.contains("x2y"), "{told}");
        let gone = lines(&fields(&long("1"), &json!({"data": {"n": null}}), false)).concat();
        assert!(gone.len() < 300 && gone.contains("1400003 characters"), "{gone}");
        let list = json!({"data": {"a": (0..10_000).collect::<Vec<_>>()}});
        assert!(lines(&fields(&list, &json!({"data": {"a": [1]}}), false)).concat().len() < 400);
    }

    #[test]
    fn a_secrets_values_are_never_shown_whatever_they_hold() {
        let secret = |password: &str| {
            json!({"data": {"a": format!("{{\"password\": \"{password}\"}}")},
            "stringData": {"b": format!("x: 1\npassword: {password}\n")},
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": format!("{{\"data\": \"{password}\"}}")}}})
        };
        for told in
            [fields(&secret("old"), &secret("new"), true), subset(&secret("new"), &secret("old"), true)]
        {
            let told = lines(&told).join("\n");
            assert!(
                !told.contains("old") && !told.contains("new\"") && told.matches("******").count() == 6,
                "{told}"
            );
        }
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
