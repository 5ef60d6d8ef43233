use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::check::{Checked, Job, blocked, stopped};
use super::plan::Step;
use super::{ClusterSink, Member, Options, SinkError};
use crate::kube::{Body, Dependents, KubeError, Refusal};
use crate::model::ObjectRef;
use crate::plan::applyset::PART_OF;
use crate::plan::{Action, Change, Manifest, is_kept, record};

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
        let refused = |why: &str| Checked {
            change: Change::new(object.clone(), Action::Refused, format!("{refusal}; {why}")),
            step: None,
        };
        let live = match live {
            Some(live) => live,
            None => match self.cluster.get(&resource, &object).await? {
                Some(live) => live,
                None => return Ok(stopped(&manifest, refusal)),
            },
        };
        if is_kept(&object.gvk.kind) {
            return Ok(refused(
                "objects of this kind are never replaced, because what they hold would be lost",
            ));
        }
        let label = live.pointer("/metadata/labels").and_then(|l| l.get(PART_OF)).and_then(Value::as_str);
        if label != Some(self.parent.id().as_str()) || record::our_fields(&live, "").is_none() {
            return Ok(refused("it is not replaced, because it is no member of this set"));
        }
        if !options.replace {
            return Ok(refused("--force-replace deletes it and makes it anew"));
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
        let change = Change::new(object.clone(), Action::Replace, refusal.to_string());
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
        })
    }
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
