use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::members::config_maps;
use super::plan::{Plan, Step};
use super::{ApplyProgress, Check, ClusterSink, Options, Repair, SinkError};
use crate::kube::{Body, Dependents, KubeError, Observer, Target, WaitProgress};
use crate::model::{GroupVersionKind, ObjectRef};
use crate::plan::ChangeSet;
use crate::plan::applyset::Contents;

/// How long a new kind is given to be served.
const ESTABLISH: Duration = Duration::from_secs(60);

/// What an apply has done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Objects that were sent to the server and accepted.
    pub applied: Vec<ObjectRef>,
    /// Objects that were deleted.
    pub pruned: Vec<ObjectRef>,
    /// What was done about objects that would not have come right by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<Repair>,
}

/// How an apply ended.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is as wanted.
    Done(Report),
    /// What could be checked only half-way was refused; `Report` is what had been applied by then.
    Blocked(Report, ChangeSet),
}

/// What has been done so far and whether to go on.
struct Ledger<'r> {
    applied: Vec<ObjectRef>,
    pruned: Vec<ObjectRef>,
    not_applied: Vec<ObjectRef>,
    cause: Option<KubeError>,
    cancel: &'r CancellationToken,
    done: AtomicUsize,
    total: usize,
    progress: &'r dyn ApplyProgress,
}

impl Ledger<'_> {
    fn stopped(&self) -> bool {
        self.cause.is_some() || self.cancel.is_cancelled()
    }

    fn into_error(self) -> SinkError {
        SinkError::Partial {
            cause: self.cause.map(Box::new),
            applied: self.applied,
            not_applied: self.not_applied,
        }
    }
}

enum Sent {
    Accepted(ObjectRef),
    Failed(ObjectRef, KubeError),
    Withheld(ObjectRef),
}

impl ClusterSink {
    /// Does what a plan says: namespaces and definitions, the parent, everything else rank after rank, what is to be
    /// pruned, the parent again. It may be killed at any point: another run does the rest.
    ///
    /// # Errors
    /// When a request fails for good or `cancel` is triggered; the error lists what was applied and what was not.
    pub async fn apply(
        &self,
        plan: Plan,
        options: &Options,
        cancel: &CancellationToken,
        progress: &dyn ApplyProgress,
    ) -> Result<Outcome, SinkError> {
        let mut ledger = Ledger {
            applied: Vec::new(),
            pruned: Vec::new(),
            not_applied: Vec::new(),
            cause: None,
            cancel,
            done: AtomicUsize::new(0),
            total: plan.changes(),
            progress,
        };
        let Plan { steps, deferred, deletions, before, during, after, wanted, .. } = plan;
        let (first, mut rest): (Vec<Step>, Vec<Step>) =
            steps.into_iter().partition(|s| s.manifest.object().order().rank() == 0);
        let definitions: Vec<Target> = first
            .iter()
            .filter(|s| s.manifest.object().gvk.kind == "CustomResourceDefinition")
            .map(|s| Target { object: s.manifest.object().clone(), resource: s.resource.clone() })
            .collect();
        self.send_rank(first, options, &mut ledger).await;
        if !deferred.is_empty() && !ledger.stopped() {
            self.establish(definitions).await?;
            self.served(deferred.iter().map(|job| job.resource.gvk.clone()).collect()).await?;
            let unasked = Options { ..options.clone() };
            let checked = self.check_all(deferred, Check::Server, &unasked, 0, ledger.total, &Quiet).await?;
            let mut changes = Vec::new();
            for entry in checked {
                changes.push(entry.change);
                rest.extend(entry.step);
            }
            let set = ChangeSet::new(
                self.cluster.context().to_owned(),
                self.parent.resource_name(),
                self.parent.namespace.clone(),
                changes,
            );
            if set.blocked() {
                return Ok(Outcome::Blocked(
                    Report { applied: ledger.applied, pruned: Vec::new(), repaired: Vec::new() },
                    set,
                ));
            }
        }
        let mut said = before;
        if !ledger.stopped() && said.as_ref() != Some(&during) {
            // Before any member comes, the parent says where to look for it.
            self.write_parent(&during).await?;
            said = Some(during);
        }
        rest.sort_by_cached_key(|s| s.manifest.object().order().rank());
        while !rest.is_empty() {
            let now = rest.first().map(|s| s.manifest.object().order().rank());
            let end = rest
                .iter()
                .position(|s| Some(s.manifest.object().order().rank()) != now)
                .unwrap_or(rest.len());
            let row: Vec<Step> = rest.drain(..end).collect();
            self.send_rank(row, options, &mut ledger).await;
        }
        if ledger.stopped() {
            ledger.not_applied.extend(deletions.into_iter().map(|m| m.object));
            return Err(ledger.into_error());
        }
        self.prune(deletions, options, &mut ledger).await;
        if ledger.stopped() {
            return Err(ledger.into_error());
        }
        if said.as_ref() != Some(&after) {
            self.write_parent(&after).await?;
        }
        Ok(Outcome::Done(Report {
            applied: ledger.applied,
            pruned: ledger.pruned,
            repaired: self.repair(&wanted).await?,
        }))
    }

