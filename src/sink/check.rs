use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::plan::Step;
use super::{ApplyProgress, Check, ClusterSink, Options, SinkError};
use crate::kube::{Applied, Body, KubeError, Refusal, Resource};
use crate::plan::{Action, Change, Conflict, Manifest, changes_nothing, fields, record, subset};

/// An object that is wanted, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) manifest: Manifest,
    pub(super) resource: Resource,
    /// The live member, if there is one.
    pub(super) live: Option<Value>,
}

/// What is to be done about an object.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) change: Change,
    /// What to send, if anything.
    pub(super) step: Option<Step>,
}

impl ClusterSink {
    /// Checks objects, many at once.
    pub(super) async fn check_all(
        &self,
        jobs: Vec<Job>,
        check: Check,
        options: &Options,
        before: usize,
        total: usize,
        progress: &dyn ApplyProgress,
    ) -> Result<Vec<Checked>, SinkError> {
        let done = AtomicUsize::new(before);
        stream::iter(jobs)
            .map(|job| {
                let done = &done;
                async move {
                    let checked = match check {
                        Check::Server => self.check_on_server(job, options).await?,
                        Check::Client => self.check_here(job).await?,
                    };
                    progress.checked(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                    Ok::<_, SinkError>(checked)
                }
            })
            .buffer_unordered(options.concurrency.max(1))
            .try_collect()
            .await
    }

    async fn check_here(&self, job: Job) -> Result<Checked, SinkError> {
        let Job { manifest, resource, live } = job;
        let object = manifest.object().clone();
        let live = match live {
            Some(live) => Some(live),
            None => self.cluster.get(&resource, &object).await?,
        };
        let change = match live {
            None => Change::new(object, Action::Create, "not there yet"),
            Some(live) => {
                let differing = subset(manifest.body(), &live, manifest.is_secret());
                if differing.is_empty() {
                    Change::new(object, Action::Unchanged, "nothing differs")
                } else {
                    let reason = count(differing.len());
                    Change { fields: differing, ..Change::new(object, Action::Update, reason) }
                }
            }
        };
        let step = (change.action != Action::Unchanged).then_some(Step {
            manifest,
            resource,
            seen: None,
            replaces: None,
        });
        Ok(Checked { change, step })
    }

    /// A dry run on the server. What it answers is what the object would be, with all defaults, and which of its
    /// fields would be ours: enough to tell what changes and to write the record that spares the next run the question.
    pub(super) async fn check_on_server(&self, job: Job, options: &Options) -> Result<Checked, SinkError> {
        let Job { mut manifest, resource, mut live } = job;
        let object = manifest.object().clone();
        let recorded = live
            .as_ref()
            .and_then(|l| l.pointer("/metadata/annotations")?.get(record::ANNOTATION)?.as_str())
            .unwrap_or(record::UNKNOWN);
        manifest.annotate(record::ANNOTATION, recorded);
        let body = Body::new(manifest.body(), manifest.is_secret())?;
        let mut taken = Vec::new();
        let mut seen = None;
        let applied = match self.cluster.dry_run(&resource, &object, body.clone(), false).await {
            Ok(applied) => applied,
            Err(error) => {
                let mut refusal = blocked(error)?;
                let mut forced = None;
                if refusal.is_field_conflict() {
                    match self.cluster.dry_run(&resource, &object, body, true).await {
                        Ok(applied) if options.force => {
                            taken = refusal.conflicts.keys().cloned().collect();
                            forced = Some(applied);
                        }
                        Ok(applied) => {
                            live = match live {
                                None => self.cluster.get(&resource, &object).await?,
                                live => live,
                            };
                            let unchanged = |live: &&Value| {
                                let changes = fields(live, &applied.object, manifest.is_secret());
                                changes_nothing(&refusal.conflicts, &changes)
                            };
                            seen = live.as_ref().filter(unchanged).and_then(version);
                            forced = seen.is_some().then_some(applied);
                        }
                        Err(error) => {
                            let second = blocked(error)?;
                            if options.force {
                                refusal = second;
                            }
                        }
                    }
                }
                match forced {
                    Some(applied) => applied,
                    None if refusal.immutable => {
                        return self
                            .check_replacement(Job { manifest, resource, live }, &refusal, options)
                            .await;
                    }
                    None => return Ok(stopped(&manifest, &refusal)),
                }
            }
        };
        let live = match live {
            None if !applied.created => self.cluster.get(&resource, &object).await?,
            live => live,
        };
        let leaving = live.as_ref().is_some_and(|l| l.pointer("/metadata/deletionTimestamp").is_some());
        if leaving {
            let reason = "is being deleted: run again when it is gone";
            return Ok(Checked { change: Change::new(object, Action::Refused, reason), step: None });
        }
        Ok(conclude(Job { manifest, resource, live }, applied, &taken, seen))
    }
}

fn version(object: &Value) -> Option<String> {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned)
}

fn conclude(job: Job, applied: Applied, taken: &[String], seen: Option<String>) -> Checked {
    let Job { mut manifest, resource, live } = job;
    let object = manifest.object().clone();
    if let Some(record) = record::of(&manifest, &applied.object) {
        manifest.annotate(record::ANNOTATION, &record);
    }
    let change = match live.filter(|_| !applied.created) {
        None => Change::new(object, Action::Create, "not there yet"),
        Some(live) => {
            let differing = fields(&live, &applied.object, manifest.is_secret());
            let owned = record::our_fields(&live, "").is_some();
            if differing.is_empty() && taken.is_empty() {
                // Applied all the same: it is ours from now on, and the record tells so next time.
                let reason = if owned { "as applied" } else { "as wanted; csw takes note of it" };
                Change::new(object, Action::Unchanged, reason)
            } else {
                let mut reason = if owned { count(differing.len()) } else { "is there already".to_owned() };
                if !taken.is_empty() {
                    reason = format!("{reason}; takes fields over from {}", taken.join(", "));
                }
                Change { fields: differing, ..Change::new(object, Action::Update, reason) }
            }
        }
    };
    Checked { change, step: Some(Step { manifest, resource, seen, replaces: None }) }
}

fn count(fields: usize) -> String {
    if fields == 1 { "1 field differs".into() } else { format!("{fields} fields differ") }
}

/// The server's refusal; anything else (no connection, no rights to ask) ends the run.
pub(super) fn blocked(error: KubeError) -> Result<Refusal, SinkError> {
    match error {
        KubeError::Refused { refusal, .. } if refusal.code != 401 => Ok(*refusal),
        other => Err(other.into()),
    }
}

pub(super) fn stopped(manifest: &Manifest, refusal: &Refusal) -> Checked {
    let object = manifest.object().clone();
    let action = if refusal.is_field_conflict() { Action::Conflict } else { Action::Refused };
    let conflicts = refusal
        .conflicts
        .iter()
        .map(|(manager, fields)| Conflict { manager: manager.clone(), fields: fields.clone() })
        .collect();
    let change =
        Change { conflicts, remedy: refusal.remedy, ..Change::new(object, action, refusal.to_string()) };
    Checked { change, step: None }
}
