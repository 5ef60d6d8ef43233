use std::collections::BTreeMap;

use serde_json::Value;

use super::lookup::{items, text};

type Key = (String, String);

/// What is around the objects in question: their pods, what stands between, and what Kubernetes complains about.
#[derive(Debug, Default)]
pub struct Surroundings {
    pods: BTreeMap<Key, Value>,
    replica_sets: BTreeMap<Key, Value>,
    warnings: BTreeMap<Key, Value>,
    storage_classes: BTreeMap<Key, Value>,
}

impl Surroundings {
    fn of_kind(&mut self, kind: &str) -> Option<&mut BTreeMap<Key, Value>> {
        match kind {
            "Pod" => Some(&mut self.pods),
            "ReplicaSet" => Some(&mut self.replica_sets),
            "Event" => Some(&mut self.warnings),
            "StorageClass" => Some(&mut self.storage_classes),
            _ => None,
        }
    }

    /// Takes note of an object as it is now.
    pub fn put(&mut self, kind: &str, object: Value) {
        let key =
            (text(&object, "/metadata/namespace").to_owned(), text(&object, "/metadata/name").to_owned());
        if let Some(map) = self.of_kind(kind) {
            map.insert(key, object);
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, kind: &str, namespace: Option<&str>, name: &str) {
        if let Some(map) = self.of_kind(kind) {
            map.remove(&(namespace.unwrap_or_default().to_owned(), name.to_owned()));
        }
    }

    /// The pods that an object owns itself.
    pub fn pods_of<'s>(&'s self, owner: &'s str) -> impl Iterator<Item = &'s Value> {
        self.pods.values().filter(move |p| owned_by(p, owner))
    }

    /// The pods that an object owns itself or by a ReplicaSet; a pod is its own.
    pub fn pods_under<'s>(&'s self, uid: &'s str) -> impl Iterator<Item = &'s Value> {
        let through = self.replica_sets_of(uid).flat_map(|r| self.pods_of(text(r, "/metadata/uid")));
        let itself = self.pods.values().filter(move |p| text(p, "/metadata/uid") == uid);
        self.pods_of(uid).chain(through).chain(itself)
    }

    /// The ReplicaSets that an object owns.
    pub fn replica_sets_of<'s>(&'s self, owner: &'s str) -> impl Iterator<Item = &'s Value> {
        self.replica_sets.values().filter(move |r| owned_by(r, owner))
    }

    /// The latest complaint about an object for this reason.
    pub fn warning(&self, uid: &str, reason: &str) -> Option<&str> {
        let time = |e: &Value| text(e, "/lastTimestamp").to_owned();
        self.warnings
            .values()
            .filter(|e| text(e, "/involvedObject/uid") == uid && text(e, "/reason") == reason)
            .max_by_key(|e| time(e))
            .map(|e| text(e, "/message"))
    }

    /// How volumes of a storage class are bound, if it is known. An empty name is the default class.
    pub fn binding_mode(&self, class: Option<&str>) -> Option<&str> {
        let default = |c: &Value| {
            c.pointer("/metadata/annotations")
                .and_then(|a| a.get("storageclass.kubernetes.io/is-default-class"))
                .and_then(Value::as_str)
                == Some("true")
        };
        let found = self.storage_classes.values().find(|c| match class {
            Some(name) => text(c, "/metadata/name") == name,
            None => default(c),
        })?;
        Some(text(found, "/volumeBindingMode"))
    }
}

fn owned_by(object: &Value, uid: &str) -> bool {
    !uid.is_empty() && items(object, "/metadata/ownerReferences").any(|o| text(o, "/uid") == uid)
}