    /// Applies the objects of one rank, many at once; after the first failure no more are begun.
    async fn send_rank(&self, row: Vec<Step>, options: &Options, ledger: &mut Ledger<'_>) {
        let stop = AtomicBool::new(ledger.stopped());
        let (cancel, progress, total) = (ledger.cancel, ledger.progress, ledger.total);
        let done = &ledger.done;
        let sent: Vec<Sent> = stream::iter(row)
            .map(|step| {
                let stop = &stop;
                async move {
                    let object = step.manifest.object().clone();
                    if stop.load(Ordering::Relaxed) || cancel.is_cancelled() {
                        return Sent::Withheld(object);
                    }
                    let outcome = async {
                        if let Some(member) = &step.replaces {
                            self.make_room(member).await?;
                        }
                        let body = step.body()?;
                        let force = options.force || step.seen.is_some();
                        self.cluster.apply(&step.resource, &object, body, force).await
                    };
                    match outcome.await {
                        Ok(_) => {
                            progress.applied(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                            Sent::Accepted(object)
                        }
                        Err(error) => {
                            stop.store(true, Ordering::Relaxed);
                            Sent::Failed(object, error)
                        }
                    }
                }
            })
            .buffer_unordered(options.concurrency.max(1))
            .collect()
            .await;
        for entry in sent {
            match entry {
                Sent::Accepted(object) => ledger.applied.push(object),
                Sent::Withheld(object) => ledger.not_applied.push(object),
                Sent::Failed(object, error) => {
                    ledger.not_applied.push(object);
                    ledger.cause.get_or_insert(error);
                }
            }
        }
    }

    /// Deletes members that are still the objects that were listed, in reverse order of their ranks.
    async fn prune(&self, deletions: Vec<super::Member>, options: &Options, ledger: &mut Ledger<'_>) {
        let mut queue = deletions;
        while !queue.is_empty() {
            let now = queue.first().map(|m| m.object.order().rank());
            let end = queue.iter().position(|m| Some(m.object.order().rank()) != now).unwrap_or(queue.len());
            let row: Vec<super::Member> = queue.drain(..end).collect();
            if ledger.stopped() {
                ledger.not_applied.extend(row.into_iter().map(|m| m.object));
                continue;
            }
            let (progress, total, done) = (ledger.progress, ledger.total, &ledger.done);
            let outcomes: Vec<(ObjectRef, Result<bool, KubeError>)> = stream::iter(row)
                .map(|member| async move {
                    let outcome = self
                        .cluster
                        .delete(&member.resource, &member.object, member.uid(), Dependents::Later)
                        .await;
                    progress.applied(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                    (member.object, outcome)
                })
                .buffer_unordered(options.concurrency.max(1))
                .collect()
                .await;
            for (object, outcome) in outcomes {
                match outcome {
                    Ok(_) => ledger.pruned.push(object),
                    Err(error) => {
                        ledger.not_applied.push(object);
                        ledger.cause.get_or_insert(error);
                    }
                }
            }
        }
    }

    pub(super) async fn write_parent(&self, contents: &Contents) -> Result<(), SinkError> {
        let body = Body::new(&self.parent.manifest(contents), false)?;
        // The parent is nobody's but ours.
        self.cluster.apply(&config_maps(), &self.parent_ref(), body, true).await?;
        Ok(())
    }

    /// Returns when kinds are served. An established definition may take another moment to be so, or longer where
    /// there are several API servers; discovery can't be watched.
    async fn served(&self, kinds: BTreeSet<GroupVersionKind>) -> Result<(), SinkError> {
        let begun = std::time::Instant::now();
        loop {
            let served = self.cluster.discover(&kinds, &BTreeSet::new()).await?;
            let Some(missing) = served.missing.first() else { return Ok(()) };
            if begun.elapsed() > ESTABLISH {
                return Err(SinkError::Kube(KubeError::Answer {
                    what: format!("use {}", missing.gvk),
                    why: "it is established but not served".into(),
                }));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until new kinds are established.
    async fn establish(&self, definitions: Vec<Target>) -> Result<(), SinkError> {
        let names: BTreeSet<String> = definitions.iter().map(|t| t.object.to_string()).collect();
        let observer = Observer::new(&self.cluster, definitions, None);
        let unready = self.cluster.wait(observer, ESTABLISH, &mut Quiet).await?;
        match unready.first() {
            None => Ok(()),
            Some(first) => Err(SinkError::Kube(KubeError::Answer {
                what: format!("define {}", names.into_iter().collect::<Vec<_>>().join(", ")),
                why: format!("{}: {}", first.object, first.trouble.words()),
            })),
        }
    }
}

/// Nobody is told.
struct Quiet;

impl ApplyProgress for Quiet {
    fn checked(&self, _: usize, _: usize) {}
    fn applied(&self, _: usize, _: usize) {}
    fn deleted(&self, _: usize, _: usize) {}
}

impl WaitProgress for Quiet {
    fn changed(&mut self, _: &ObjectRef, _: &crate::kube::ready::Verdict, _: usize, _: usize) {}
}
