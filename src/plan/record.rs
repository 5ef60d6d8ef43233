//! How an object tells, from a list alone, whether it is still as we left it.
//!
//! Every object that we apply carries an annotation with two digests: one of what was wanted, and one of what the
//! server made of it: the set of fields that are ours (`managedFields`) and the values of exactly these fields, as
//! the server has normalised and defaulted them. If somebody takes a field from us, the set changes; if a value
//! changes behind the back of `managedFields` (the scale subresource before 1.22 does that), the values do. Nothing
//! here has to know that `1000m` is `1`: like is compared with like.
//!
//! The values of a Secret take no part in the digests, which more people may read than the Secret: they are compared
//! themselves.

use serde_json::Value;

use super::Manifest;
use super::digest::Hasher;
use crate::model::FIELD_MANAGER;

/// The annotation that holds the record.
pub const ANNOTATION: &str = "csw.compute.studio/applied";

/// What the annotation holds while the true record can't be known yet. It is as long as a true one.
pub const UNKNOWN: &str = "0:00000000000000000000000000000000:00000000000000000000000000000000";

/// The record for a wanted object that the server answered with `result`; nothing if the answer doesn't say
/// which fields are ours.
pub fn of(desired: &Manifest, result: &Value) -> Option<String> {
    Some(format!("1:{}:{}", wanted(desired), live(desired, result)?))
}

/// Whether the live object is what applying the wanted one would give. `false` means only that the server must be
/// asked.
pub fn holds(desired: &Manifest, object: &Value) -> bool {
    let recorded = object
        .get("metadata")
        .and_then(|m| m.get("annotations"))
        .and_then(|a| a.get(ANNOTATION))
        .and_then(Value::as_str);
    recorded.is_some()
        && recorded == of(desired, object).as_deref()
        && (!desired.is_secret() || secret_values(desired.body(), object))
}

/// Every value of the wanted Secret is the live one's.
fn secret_values(desired: &Value, object: &Value) -> bool {
    let Some(wanted) = desired.get("data").and_then(Value::as_object) else { return true };
    let live = object.get("data");
    wanted.iter().all(|(key, value)| live.and_then(|d| d.get(key)) == Some(value))
}

fn wanted(desired: &Manifest) -> String {
    let mut hasher = Hasher::new();
    for (key, value) in desired.body().as_object().into_iter().flatten() {
        match key.as_str() {
            "metadata" => metadata_without_record(&mut hasher, value),
            "data" if desired.is_secret() => names(&mut hasher, value),
            _ => {
                hasher.tag(b'f', key.as_bytes());
                hasher.value(value);
            }
        }
    }
    hasher.finish()
}

fn metadata_without_record(hasher: &mut Hasher, metadata: &Value) {
    let mut metadata = metadata.clone();
    let mut empty = false;
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.shift_remove(ANNOTATION);
        empty = annotations.is_empty();
    }
    if empty && let Some(map) = metadata.as_object_mut() {
        map.shift_remove("annotations");
    }
    hasher.tag(b'f', b"metadata");
    hasher.value(&metadata);
}

fn names(hasher: &mut Hasher, data: &Value) {
    let mut keys: Vec<&String> = data.as_object().into_iter().flatten().map(|(k, _)| k).collect();
    keys.sort_unstable();
    keys.iter().for_each(|k| hasher.tag(b'k', k.as_bytes()));
}

/// The fields that the live object's `managedFields` says are ours, in the version that we speak.
pub fn our_fields<'v>(object: &'v Value, api_version: &str) -> Option<&'v Value> {
    object.get("metadata")?.get("managedFields")?.as_array()?.iter().find_map(|entry| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        (text("manager") == FIELD_MANAGER
            && text("operation") == "Apply"
            && text("subresource").is_empty()
            && (api_version.is_empty() || text("apiVersion") == api_version))
            .then(|| entry.get("fieldsV1"))
            .flatten()
    })
}

fn live(desired: &Manifest, object: &Value) -> Option<String> {
    let fields = our_fields(object, &desired.object().gvk.api_version())?;
    let mut hasher = Hasher::new();
    let secret = desired.is_secret();
    for (key, child) in sorted(fields) {
        let value = key.strip_prefix("f:").and_then(|name| object.get(name));
        hasher.tag(b'k', key.as_bytes());
        if secret && key == "f:data" {
            hasher.value(child);
        } else {
            owned(&mut hasher, child, value);
        }
    }
    Some(hasher.finish())
}

