use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::check::{Checked, Job};
use super::members::{Member, Members, Places, places};
use super::{Check, ClusterSink, MissingKind, Options, SinkError};
use crate::kube::{Body, KubeError, Resource, Served};
use crate::model::{GroupVersionKind, ObjectRef};
use crate::plan::applyset::{Contents, PART_OF};
use crate::plan::{Action, Change, ChangeSet, Fate, Manifest, PlanError, fate, record};

/// What is to be done, checked as far as that can be done without doing it.
#[derive(Debug)]
pub struct Plan {
    /// What a person is shown.
    pub set: ChangeSet,
    /// Objects to apply, in order.
    pub(super) steps: Vec<Step>,
    /// Objects that can be checked only when their namespace or kind is there.
    pub(super) deferred: Vec<Job>,
    /// Members to delete, in order.
    pub(super) deletions: Vec<Member>,
    /// What the parent says now.
    pub(super) before: Option<Contents>,
    /// What it has to say before anything is applied.
    pub(super) during: Contents,
    /// What it may say when all is done.
    pub(super) after: Contents,
    /// Everything that is wanted, for a wait.
    pub(super) wanted: Vec<(ObjectRef, Resource)>,
}

impl Plan {
    /// Everything that is wanted, with how its kind is served.
    pub fn wanted(&self) -> &[(ObjectRef, Resource)] {
        &self.wanted
    }

    /// How many requests would change something.
    pub fn changes(&self) -> usize {
        self.steps.len() + self.deferred.len() + self.deletions.len()
    }
}

/// An object to apply.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) manifest: Manifest,
    pub(super) resource: Resource,
    /// The version of the live object whose fields may be taken over, because none of them changes in it.
    pub(super) seen: Option<String>,
    /// What has to go first, because it can't be changed into what is wanted.
    pub(super) replaces: Option<Member>,
}

impl Step {
    /// What is sent: for the one version of the object that was looked at, if it matters.
    pub(super) fn body(&self) -> Result<Body, KubeError> {
        let secret = self.manifest.is_secret();
        let Some(seen) = &self.seen else { return Body::new(self.manifest.body(), secret) };
        let mut body = self.manifest.body().clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), seen.clone().into());
        }
        Body::new(&body, secret)
    }
}

impl ClusterSink {
    /// Compares what is wanted with what is there. Nothing is changed.
    ///
    /// # Errors
    /// When the objects are not usable, a kind is not served, another tool keeps the set, or the cluster can't be
    /// asked. What the server refuses is no error but part of the plan.
    pub async fn plan(
        &self,
        manifests: Vec<Manifest>,
        check: Check,
        options: &Options,
        progress: &dyn super::ApplyProgress,
    ) -> Result<Plan, SinkError> {
        let kinds: BTreeSet<GroupVersionKind> = manifests.iter().map(|m| m.object().gvk.clone()).collect();
        // Both at once: one round trip.
        let (parent, served) =
            futures::future::join(self.parent_contents(), self.cluster.discover(&kinds, &BTreeSet::new()))
                .await;
        let (parent_live, before) = parent?;
        let mut served = served.map_err(SinkError::from)?;
        let (defined, missing) = split_missing(&manifests, &served);
        if !missing.is_empty() {
            return Err(SinkError::MissingKinds { kinds: missing });
        }
        let unseen: BTreeSet<String> = before
            .group_kinds
            .iter()
            .filter(|gk| {
                served.by_group_kind(gk).is_none() && !defined.values().any(|r| r.gvk.group_kind() == **gk)
            })
            .cloned()
            .collect();
        if !unseen.is_empty() {
            served.merge(self.cluster.discover(&BTreeSet::new(), &unseen).await?);
        }
        let jobs = self.jobs(manifests, &served, &defined)?;
        let wanted_contents = Contents {
            group_kinds: jobs.iter().map(|j| j.manifest.object().gvk.group_kind()).collect(),
            namespaces: jobs.iter().filter_map(|j| j.manifest.object().namespace.clone()).collect(),
        };
        let mut look: Places = places(&served, &before);
        for job in jobs.iter().filter(|j| served.get(&j.resource.gvk).is_some()) {
            // In the version that is wanted, since that is the one that the record is of.
            let key = (job.resource.gvk.clone(), job.manifest.object().namespace.clone());
            look.retain(|(gvk, ns), _| !(gvk.group_kind() == key.0.group_kind() && *ns == key.1));
            look.insert(key, job.resource.clone());
        }
        let mut members = self.list_members(look, options.concurrency).await?;
        let total = jobs.len();
        let wanted: Vec<(ObjectRef, Resource)> =
            jobs.iter().map(|j| (j.manifest.object().clone(), j.resource.clone())).collect();

        let mut plan = Sorted::default();
        let new_namespaces = self.new_namespaces(&jobs, &members).await?;
        let mut to_check = Vec::new();
        for mut job in jobs {
            job.live = members.remove(&job.manifest.object().identity()).map(|m| m.live);
            let object = job.manifest.object().clone();
            if job.live.as_ref().is_some_and(|live| record::holds(&job.manifest, live)) {
                plan.changes.push(Change::new(object, Action::Unchanged, "as applied"));
            } else if !served.knows(&job.resource.gvk) {
                plan.defer(job, "its kind is defined by this set: checked once that is served");
            } else if object.namespace.as_ref().is_some_and(|n| new_namespaces.contains(n)) {
                plan.defer(job, "its namespace is new: checked once that is there");
            } else {
                to_check.push(job);
            }
        }
        let unchanged = plan.changes.len() + plan.deferred.len();
        for checked in self.check_all(to_check, check, options, unchanged, total, progress).await? {
            plan.take(checked);
        }
        self.finish(plan, members, parent_live.is_some(), before, wanted_contents, wanted, options)
    }

