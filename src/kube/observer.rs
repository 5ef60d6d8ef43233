use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::stream::{BoxStream, SelectAll, StreamExt as _};
use serde_json::Value;

use super::ready::{Surroundings, Verdict, assess, has_pods};
use super::watch::{Selection, Watched};
use super::{Cluster, KubeError, Resource};
use crate::model::{GroupVersionKind, ObjectRef};

/// An object to keep an eye on.
#[derive(Debug, Clone)]
pub struct Target {
    /// The object.
    pub object: ObjectRef,
    /// How its kind is served.
    pub resource: Resource,
}

/// What is known of a target.
#[derive(Debug)]
pub enum Sight<'o> {
    /// Nothing yet.
    Unknown,
    /// It is there.
    Present(&'o Value),
    /// It is not there.
    Absent,
}

enum Role {
    Target(Resource),
    Around(&'static str),
}

type Told = (usize, Result<Watched, KubeError>);

/// Watches objects and what is around them: one connection a kind and namespace. Pods and events are watched only
/// while an object that has any is not ready.
pub struct Observer {
    cluster: Cluster,
    targets: Vec<Target>,
    index: HashMap<(String, Option<String>, String), usize>,
    present: BTreeMap<usize, Value>,
    streams: SelectAll<BoxStream<'static, Told>>,
    roles: Vec<Role>,
    unsynced: BTreeSet<usize>,
    around: Surroundings,
    /// Namespaces whose pods are watched.
    surrounded: BTreeSet<String>,
    /// Whether pods are of interest even where all is well.
    curious: bool,
    blind: Vec<String>,
}

impl Observer {
    /// Begins to watch. `labels` is a selector that all targets match, so that nothing else has to be sent.
    pub fn new(cluster: &Cluster, targets: Vec<Target>, labels: Option<&str>) -> Self {
        let mut observer = Self {
            cluster: cluster.clone(),
            index: targets.iter().enumerate().map(|(i, t)| (t.object.identity(), i)).collect(),
            targets,
            present: BTreeMap::new(),
            streams: SelectAll::new(),
            roles: Vec::new(),
            unsynced: BTreeSet::new(),
            around: Surroundings::default(),
            surrounded: BTreeSet::new(),
            curious: false,
            blind: Vec::new(),
        };
        let mut selections: BTreeMap<(GroupVersionKind, Option<String>), Resource> = BTreeMap::new();
        for target in &observer.targets {
            let namespace = target.object.namespace.clone();
            selections.insert((target.resource.gvk.clone(), namespace), target.resource.clone());
        }
        if selections.keys().any(|(gvk, _)| gvk.kind == "PersistentVolumeClaim") {
            let classes = builtin("storage.k8s.io/v1", "StorageClass", "storageclasses", false);
            observer.add(
                Role::Around("StorageClass"),
                Selection { resource: classes, namespace: None, labels: None, fields: None },
            );
        }
        for ((_, namespace), resource) in selections {
            let selection = Selection {
                resource: resource.clone(),
                namespace,
                labels: labels.map(str::to_owned),
                fields: None,
            };
            observer.add(Role::Target(resource), selection);
        }
        observer
    }

    /// Looks at pods even where all is well.
    #[must_use]
    pub fn curious(mut self) -> Self {
        self.curious = true;
        self
    }

    /// Waits until everything has been seen once.
    ///
    /// # Errors
    /// When a target may not be watched, or the server is gone for longer than `patience`.
    pub async fn settle(&mut self, patience: std::time::Duration) -> Result<(), KubeError> {
        let silence = KubeError::Unreachable {
            server: self.cluster.server().to_owned(),
            why: format!("it has not shown all objects within {} s", patience.as_secs()),
        };
        let seen = async {
            while !self.synced() {
                self.changed().await?;
            }
            Ok(())
        };
        tokio::time::timeout(patience, seen).await.unwrap_or(Err(silence))
    }

    fn add(&mut self, role: Role, selection: Selection) {
        let id = self.roles.len();
        self.roles.push(role);
        self.unsynced.insert(id);
        self.streams.push(self.cluster.watch(selection).map(move |told| (id, told)).boxed());
    }

