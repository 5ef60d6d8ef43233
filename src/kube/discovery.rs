use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;

use super::cluster::Call;
use super::{Cluster, DEFAULT_CONCURRENCY, KubeError};
use crate::model::{GroupVersionKind, ObjectRef};

/// How a cluster serves a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The kind.
    pub gvk: GroupVersionKind,
    /// `configmaps`
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it.
    pub verbs: Vec<String>,
}

impl Resource {
    /// The path of all its objects, of those in a namespace, or of one.
    pub fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let root = if self.gvk.group.is_empty() { "/api" } else { "/apis" };
        let mut path = format!("{root}/{}", self.gvk.api_version());
        if let (true, Some(namespace)) = (self.namespaced, namespace) {
            path = format!("{path}/namespaces/{namespace}");
        }
        path = format!("{path}/{}", self.plural);
        match name {
            Some(name) => format!("{path}/{name}"),
            None => path,
        }
    }

    /// The path of an object.
    pub fn object_path(&self, object: &ObjectRef) -> String {
        self.path(object.namespace.as_deref(), Some(&object.name))
    }
}

/// A kind that the cluster doesn't serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The kind.
    pub gvk: GroupVersionKind,
    /// API versions in which the cluster does serve a kind of that name and group.
    pub served_as: Vec<String>,
}

/// The kinds that were asked for, as far as the cluster serves them.
#[derive(Debug, Clone, Default)]
pub struct Served {
    kinds: HashMap<GroupVersionKind, Resource>,
    /// The others.
    pub missing: Vec<Missing>,
}

impl Served {
    /// How a kind is served.
    pub fn get(&self, gvk: &GroupVersionKind) -> Option<&Resource> {
        self.kinds.get(gvk)
    }

    /// Whether a kind is served.
    pub fn knows(&self, gvk: &GroupVersionKind) -> bool {
        self.kinds.contains_key(gvk)
    }

    /// Adds what another question has found.
    pub fn merge(&mut self, other: Self) {
        self.kinds.extend(other.kinds);
        self.missing.extend(other.missing);
    }

    /// A kind by group and name, in whatever version it was found.
    pub fn by_group_kind(&self, group_kind: &str) -> Option<&Resource> {
        self.kinds.values().find(|r| r.gvk.group_kind() == group_kind)
    }

    /// All of them, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        let sorted: BTreeMap<_, _> = self.kinds.iter().collect();
        sorted.into_values()
    }
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<ApiResource>,
}

#[derive(Deserialize)]
struct ApiResource {
    name: String,
    namespaced: bool,
    kind: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct GroupList {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "groupVersion")]
    group_version: String,
}

