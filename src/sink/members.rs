use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::{ClusterSink, SinkError};
use crate::kube::{Resource, Served};
use crate::model::{GroupVersionKind, ObjectRef};
use crate::plan::applyset::Contents;

/// A live member of the set.
#[derive(Debug, Clone)]
pub struct Member {
    /// Which object it is.
    pub object: ObjectRef,
    /// How its kind is served.
    pub resource: Resource,
    /// The object.
    pub live: Value,
}

impl Member {
    /// Its UID, which no other object of that name will have.
    pub fn uid(&self) -> &str {
        self.live.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The live members of the set, by identity.
pub type Members = BTreeMap<(String, Option<String>, String), Member>;

/// A ConfigMap, as every cluster serves it.
pub(super) fn config_maps() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("v1", "ConfigMap"),
        plural: "configmaps".into(),
        namespaced: true,
        verbs: Vec::new(),
    }
}

impl ClusterSink {
    /// The parent as it is, and what it says of the set.
    pub(super) async fn parent_contents(&self) -> Result<(Option<Value>, Contents), SinkError> {
        let live = self.cluster.get(&config_maps(), &self.parent_ref()).await?;
        let contents = match &live {
            Some(live) => self.parent.contents(live)?,
            None => Contents {
                namespaces: BTreeSet::from([self.parent.namespace.clone()]),
                ..Contents::default()
            },
        };
        Ok((live, contents))
    }

    pub(super) fn parent_ref(&self) -> ObjectRef {
        ObjectRef {
            gvk: GroupVersionKind::new("v1", "ConfigMap"),
            namespace: Some(self.parent.namespace.clone()),
            name: self.parent.name.clone(),
        }
    }

    /// All live members, wherever the parent says that there may be some.
    ///
    /// # Errors
    /// When the cluster can't be asked, or another tool keeps the set.
    pub async fn members(&self, concurrency: usize) -> Result<Members, SinkError> {
        let (_, contents) = self.parent_contents().await?;
        let served = self.cluster.discover(&BTreeSet::new(), &contents.group_kinds).await?;
        self.list_members(places(&served, &contents), concurrency).await
    }

    /// One list for each kind and namespace.
    pub(super) async fn list_members(
        &self,
        places: Places,
        concurrency: usize,
    ) -> Result<Members, SinkError> {
        let selector = self.selector();
        let lists: Vec<Vec<Member>> = stream::iter(places)
            .map(|((_, namespace), resource)| {
                let selector = &selector;
                async move {
                    let found = self
                        .cluster
                        .list(&resource, namespace.as_deref(), &[("labelSelector", selector)])
                        .await?;
                    Ok::<_, SinkError>(found.into_iter().filter_map(|live| member(&resource, live)).collect())
                }
            })
            .buffer_unordered(concurrency.max(1))
            .try_collect()
            .await?;
        Ok(lists.into_iter().flatten().map(|m| (m.object.identity(), m)).collect())
    }
}

/// Kinds and namespaces to look in.
pub(super) type Places = BTreeMap<(GroupVersionKind, Option<String>), Resource>;

/// Every kind of the set in every namespace of the set.
pub(super) fn places(served: &Served, contents: &Contents) -> Places {
    let mut places = Places::new();
    for resource in contents.group_kinds.iter().filter_map(|gk| served.by_group_kind(gk)) {
        if !resource.verbs.iter().any(|v| v == "list") {
            continue;
        }
        if resource.namespaced {
            for namespace in &contents.namespaces {
                places.insert((resource.gvk.clone(), Some(namespace.clone())), resource.clone());
            }
        } else {
            places.insert((resource.gvk.clone(), None), resource.clone());
        }
    }
    places
}

fn member(resource: &Resource, live: Value) -> Option<Member> {
    let text = |p: &str| live.pointer(p).and_then(Value::as_str).map(str::to_owned);
    let object = ObjectRef {
        gvk: resource.gvk.clone(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name")?,
    };
    Some(Member { object, resource: resource.clone(), live })
}