    /// The objects in question.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Waits until something has changed, and takes note of everything that has.
    ///
    /// # Errors
    /// When a target may not be watched.
    pub async fn changed(&mut self) -> Result<(), KubeError> {
        if let Some(told) = self.streams.next().await {
            self.note(told)?;
        } else {
            // Nothing to watch: nothing will ever change.
            std::future::pending::<()>().await;
        }
        // What has already arrived belongs to the same glance.
        while let Some(Some(told)) = futures::FutureExt::now_or_never(self.streams.next()) {
            self.note(told)?;
        }
        self.look_around();
        Ok(())
    }

    fn note(&mut self, (id, told): Told) -> Result<(), KubeError> {
        let Some(role) = self.roles.get(id) else { return Ok(()) };
        match (role, told) {
            (_, Ok(Watched::Synced)) => {
                self.unsynced.remove(&id);
            }
            (Role::Target(resource), Ok(Watched::Now(object))) => {
                if let Some(i) = self.find(&resource.gvk, &object) {
                    self.present.insert(i, *object);
                }
            }
            (Role::Target(resource), Ok(Watched::Gone { namespace, name })) => {
                if let Some(i) = self.index.get(&(resource.gvk.group_kind(), namespace, name)) {
                    self.present.remove(i);
                }
            }
            (Role::Around(kind), Ok(Watched::Now(object))) => self.around.put(kind, *object),
            (Role::Around(kind), Ok(Watched::Gone { namespace, name })) => {
                self.around.remove(kind, namespace.as_deref(), &name);
            }
            (Role::Target(_), Err(error)) => return Err(error),
            (Role::Around(kind), Err(error)) => {
                // Without them there is less to tell, but the objects themselves are seen.
                tracing::info!(%error, "cannot look at {kind}s");
                self.blind.push((*kind).to_owned());
                self.unsynced.remove(&id);
            }
        }
        Ok(())
    }

    fn find(&self, gvk: &GroupVersionKind, object: &Value) -> Option<usize> {
        let text = |p: &str| object.pointer(p).and_then(Value::as_str).map(str::to_owned);
        let key = (gvk.group_kind(), text("/metadata/namespace"), text("/metadata/name")?);
        self.index.get(&key).copied()
    }

    /// Begins to watch pods and complaints where an object with pods is not ready.
    fn look_around(&mut self) {
        let wanted: BTreeSet<String> = self
            .present
            .iter()
            .filter_map(|(i, object)| {
                let target = self.targets.get(*i)?;
                let namespace = target.object.namespace.clone()?;
                let gvk = &target.object.gvk;
                let looks = has_pods(gvk) || gvk.kind == "PersistentVolumeClaim";
                (looks
                    && !self.surrounded.contains(&namespace)
                    && (self.curious || !assess(gvk, object, &self.around).is_ready()))
                .then_some(namespace)
            })
            .collect();
        for namespace in wanted {
            for (kind, version, plural, fields) in [
                ("Pod", "v1", "pods", None),
                ("ReplicaSet", "apps/v1", "replicasets", None),
                ("Event", "v1", "events", Some("type=Warning".to_owned())),
            ] {
                let resource = builtin(version, kind, plural, true);
                let selection =
                    Selection { resource, namespace: Some(namespace.clone()), labels: None, fields };
                self.add(Role::Around(kind), selection);
            }
            self.surrounded.insert(namespace);
        }
    }

    /// What is known of a target, by its place among them.
    pub fn sight(&self, i: usize) -> Sight<'_> {
        match self.present.get(&i) {
            Some(object) => Sight::Present(object),
            None if self.synced() => Sight::Absent,
            None => Sight::Unknown,
        }
    }

    /// How far a target is, if it is there.
    pub fn verdict(&self, i: usize) -> Option<Verdict> {
        let target = self.targets.get(i)?;
        Some(assess(&target.object.gvk, self.present.get(&i)?, &self.around))
    }

    /// Whether everything that is watched has been seen once.
    pub fn synced(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// What is around the targets.
    pub fn surroundings(&self) -> &Surroundings {
        &self.around
    }

    /// Kinds that we may not look at.
    pub fn blind(&self) -> &[String] {
        &self.blind
    }
}

/// A kind that every cluster serves.
pub(super) fn builtin(version: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
    Resource {
        gvk: GroupVersionKind::new(version, kind),
        plural: plural.to_owned(),
        namespaced,
        verbs: Vec::new(),
    }
}
