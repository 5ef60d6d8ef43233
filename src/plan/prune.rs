use std::collections::BTreeMap;

use serde_json::Value;

use super::record;

/// Kinds that hold what can't be made again; they are deleted only by somebody who names them.
const KEPT: &[&str] = &["Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition"];

/// Whether objects of a kind are deleted only when somebody names them.
pub fn is_kept(kind: &str) -> bool {
    KEPT.contains(&kind)
}

/// What becomes of a member that nobody wants any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is deleted.
    Delete,
    /// It stays, for this reason.
    Keep(&'static str),
    /// It is on its way out already, or belongs to another part of the set: none of our business.
    Ignore,
}

/// Which members a run is about: what it doesn't look at it doesn't prune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The whole set.
    All,
    /// Members with one of these sets of labels.
    Labels(Vec<BTreeMap<String, String>>),
}

impl Scope {
    /// What is within either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Labels(one), Self::Labels(other)) => Self::Labels([one, other].concat()),
            _ => Self::All,
        }
    }

    /// Whether a live object is within.
    pub fn covers(&self, object: &Value) -> bool {
        match self {
            Self::All => true,
            Self::Labels(sets) => {
                let labels = object.get("metadata").and_then(|m| m.get("labels"));
                sets.iter().any(|set| {
                    set.iter().all(|(k, v)| {
                        labels.and_then(|l| l.get(k)).and_then(Value::as_str) == Some(v.as_str())
                    })
                })
            }
        }
    }
}

/// What becomes of a live member that is not wanted.
pub fn fate(kind: &str, object: &Value, scope: &Scope) -> Fate {
    let metadata = object.get("metadata");
    if !scope.covers(object) || metadata.and_then(|m| m.get("deletionTimestamp")).is_some() {
        return Fate::Ignore;
    }
    let owned = metadata
        .and_then(|m| m.get("ownerReferences"))
        .and_then(Value::as_array)
        .is_some_and(|owners| !owners.is_empty());
    if owned {
        // It goes when its owner goes.
        return Fate::Ignore;
    }
    if record::our_fields(object, "").is_none() {
        // Controllers copy labels (Endpoints get their Service's); the label alone makes no member.
        return Fate::Keep("carries the label of the set, but csw did not apply it");
    }
    if is_kept(kind) {
        return Fate::Keep("objects of this kind are never pruned");
    }
    Fate::Delete
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ours() -> Value {
        json!({"metadata": {"name": "x", "labels": {"model": "a"}, "managedFields": [
            {"manager": "csw", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:data": {}}}]}})
    }

    #[test]
    fn only_what_is_ours_and_can_be_made_again_goes() {
        assert_eq!(fate("ConfigMap", &ours(), &Scope::All), Fate::Delete);
        for kind in KEPT {
            assert!(matches!(fate(kind, &ours(), &Scope::All), Fate::Keep(_)), "{kind}");
        }
        let mut copied = ours();
        copied["metadata"]["managedFields"][0]["manager"] = json!("kube-controller-manager");
        assert!(matches!(fate("Endpoints", &copied, &Scope::All), Fate::Keep(_)));
        let mut owned = ours();
        owned["metadata"]["ownerReferences"] = json!([{"kind": "Deployment"}]);
        assert_eq!(fate("ReplicaSet", &owned, &Scope::All), Fate::Ignore);
        let mut leaving = ours();
        leaving["metadata"]["deletionTimestamp"] = json!("2030-01-01T00:00:00Z");
        assert_eq!(fate("ConfigMap", &leaving, &Scope::All), Fate::Ignore);
    }

    #[test]
    fn a_run_prunes_within_its_scope() {
        let scope = |v: &str| Scope::Labels(vec![BTreeMap::from([("model".to_owned(), v.to_owned())])]);
        assert_eq!(fate("ConfigMap", &ours(), &scope("a")), Fate::Delete);
        assert_eq!(fate("ConfigMap", &ours(), &scope("b")), Fate::Ignore);
    }
}
