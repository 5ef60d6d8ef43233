use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::observer::{Observer, Sight};
use super::ready::{Trouble, Verdict};
use super::{Cluster, KubeError, LogTail};
use crate::model::ObjectRef;

/// How a wait ended badly for an object.
#[derive(Debug, Clone)]
pub struct Unready {
    /// The object.
    pub object: ObjectRef,
    /// Why it is not ready.
    pub trouble: Trouble,
    /// Whether it only was too slow.
    pub timed_out: bool,
    /// What its container wrote last.
    pub log: Option<LogTail>,
}

/// Told when what is to be said of an object has changed.
pub trait WaitProgress {
    /// `ready` of `total` objects are ready; this one has just changed.
    fn changed(&mut self, object: &ObjectRef, verdict: &Verdict, ready: usize, total: usize);
}

/// How far a wait has come; what is seen goes in, what follows comes out.
struct Patience {
    since: HashMap<usize, Instant>,
    said: HashMap<usize, String>,
    scaling: HashMap<usize, bool>,
}

impl Cluster {
    /// Waits until all targets of an observer are ready at the same time. It ends early when one can't get ready any
    /// more, and at the latest after `timeout`.
    ///
    /// # Errors
    /// When the server may not be watched. Objects that didn't get ready are no error but the answer.
    pub async fn wait(
        &self,
        mut observer: Observer,
        timeout: Duration,
        progress: &mut dyn WaitProgress,
    ) -> Result<Vec<Unready>, KubeError> {
        let total = observer.targets().len();
        if total == 0 {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + timeout;
        let mut patience = Patience { since: HashMap::new(), said: HashMap::new(), scaling: HashMap::new() };
        loop {
            tokio::select! {
                changed = observer.changed() => changed?,
                // Grace runs out without anything changing.
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            let late = Instant::now() >= deadline;
            let mut unready = Vec::new();
            let mut waiting = Vec::new();
            let mut ready = 0;
            let mut news = Vec::new();
            for i in 0..total {
                let Some(target) = observer.targets().get(i) else { continue };
                let verdict = match (observer.sight(i), observer.verdict(i)) {
                    (Sight::Absent, _) => Verdict::Failed(Trouble::new(
                        "Deleted",
                        "it was deleted by somebody else meanwhile",
                        Duration::ZERO,
                    )),
                    (_, Some(verdict)) => verdict,
                    _ => Verdict::Waiting("is looked for".into()),
                };
                ready += usize::from(verdict.is_ready());
                let words = verdict.words();
                if patience.said.get(&i) != Some(&words) && !matches!(observer.sight(i), Sight::Unknown) {
                    patience.said.insert(i, words);
                    news.push((i, verdict.clone()));
                }
                if !matches!(verdict, Verdict::Troubled(_)) {
                    patience.since.remove(&i);
                }
                let object = &target.object;
                match verdict {
                    Verdict::Ready(_) => {}
                    Verdict::Failed(trouble) => unready.push(unfit(object, trouble, false)),
                    Verdict::Troubled(trouble) => {
                        let since = *patience.since.entry(i).or_insert_with(Instant::now);
                        if since.elapsed() >= trouble.grace && !self.scaling(&mut patience, i, &trouble).await
                        {
                            unready.push(unfit(object, trouble, false));
                        } else {
                            waiting.push(unfit(object, trouble, true));
                        }
                    }
                    Verdict::Waiting(words) => {
                        waiting.push(unfit(object, Trouble::new("NotReady", words, Duration::ZERO), true));
                    }
                }
            }
            for (i, verdict) in news {
                if let Some(target) = observer.targets().get(i) {
                    progress.changed(&target.object, &verdict, ready, total);
                }
            }
            if ready == total {
                return Ok(Vec::new());
            }
            if !unready.is_empty() || late {
                unready.extend(if late { waiting } else { Vec::new() });
                return Ok(self.with_logs(unready).await);
            }
        }
    }

    /// Whether an autoscaler has said that it makes room for a pod that has no place: then it is given until the end.
    async fn scaling(&self, patience: &mut Patience, i: usize, trouble: &Trouble) -> bool {
        let (Some(place), "Unschedulable") = (&trouble.place, trouble.reason.as_str()) else { return false };
        if let Some(known) = patience.scaling.get(&i) {
            return *known;
        }
        let events = super::observer::builtin("v1", "Event", "events", true);
        let fields = format!("involvedObject.name={},reason=TriggeredScaleUp", place.pod);
        let found = self.list(&events, Some(&place.namespace), &[("fieldSelector", &fields)]).await;
        let scaling = found.is_ok_and(|events| !events.is_empty());
        patience.scaling.insert(i, scaling);
        scaling
    }

    async fn with_logs(&self, mut unready: Vec<Unready>) -> Vec<Unready> {
        for entry in &mut unready {
            if let Some(place) = &entry.trouble.place
                && let Some(container) = &place.container
            {
                entry.log = self.log_tail(&place.namespace, &place.pod, container).await;
            }
        }
        unready
    }
}

fn unfit(object: &ObjectRef, trouble: Trouble, timed_out: bool) -> Unready {
    Unready { object: object.clone(), trouble, timed_out, log: None }
}