    /// Settles namespaces, finds duplicates, and marks every object as a member.
    fn jobs(
        &self,
        manifests: Vec<Manifest>,
        served: &Served,
        defined: &BTreeMap<GroupVersionKind, Resource>,
    ) -> Result<Vec<Job>, SinkError> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        let mut jobs = Vec::with_capacity(manifests.len());
        let id = self.parent.id();
        for mut manifest in manifests {
            let gvk = &manifest.object().gvk;
            let Some(resource) = served.get(gvk).or_else(|| defined.get(gvk)).cloned() else { continue };
            if let Err(problem) = manifest.place(resource.namespaced, &self.parent.namespace) {
                problems.push(problem);
                continue;
            }
            if !seen.insert(manifest.object().identity()) {
                problems.push(format!("{} is there twice", manifest.object()));
            }
            if manifest.object().identity() == self.parent_ref().identity() {
                problems.push(format!(
                    "{} has the name of the set's own parent: rename it, or name another set with --applyset",
                    manifest.object()
                ));
            }
            manifest.label(PART_OF, &id);
            jobs.push(Job { manifest, resource, live: None });
        }
        if problems.is_empty() { Ok(jobs) } else { Err(PlanError::Manifests { problems }.into()) }
    }

    /// Namespaces that this set makes and that are not there yet.
    async fn new_namespaces(&self, jobs: &[Job], members: &Members) -> Result<BTreeSet<String>, SinkError> {
        let mut new = BTreeSet::new();
        for job in jobs {
            let object = job.manifest.object();
            if object.gvk.group_kind() != "Namespace" || members.contains_key(&object.identity()) {
                continue;
            }
            match self.cluster.get(&job.resource, object).await {
                Ok(None) => {
                    new.insert(object.name.clone());
                }
                // Who may not look at it is told by the checks of what is in it.
                Ok(Some(_)) => {}
                Err(e) if e.refusal().is_some_and(|r| r.code == 403) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(new)
    }

    #[allow(clippy::too_many_arguments)] // the last step of one function that would be too long
    fn finish(
        &self,
        mut sorted: Sorted,
        members: Members,
        has_parent: bool,
        before: Contents,
        wanted_contents: Contents,
        wanted: Vec<(ObjectRef, Resource)>,
        options: &Options,
    ) -> Result<Plan, SinkError> {
        let mut deletions = Vec::new();
        let mut kept = Contents::default();
        for member in members.into_values() {
            let object = member.object.clone();
            let (action, reason) = match fate(&object.gvk.kind, &member.live, &options.scope) {
                Fate::Delete if options.prune => (Action::Delete, "no longer wanted"),
                Fate::Delete => (Action::Keep, "no longer wanted; --prune deletes it"),
                Fate::Keep(why) => (Action::Keep, why),
                Fate::Ignore => {
                    kept.hold(&object);
                    continue;
                }
            };
            if action == Action::Keep {
                kept.hold(&object);
            } else {
                deletions.push(member);
            }
            sorted.changes.push(Change::new(object, action, reason));
        }
        if wanted.is_empty() && !deletions.is_empty() && !options.allow_empty {
            return Err(PlanError::EmptySet {
                parent: self.parent.resource_name(),
                members: deletions.len(),
            }
            .into());
        }
        let key = |o: &ObjectRef| (o.order(), o.gvk.kind.clone(), o.namespace.clone(), o.name.clone());
        sorted.changes.sort_by_cached_key(|c| (c.action == Action::Delete, key(&c.object)));
        sorted.steps.sort_by_cached_key(|s| key(s.manifest.object()));
        // What was applied last goes first.
        deletions.sort_by_cached_key(|m| std::cmp::Reverse(key(&m.object)));
        let set = ChangeSet::new(
            self.cluster.context().to_owned(),
            self.parent.resource_name(),
            self.parent.namespace.clone(),
            sorted.changes,
        );
        let during = before.union(&wanted_contents);
        let mut after = wanted_contents.union(&kept);
        after.namespaces.insert(self.parent.namespace.clone());
        Ok(Plan {
            set,
            steps: sorted.steps,
            deferred: sorted.deferred,
            deletions,
            before: has_parent.then_some(before),
            during,
            after,
            wanted,
        })
    }
}

/// What the checks have come to so far.
#[derive(Default)]
struct Sorted {
    changes: Vec<Change>,
    steps: Vec<Step>,
    deferred: Vec<Job>,
}

impl Sorted {
    fn defer(&mut self, job: Job, why: &str) {
        self.changes.push(Change::new(job.manifest.object().clone(), Action::Create, why));
        self.deferred.push(job);
    }

    fn take(&mut self, Checked { change, step }: Checked) {
        self.changes.push(change);
        self.steps.extend(step);
    }
}

/// Kinds that are not served, apart from those that the set itself defines.
fn split_missing(
    manifests: &[Manifest],
    served: &Served,
) -> (BTreeMap<GroupVersionKind, Resource>, Vec<MissingKind>) {
    let mut defined = BTreeMap::new();
    for manifest in manifests.iter().filter(|m| m.object().gvk.kind == "CustomResourceDefinition") {
        defined.extend(defines(manifest.body()).into_iter().map(|r| (r.gvk.clone(), r)));
    }
    let missing = served
        .missing
        .iter()
        .filter(|m| !defined.contains_key(&m.gvk))
        .filter_map(|m| {
            let example = manifests.iter().map(Manifest::object).find(|o| o.gvk == m.gvk)?.clone();
            Some(MissingKind { gvk: m.gvk.clone(), served_as: m.served_as.clone(), example })
        })
        .collect();
    defined.retain(|gvk, _| served.get(gvk).is_none());
    (defined, missing)
}

/// The kinds that a CustomResourceDefinition will have served.
fn defines(definition: &Value) -> Vec<Resource> {
    let text = |p: &str| definition.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    versions
        .filter_map(|v| v.get("name").and_then(Value::as_str))
        .map(|version| Resource {
            gvk: GroupVersionKind {
                group: text("/spec/group"),
                version: version.to_owned(),
                kind: text("/spec/names/kind"),
            },
            plural: text("/spec/names/plural"),
            namespaced: text("/spec/scope") == "Namespaced",
            verbs: Vec::new(),
        })
        .collect()
}
