use std::collections::BTreeSet;

use serde_json::Value;

/// A text at a JSON pointer; empty if there is none.
pub fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number at a JSON pointer.
pub fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// A truth at a JSON pointer; `false` if there is none.
pub(super) fn truth(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The items of a list at a JSON pointer.
pub fn items<'v>(object: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A condition of the status by its type.
pub fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    items(object, "/status/conditions").find(|c| text(c, "/type") == kind)
}

/// Whether the controller has seen the present spec.
pub(super) fn observed(object: &Value) -> bool {
    let generation = number(object, "/metadata/generation").unwrap_or(0);
    number(object, "/status/observedGeneration").unwrap_or(0) >= generation
}

/// The digests of the images that a pod's containers run, as the node resolved them.
pub fn image_digests(pod: &Value) -> BTreeSet<String> {
    items(pod, "/status/containerStatuses")
        .filter_map(|c| {
            let id = text(c, "/imageID");
            let digest =
                id.rsplit_once('@').or_else(|| id.rsplit_once("//")).map_or(id, |(_, digest)| digest);
            (!digest.is_empty()).then(|| digest.to_owned())
        })
        .collect()
}