/// Feeds the set of fields and the values at them.
fn owned(hasher: &mut Hasher, fields: &Value, value: Option<&Value>) {
    let children = sorted(fields);
    if children.is_empty() {
        match value {
            Some(value) => hasher.value(value),
            None => hasher.tag(b'-', &[]),
        }
        return;
    }
    hasher.tag(b'<', &(children.len() as u64).to_le_bytes());
    for (key, child) in children {
        hasher.tag(b'k', key.as_bytes());
        // `.` is the field itself, whose presence is all that there is to it.
        if key == "." || key.strip_prefix("f:") == Some(ANNOTATION) {
            continue;
        }
        owned(hasher, child, value.and_then(|v| select(v, key)));
    }
}

fn sorted(fields: &Value) -> Vec<(&String, &Value)> {
    let mut children: Vec<_> = fields.as_object().into_iter().flatten().collect();
    children.sort_unstable_by_key(|(key, _)| *key);
    children
}

/// Follows one step of a `fieldsV1` path: `f:` a field, `k:` a list's item by its keys, `v:` a set's item by its
/// value, `i:` an item by its index.
fn select<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    let (sort, rest) = step.split_once(':')?;
    match sort {
        "f" => value.get(rest),
        "k" => {
            let keys: serde_json::Map<String, Value> = serde_json::from_str(rest).ok()?;
            value.as_array()?.iter().find(|item| keys.iter().all(|(k, v)| item.get(k) == Some(v)))
        }
        "v" => {
            let wanted: Value = serde_json::from_str(rest).ok()?;
            value.as_array()?.iter().find(|item| **item == wanted)
        }
        "i" => value.as_array()?.get(rest.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn desired() -> Manifest {
        Manifest::new(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"},
            "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "http"}]}}),
        )
        .unwrap()
    }

    fn live_object() -> Value {
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "s", "namespace": "n", "managedFields": [
                {"manager": "csw", "operation": "Apply", "apiVersion": "v1", "fieldsV1":
                    {"f:metadata": {"f:annotations": {(format!("f:{ANNOTATION}")): {}}},
                     "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}}}}}]},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 80}]}})
    }

    fn recorded(mut object: Value) -> Value {
        let record = of(&desired(), &object).unwrap();
        object["metadata"]["annotations"] = json!({ ANNOTATION: record });
        object
    }

    #[test]
    fn the_record_is_as_long_as_its_placeholder() {
        assert_eq!(of(&desired(), &live_object()).unwrap().len(), UNKNOWN.len());
    }

    #[test]
    fn what_is_not_ours_may_change_and_what_is_ours_may_not() {
        let object = recorded(live_object());
        assert!(holds(&desired(), &object));

        let mut other = object.clone();
        other["spec"]["clusterIP"] = json!("10.0.0.2");
        other["spec"]["ports"][0]["targetPort"] = json!(81);
        assert!(holds(&desired(), &other), "fields of others are none of our business");

        let mut value = object.clone();
        value["spec"]["ports"][0]["name"] = json!("web");
        assert!(!holds(&desired(), &value), "a value changed behind managedFields' back");

        let mut taken = object.clone();
        taken["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:ports"]
            ["k:{\"port\":80,\"protocol\":\"TCP\"}"]
            .as_object_mut()
            .unwrap()
            .remove("f:name");
        assert!(!holds(&desired(), &taken), "a field was taken from us");

        let mut gone = object.clone();
        gone["metadata"]["managedFields"] = json!([]);
        assert!(!holds(&desired(), &gone));

        let mut another = desired().body().clone();
        another["spec"]["ports"][0]["name"] = json!("web");
        assert!(!holds(&Manifest::new(another).unwrap(), &object), "something else is wanted");
    }

    #[test]
    fn a_secrets_values_are_compared_but_not_digested() {
        let secret = |value: &str| {
            Manifest::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": value}}))
                .unwrap()
        };
        let live = |value: &str| {
            json!({"metadata": {"managedFields": [{"manager": "csw", "operation": "Apply", "apiVersion": "v1",
                "fieldsV1": {"f:data": {"f:k": {}}}}]}, "data": {"k": value}})
        };
        let record = of(&secret("YQ=="), &live("YQ==")).unwrap();
        assert_eq!(
            record,
            of(&secret("Yg=="), &live("Yg==")).unwrap(),
            "the annotation tells nothing of the value"
        );
        let mut object = live("YQ==");
        object["metadata"]["annotations"] = json!({ ANNOTATION: record });
        assert!(holds(&secret("YQ=="), &object));
        assert!(!holds(&secret("Yg=="), &object));
    }
}
