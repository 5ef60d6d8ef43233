use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::members::config_maps;
use super::{ApplyProgress, ClusterSink, Member, SinkError};
use crate::kube::{Dependents, KubeError, Observer, Sight, Target};
use crate::model::ObjectRef;
use crate::plan::{Action, Change, Fate, Scope, fate};

/// Kinds that are deleted only when they are named.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// PersistentVolumeClaims, and the data on their volumes.
    pub volumes: bool,
    /// Namespaces, with everything in them.
    pub namespaces: bool,
    /// CustomResourceDefinitions, with all objects of their kinds.
    pub definitions: bool,
}

impl Sweep {
    fn names(&self, kind: &str) -> bool {
        match kind {
            "PersistentVolumeClaim" | "PersistentVolume" => self.volumes,
            "Namespace" => self.namespaces,
            "CustomResourceDefinition" => self.definitions,
            _ => false,
        }
    }
}

/// What is to be deleted of a set.
#[derive(Debug)]
pub struct Deletion {
    /// What a person is shown.
    pub changes: Vec<Change>,
    going: Vec<Member>,
    /// Whether members stay.
    keeps: bool,
}

impl Deletion {
    /// How many objects go.
    pub fn len(&self) -> usize {
        self.going.len()
    }

    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.going.is_empty()
    }
}

impl ClusterSink {
    /// Finds what deleting the set would delete.
    ///
    /// # Errors
    /// When the members can't be listed.
    pub async fn plan_deletion(&self, sweep: &Sweep, concurrency: usize) -> Result<Deletion, SinkError> {
        let mut members: Vec<Member> = self.members(concurrency).await?.into_values().collect();
        members.sort_by_cached_key(|m| {
            std::cmp::Reverse((m.object.order(), m.object.gvk.kind.clone(), m.object.name.clone()))
        });
        let mut deletion = Deletion { changes: Vec::new(), going: Vec::new(), keeps: false };
        for member in members {
            let object = member.object.clone();
            let leaving = member.live.pointer("/metadata/deletionTimestamp").is_some();
            let (action, reason) = match fate(&object.gvk.kind, &member.live, &Scope::All) {
                Fate::Delete => (Action::Delete, "member of the set"),
                Fate::Keep(_) if sweep.names(&object.gvk.kind) => {
                    (Action::Delete, "member of the set, named")
                }
                Fate::Keep(why) => (Action::Keep, why),
                // It is waited for like the others.
                Fate::Ignore if leaving => (Action::Delete, "is being deleted already"),
                Fate::Ignore => (Action::Keep, "goes with its owner"),
            };
            let reason = match reason {
                "objects of this kind are never pruned" => "deleted only when named",
                other => other,
            };
            deletion.changes.push(Change::new(object, action, reason));
            if action == Action::Delete {
                deletion.going.push(member);
            } else {
                deletion.keeps |= reason == "deleted only when named";
            }
        }
        Ok(deletion)
    }

    /// Deletes, the last applied first, and returns when everything is gone: its dependents, then itself. When no
    /// member is left, the parent goes too.
    ///
    /// # Errors
    /// When the server refuses, or something is still there after `timeout`.
    pub async fn delete(
        &self,
        deletion: Deletion,
        timeout: Duration,
        concurrency: usize,
        progress: &dyn ApplyProgress,
    ) -> Result<Vec<ObjectRef>, SinkError> {
        let Deletion { going, keeps, .. } = deletion;
        let deadline = Instant::now() + timeout;
        let total = going.len();
        let mut gone = Vec::new();
        progress.deleted(0, total);
        let mut queue = going;
        while let Some(now) = queue.first().map(|m| m.object.order().rank()) {
            let end = queue.iter().position(|m| m.object.order().rank() != now).unwrap_or(queue.len());
            let row: Vec<Member> = queue.drain(..end).collect();
            let outcomes: Vec<(ObjectRef, Result<bool, KubeError>)> = stream::iter(row.clone())
                .map(|m| async move {
                    let outcome =
                        self.cluster.delete(&m.resource, &m.object, m.uid(), Dependents::First).await;
                    (m.object, outcome)
                })
                .buffer_unordered(concurrency.max(1))
                .collect()
                .await;
            let mut cause = None;
            let mut refused = Vec::new();
            for (object, outcome) in outcomes {
                if let Err(error) = outcome {
                    cause.get_or_insert(error);
                    refused.push(object);
                }
            }
            if let Some(cause) = cause {
                refused.extend(queue.into_iter().map(|m| m.object));
                return Err(SinkError::Partial {
                    cause: Some(Box::new(cause)),
                    applied: gone,
                    not_applied: refused,
                });
            }
            // What others need goes only when the others are gone: a Job's pod still wants its Secret.
            self.absence(&row, deadline, timeout).await?;
            gone.extend(row.into_iter().map(|m| m.object));
            progress.deleted(gone.len(), total);
        }
        if !keeps {
            self.delete_parent().await?;
        }
        Ok(gone)
    }

    /// Returns when none of the objects is there any more, as the server says.
    pub(super) async fn absence(
        &self,
        row: &[Member],
        deadline: Instant,
        timeout: Duration,
    ) -> Result<(), SinkError> {
        let targets: Vec<Target> =
            row.iter().map(|m| Target { object: m.object.clone(), resource: m.resource.clone() }).collect();
        let selector = self.selector();
        let mut observer = Observer::new(&self.cluster, targets, Some(&selector));
        let wanted: Vec<&str> = row.iter().map(Member::uid).collect();
        let left = |observer: &Observer| -> Vec<String> {
            (0..row.len())
                .filter_map(|i| match observer.sight(i) {
                    Sight::Absent => None,
                    Sight::Unknown => row.get(i).map(|m| m.object.to_string()),
                    Sight::Present(object) => {
                        let uid = object.pointer("/metadata/uid").and_then(serde_json::Value::as_str);
                        // Somebody has made another of that name.
                        (uid == wanted.get(i).copied()).then(|| held(row.get(i), object))
                    }
                })
                .collect()
        };
        loop {
            tokio::select! {
                changed = observer.changed() => changed?,
                () = tokio::time::sleep_until(deadline) => {
                    return Err(SinkError::StillThere { seconds: timeout.as_secs(), left: left(&observer) });
                }
            }
            if left(&observer).is_empty() {
                return Ok(());
            }
        }
    }

    async fn delete_parent(&self) -> Result<(), SinkError> {
        let object = self.parent_ref();
        let Some(live) = self.cluster.get(&config_maps(), &object).await? else { return Ok(()) };
        // Said again by the server itself: no member is left, not even one that somebody has just added.
        let left: BTreeSet<String> = self
            .members(crate::kube::DEFAULT_CONCURRENCY)
            .await?
            .into_values()
            .map(|m| m.object.to_string())
            .collect();
        if left.is_empty() {
            let uid = live.pointer("/metadata/uid").and_then(serde_json::Value::as_str).unwrap_or_default();
            self.cluster.delete(&config_maps(), &object, uid, Dependents::Later).await?;
        }
        Ok(())
    }
}

fn held(member: Option<&Member>, object: &serde_json::Value) -> String {
    let name = member.map(|m| m.object.to_string()).unwrap_or_default();
    let finalizers: Vec<&str> = object
        .pointer("/metadata/finalizers")
        .and_then(serde_json::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_str)
        .collect();
    if finalizers.is_empty() { name } else { format!("{name} (held by {})", finalizers.join(", ")) }
}
