use std::fmt;

use serde::Serialize;

use super::InstallOrder;

/// The name under which a cluster records which fields of an object are ours.
pub const FIELD_MANAGER: &str = "csw";

/// Group, version and kind of a Kubernetes object; the core group is the empty string.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersionKind {
    /// `apps`, `batch`, … or empty for the core group.
    pub group: String,
    /// `v1`, `v1beta1`, …
    pub version: String,
    /// `Deployment`, `ConfigMap`, …
    pub kind: String,
}

impl GroupVersionKind {
    /// From an `apiVersion` (`v1`, `apps/v1`) and a `kind`.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `ConfigMap`, `Deployment.apps`: what names a kind whatever its version.
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}.{}", self.kind, self.group) }
    }
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.api_version())
    }
}

/// Names one object of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Its kind in the version that it is spoken of.
    pub gvk: GroupVersionKind,
    /// Its namespace; none if its kind is of the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectRef {
    /// What stays the same when the API version changes: group and kind, namespace, name.
    pub fn identity(&self) -> (String, Option<String>, String) {
        (self.gvk.group_kind(), self.namespace.clone(), self.name.clone())
    }

    /// Where its kind stands in the order in which objects are installed.
    pub fn order(&self) -> InstallOrder {
        InstallOrder::of(&self.gvk.kind)
    }

    /// `deployment.apps/scheduler`, as `kubectl -o name` prints it and as it takes it back.
    pub fn resource_name(&self) -> String {
        format!("{}/{}", self.gvk.group_kind().to_lowercase(), self.name)
    }
}

impl fmt::Display for ObjectRef {
    /// `Deployment scheduler`; with the namespace where there is one: `Deployment csw/scheduler`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.gvk.kind, self.name),
            None => write!(f, "{} {}", self.gvk.kind, self.name),
        }
    }
}

impl Serialize for ObjectRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut s = serializer.serialize_struct("ObjectRef", 4)?;
        s.serialize_field("apiVersion", &self.gvk.api_version())?;
        s.serialize_field("kind", &self.gvk.kind)?;
        if let Some(namespace) = &self.namespace {
            s.serialize_field("namespace", namespace)?;
        } else {
            s.skip_field("namespace")?;
        }
        s.serialize_field("name", &self.name)?;
        s.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_group_has_no_name() {
        let core = GroupVersionKind::new("v1", "ConfigMap");
        assert_eq!((core.api_version().as_str(), core.group_kind().as_str()), ("v1", "ConfigMap"));
        let apps = GroupVersionKind::new("apps/v1", "Deployment");
        assert_eq!((apps.api_version().as_str(), apps.group_kind().as_str()), ("apps/v1", "Deployment.apps"));
        let object = ObjectRef { gvk: apps, namespace: Some("csw".into()), name: "scheduler".into() };
        assert_eq!(object.resource_name(), "deployment.apps/scheduler");
        assert_eq!(object.to_string(), "Deployment csw/scheduler");
    }
}