impl Cluster {
    /// Asks how kinds are served: a request for each group and version, all at once. `group_kinds` are kinds of which
    /// no version is known (`Deployment.apps`): the version that the server prefers is taken, and one that isn't
    /// served at all is left out without a word, since nothing can be there.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub async fn discover(
        &self,
        kinds: &BTreeSet<GroupVersionKind>,
        group_kinds: &BTreeSet<String>,
    ) -> Result<Served, KubeError> {
        let mut served = Served::default();
        let versions: BTreeSet<String> = kinds.iter().map(GroupVersionKind::api_version).collect();
        let mut lists = self.resource_lists(versions).await?;
        let mut unknown = Vec::new();
        for gvk in kinds {
            match lists.get(&gvk.api_version()).and_then(|l| find(l, gvk)) {
                Some(resource) => {
                    served.kinds.insert(gvk.clone(), resource);
                }
                None => unknown.push(gvk.clone()),
            }
        }
        let sought: Vec<(String, String)> = group_kinds
            .iter()
            .filter(|gk| served.by_group_kind(gk).is_none())
            .map(|gk| gk.split_once('.').unwrap_or((gk, "")))
            .map(|(kind, group)| (group.to_owned(), kind.to_owned()))
            .collect();
        if unknown.is_empty() && sought.is_empty() {
            return Ok(served);
        }
        // Versions of the groups in question, the preferred one first.
        let wanted: BTreeSet<&str> =
            unknown.iter().map(|g| g.group.as_str()).chain(sought.iter().map(|(g, _)| g.as_str())).collect();
        let offered = self.group_versions(&wanted).await?;
        let more: BTreeSet<String> =
            offered.values().flatten().filter(|v| !lists.contains_key(*v)).cloned().collect();
        lists.extend(self.resource_lists(more).await?);
        let found = |group: &str, kind: &str| -> Vec<Resource> {
            let versions = offered.get(group).into_iter().flatten();
            versions.filter_map(|v| find(lists.get(v)?, &GroupVersionKind::new(v, kind))).collect()
        };
        for gvk in unknown {
            let served_as = found(&gvk.group, &gvk.kind).iter().map(|r| r.gvk.api_version()).collect();
            served.missing.push(Missing { gvk, served_as });
        }
        for (group, kind) in sought {
            if let Some(resource) = found(&group, &kind).into_iter().next() {
                served.kinds.insert(resource.gvk.clone(), resource);
            }
        }
        Ok(served)
    }

    async fn resource_lists(
        &self,
        versions: BTreeSet<String>,
    ) -> Result<HashMap<String, Vec<ApiResource>>, KubeError> {
        stream::iter(versions)
            .map(|version| async move {
                let root = if version.contains('/') { "/apis" } else { "/api" };
                let call = Call::get(
                    format!("{root}/{version}"),
                    format!("see what the cluster serves of {version}"),
                );
                match self.send(call).await {
                    Ok(reply) => {
                        let list: ResourceList = parse(&reply.body, &version)?;
                        Ok((version, list.resources))
                    }
                    Err(e) if e.is_not_found() => Ok((version, Vec::new())),
                    Err(e) => Err(e),
                }
            })
            .buffer_unordered(DEFAULT_CONCURRENCY)
            .try_collect()
            .await
    }

    async fn group_versions(
        &self,
        groups: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Vec<String>>, KubeError> {
        let mut offered = BTreeMap::new();
        if groups.contains("") {
            offered.insert(String::new(), vec!["v1".to_owned()]);
        }
        if groups.iter().any(|g| !g.is_empty()) {
            let reply = self.send(Call::get("/apis", "see what the cluster serves")).await?;
            let list: GroupList = parse(&reply.body, "/apis")?;
            for group in list.groups.into_iter().filter(|g| groups.contains(g.name.as_str())) {
                offered.insert(group.name, group.versions.into_iter().map(|v| v.group_version).collect());
            }
        }
        Ok(offered)
    }
}

fn find(list: &[ApiResource], gvk: &GroupVersionKind) -> Option<Resource> {
    let found = list.iter().find(|r| r.kind == gvk.kind && !r.name.contains('/'))?;
    Some(Resource {
        gvk: gvk.clone(),
        plural: found.name.clone(),
        namespaced: found.namespaced,
        verbs: found.verbs.clone(),
    })
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8], of: &str) -> Result<T, KubeError> {
    serde_json::from_slice(body).map_err(|e| KubeError::Answer {
        what: format!("see what the cluster serves of {of}"),
        why: crate::expectation::json(&e),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_the_api_lays_them_out() {
        let resource = |version: &str, kind: &str, plural: &str, namespaced| Resource {
            gvk: GroupVersionKind::new(version, kind),
            plural: plural.into(),
            namespaced,
            verbs: Vec::new(),
        };
        let deployments = resource("apps/v1", "Deployment", "deployments", true);
        assert_eq!(deployments.path(Some("n"), Some("d")), "/apis/apps/v1/namespaces/n/deployments/d");
        assert_eq!(deployments.path(None, None), "/apis/apps/v1/deployments");
        let namespaces = resource("v1", "Namespace", "namespaces", false);
        assert_eq!(namespaces.path(None, Some("n")), "/api/v1/namespaces/n");
    }
}
