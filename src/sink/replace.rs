use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::check::{Checked, Job, blocked, stopped};
use super::plan::Step;
use super::{ClusterSink, Member, Options, SinkError};
use crate::kube::ready::{items, text};
use crate::kube::{Body, Dependents, KubeError, Refusal, Resource};
use crate::model::{GroupVersionKind, ObjectRef};
use crate::plan::applyset::PART_OF;
use crate::plan::{Action, Change, FieldChange, Manifest, is_kept, record, subset};

/// So many fields are told one by one.
const SHOWN: usize = 5;
/// How long what an object owns is given to go before the object is made anew.
const GOING: Duration = Duration::from_secs(300);

impl ClusterSink {
    /// What becomes of an object of which a field is to change that can't. It is replaced only if that is asked for, if
    /// it is a member of this set that we applied, and if it holds nothing that can't be made again. Whether the server
    /// would take the new one is asked under another name.
    pub(super) async fn check_replacement(
        &self,
        job: Job,
        refusal: &Refusal,
        options: &Options,
    ) -> Result<Checked, SinkError> {
        let Job { mut manifest, resource, live } = job;
        let object = manifest.object().clone();
        let live = match live {
            Some(live) => live,
            None => match self.cluster.get(&resource, &object).await? {
                Some(live) => live,
                None => return Ok(stopped(&manifest, refusal)),
            },
        };
        let differing = subset(manifest.body(), &live, manifest.is_secret());
        let cause = in_the_way(refusal, &differing).unwrap_or_else(|| refusal.to_string());
        let refused = |why: &str| Checked {
            change: Change::new(object.clone(), Action::Refused, format!("{cause}; {why}")),
            step: None,
        };
        let holds_nothing = object.gvk.kind == "PersistentVolumeClaim" && was_never_bound(&live);
        if is_kept(&object.gvk.kind) && !holds_nothing {
            return Ok(refused(
                "objects of this kind are never replaced, because what they hold would be lost",
            ));
        }
        let label = live.pointer("/metadata/labels").and_then(|l| l.get(PART_OF)).and_then(Value::as_str);
        if label != Some(self.parent.id().as_str()) || record::our_fields(&live, "").is_none() {
            return Ok(refused("it is not replaced, because it is no member of this set"));
        }
        if !options.replace {
            return Ok(refused(if holds_nothing {
                "it was never bound and holds nothing: --force-replace deletes it and makes it anew"
            } else {
                "--force-replace deletes it and makes it anew"
            }));
        }
        let trial = trial(&manifest, &object);
        let body = Body::new(&trial.body, manifest.is_secret())?;
        let applied = match self.cluster.dry_run(&resource, &trial.object, body, false).await {
            Ok(applied) => applied,
            Err(error) => return Ok(stopped(&manifest, &blocked(error)?)),
        };
        if let Some(record) = record::of(&manifest, &applied.object) {
            manifest.annotate(record::ANNOTATION, &record);
        }
        let change = Change::new(object.clone(), Action::Replace, cause);
        let member = Member { object, resource: resource.clone(), live };
        Ok(Checked { change, step: Some(Step { manifest, resource, seen: None, replaces: Some(member) }) })
    }

    /// Deletes what is to be replaced, what it owns first, and returns when it is gone.
    pub(super) async fn make_room(&self, member: &Member) -> Result<(), KubeError> {
        self.cluster.delete(&member.resource, &member.object, member.uid(), Dependents::First).await?;
        let gone = self.absence(std::slice::from_ref(member), Instant::now() + GOING, GOING).await;
        gone.map_err(|error| match error {
            SinkError::Kube(error) => error,
            other => KubeError::Answer { what: format!("replace {}", member.object), why: other.to_string() },
        })?;
        if member.object.gvk.kind == "StatefulSet" { self.drop_empty_claims(member).await } else { Ok(()) }
    }

    /// Deletes claims that a StatefulSet has made and that were never bound: they would be used again as they are.
    async fn drop_empty_claims(&self, set: &Member) -> Result<(), KubeError> {
        let resource = Resource {
            gvk: GroupVersionKind::new("v1", "PersistentVolumeClaim"),
            plural: "persistentvolumeclaims".to_owned(),
            namespaced: true,
            verbs: Vec::new(),
        };
        let starts: Vec<String> = items(&set.live, "/spec/volumeClaimTemplates")
            .map(|template| format!("{}-{}-", text(template, "/metadata/name"), set.object.name))
            .collect();
        if starts.is_empty() {
            return Ok(());
        }
        let namespace = set.object.namespace.clone();
        for claim in self.cluster.list(&resource, namespace.as_deref(), &[]).await? {
            let name = text(&claim, "/metadata/name");
            let numbered = |start: &String| {
                name.strip_prefix(start)
                    .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
            };
            if was_never_bound(&claim) && starts.iter().any(numbered) {
                let object = ObjectRef {
                    gvk: resource.gvk.clone(),
                    namespace: namespace.clone(),
                    name: name.to_owned(),
                };
                let uid = text(&claim, "/metadata/uid");
                self.cluster.delete(&resource, &object, uid, Dependents::Later).await?;
            }
        }
        Ok(())
    }
}

/// Whether a claim has never had a volume, and so holds nothing.
fn was_never_bound(claim: &Value) -> bool {
    text(claim, "/status/phase") == "Pending" && text(claim, "/spec/volumeName").is_empty()
}

/// Which fields can't be changed, where the server only says which can.
fn in_the_way(refusal: &Refusal, differing: &[FieldChange]) -> Option<String> {
    let words = &refusal.message;
    let (_, but) = ["fields other than ", "immutable after creation except "]
        .iter()
        .find_map(|start| words.split_once(start))?;
    let but = but.lines().next().unwrap_or_default();
    let allowed: Vec<&str> = but
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '\'' | '`' | '(' | ')'))
        .map(|word| word.trim_start_matches("spec.").split("[*]").next().unwrap_or(word))
        .filter(|word| !word.is_empty())
        .collect();
    let mut fields: Vec<&str> = differing
        .iter()
        .map(|change| change.path.as_str())
        .filter(|path| path.strip_prefix("spec.").is_some_and(|p| !allowed.iter().any(|a| p.starts_with(a))))
        .collect();
    let more = fields.len().saturating_sub(SHOWN);
    fields.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!fields.is_empty())
        .then(|| format!("{}{more} can't be changed in an object that exists", fields.join(", ")))
}

/// The same object under a name that is not taken.
struct Trial {
    object: ObjectRef,
    body: Value,
}

fn trial(manifest: &Manifest, object: &ObjectRef) -> Trial {
    let short: String = object.name.chars().take(40).collect();
    let name = format!("{}-csw-trial", short.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()));
    let mut body = manifest.body().clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("name".into(), name.clone().into());
    }
    Trial { object: ObjectRef { name, ..object.clone() }, body }
}
