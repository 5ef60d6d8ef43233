//! Membership as KEP-3659 lays it down, so that other tools can tell what belongs together: a parent object, a label
//! on every member, and annotations on the parent that say where members may be.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::PlanError;

/// On every member: the id of its set.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
const ID: &str = "applyset.kubernetes.io/id";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
const TOOL: &str = "csw";
const TOOL_VERSION: &str = "csw/v2";

/// The parent of a set: a ConfigMap, so that whoever may look at the cluster can look at the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

impl Parent {
    /// The set's id: made from name, namespace, kind and group of the parent, so that it can't be copied to another.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(format!("{}.{}.ConfigMap.", self.name, self.namespace));
        format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest))
    }

    /// `configmap/csw`
    pub fn resource_name(&self) -> String {
        format!("configmap/{}", self.name)
    }

    /// The parent as it is to be applied.
    pub fn manifest(&self, contents: &Contents) -> Value {
        let list = |items: &mut dyn Iterator<Item = &String>| {
            items.map(String::as_str).collect::<Vec<_>>().join(",")
        };
        let others = list(&mut contents.namespaces.iter().filter(|n| **n != self.namespace));
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": { ID: self.id() },
                "annotations": {
                    TOOLING: TOOL_VERSION,
                    GROUP_KINDS: list(&mut contents.group_kinds.iter()),
                    NAMESPACES: others,
                },
            },
        })
    }

    /// What the live parent says of its set. An object of that name that is no parent counts as an empty set.
    ///
    /// # Errors
    /// When another tool keeps the set.
    pub fn contents(&self, live: &Value) -> Result<Contents, PlanError> {
        let annotation = |key: &str| {
            live.get("metadata")
                .and_then(|m| m.get("annotations"))
                .and_then(|a| a.get(key))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let tool = annotation(TOOLING);
        if !tool.is_empty() && tool.split('/').next() != Some(TOOL) {
            return Err(PlanError::ForeignSet { parent: self.resource_name(), tool: tool.to_owned() });
        }
        let list = |text: &str| -> BTreeSet<String> {
            text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        let mut namespaces = list(annotation(NAMESPACES));
        namespaces.insert(self.namespace.clone());
        Ok(Contents { group_kinds: list(annotation(GROUP_KINDS)), namespaces })
    }
}

/// Where the members of a set may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// `ConfigMap`, `Deployment.apps`
    pub group_kinds: BTreeSet<String>,
    /// The parent's namespace and the others.
    pub namespaces: BTreeSet<String>,
}

impl Contents {
    /// Makes room for a member.
    pub fn hold(&mut self, object: &crate::model::ObjectRef) {
        self.group_kinds.insert(object.gvk.group_kind());
        self.namespaces.extend(object.namespace.clone());
    }

    /// Everything that either has.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            group_kinds: self.group_kinds.union(&other.group_kinds).cloned().collect(),
            namespaces: self.namespaces.union(&other.namespaces).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> Parent {
        Parent { name: "csw".into(), namespace: "default".into() }
    }

    #[test]
    fn the_id_is_as_the_kep_computes_it() {
        // printf 'csw.default.ConfigMap.' | sha256sum | xxd -r -p | base64 | tr '+/' '-_' | tr -d =
        assert_eq!(parent().id(), "applyset-zIlruTYVjZWWI9QYZKB24CPsfWBwr3cM3rbrg3UvfMU-v1");
    }

    #[test]
    fn the_parent_tells_its_contents_back() {
        let contents = Contents {
            group_kinds: ["Deployment.apps", "ConfigMap"].map(String::from).into(),
            namespaces: ["default", "other"].map(String::from).into(),
        };
        let live = parent().manifest(&contents);
        assert_eq!(
            live["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"],
            "ConfigMap,Deployment.apps"
        );
        assert_eq!(live["metadata"]["annotations"]["applyset.kubernetes.io/additional-namespaces"], "other");
        assert_eq!(parent().contents(&live).unwrap(), contents);
    }

    #[test]
    fn another_tools_set_is_left_alone() {
        let mut live = parent().manifest(&Contents::default());
        live["metadata"]["annotations"][TOOLING] = "kubectl/v1.27".into();
        assert!(matches!(parent().contents(&live), Err(PlanError::ForeignSet { .. })));
    }
}
