use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::process::Limits;
use super::python::PythonWorker;
use super::reply::Reply;
use super::run::{limits_of, run};
use super::sinks::redactor;
use super::{Launch, Sinks, story};
use crate::model::{Entry, ModelName, TaskKwargs, TaskResult};

/// How large a [`WorkerPool`] may get.
#[derive(Debug, Clone, Copy)]
pub struct PoolSize {
    /// Worker processes in all; a new one takes the place of the one that has been idle longest.
    pub workers: usize,
    /// Worker processes of one model in one environment: so many of its requests are answered at once.
    pub per_model: usize,
    /// A worker that nobody needed for so long is ended.
    pub idle: Duration,
    /// The longest that a request may take, if its launch does not allow less.
    pub request: Duration,
    /// A worker that holds more bytes than this after a request is ended instead of kept.
    pub keep_below: Option<u64>,
}

impl Default for PoolSize {
    fn default() -> Self {
        Self {
            workers: 8,
            per_model: 1,
            idle: Duration::from_secs(300),
            request: Duration::from_secs(300),
            keep_below: None,
        }
    }
}

/// Interpreters that stay between requests, for tasks that are short and repeated (`version`, `defaults`, `parse`):
/// a model is imported once. A worker that dies fails the request that it was at, and the next one gets a new worker.
/// Models that are commands run a process a request. Clones share the workers, which end with the last clone.
#[derive(Clone)]
pub struct WorkerPool(Arc<Inner>);

struct Inner {
    size: PoolSize,
    running: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    gates: HashMap<String, Arc<Semaphore>>,
    busy: usize,
    reaping: bool,
}

struct Idle {
    key: String,
    model: ModelName,
    worker: PythonWorker,
    since: Instant,
}

impl WorkerPool {
    /// An empty pool.
    pub fn new(size: PoolSize) -> Self {
        Self(Arc::new(Inner { size, running: Semaphore::new(size.workers.max(1)), state: Mutex::default() }))
    }

    /// Runs one task of a model; `secrets` are its environment variables as in [`Sinks`]. Whatever the model does ends
    /// in a result. Inside a tokio runtime only; a caller that drops the future ends the worker.
    pub async fn run(
        &self,
        launch: &Launch,
        kwargs: &TaskKwargs,
        secrets: BTreeMap<String, SecretString>,
    ) -> TaskResult {
        let mut limits = limits_of(launch, CancellationToken::new());
        limits.time = Some(limits.time.unwrap_or(Duration::MAX).min(self.0.size.request));
        if let Entry::Command { .. } = &launch.entry {
            let mut launch = launch.clone();
            let _running = self.0.running.acquire().await;
            launch.time_limit_seconds = limits.time.map(|t| t.as_secs_f64());
            return run(&launch, kwargs, sinks(&launch.model, secrets)).await;
        }
        let key = key(launch, &secrets);
        let gate = self.0.gate(&key);
        // In this order, or requests that wait for one model's worker would keep other models out. Neither semaphore
        // is ever closed.
        let _turn = gate.acquire().await;
        let _running = self.0.running.acquire().await;
        let redactor = redactor(&secrets);
        let mut reply = self.call(key, launch, kwargs, secrets, &limits).await;
        reply.body = reply.body.map_err(|text| story::explained(launch, redactor.text(&text)));
        reply.into_result(launch.task_id.clone(), launch.task)
    }

    /// How many workers there are: waiting ones, and ones at work.
    pub fn workers(&self) -> (usize, usize) {
        let state = self.0.state();
        (state.idle.len(), state.busy)
    }

    async fn call(
        &self,
        key: String,
        launch: &Launch,
        kwargs: &TaskKwargs,
        secrets: BTreeMap<String, SecretString>,
        limits: &Limits,
    ) -> Reply {
        let _busy = Busy::new(&self.0);
        let mut worker = match self.0.take(&key, &launch.model) {
            Some(worker) => worker,
            None => match PythonWorker::start(launch, sinks(&launch.model, secrets)) {
                Ok(worker) => worker,
                Err(why) => return Reply::failed(0.0, why),
            },
        };
        let (reply, usable) = worker.call(launch.task, kwargs, limits, false).await;
        let leaks = self.0.size.keep_below.is_some_and(|most| worker.held(most) > most);
        if leaks {
            tracing::info!("a worker of {} has grown too large and is replaced", launch.model);
        } else if usable {
            self.0.keep(Idle { key, model: launch.model.clone(), worker, since: Instant::now() });
        }
        reply
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self, key: &str) -> Arc<Semaphore> {
        let mut state = self.state();
        // Models come and go with their commits; a gate that nobody waits at is made anew when it is needed.
        if state.gates.len() > 4 * self.size.workers {
            state.gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let gate = state.gates.entry(key.to_owned());
        Arc::clone(gate.or_insert_with(|| Arc::new(Semaphore::new(self.size.per_model.max(1)))))
    }

    /// An idle worker that still lives. If there is none, makes room for a new one.
    fn take(&self, key: &str, model: &ModelName) -> Option<PythonWorker> {
        let mut state = self.state();
        while let Some(at) = state.idle.iter().rposition(|i| i.key == key) {
            let mut idle = state.idle.remove(at);
            if idle.worker.lives() {
                return Some(idle.worker);
            }
        }
        // The model's repository or environment changed: nobody will ask for its former state again.
        state.idle.retain(|i| i.model != *model || i.key == key);
        while state.idle.len() + state.busy > self.size.workers.max(1) && !state.idle.is_empty() {
            drop(state.idle.remove(0));
        }
        None
    }

    fn keep(self: &Arc<Self>, idle: Idle) {
        let mut state = self.state();
        state.idle.push(idle);
        if !state.reaping {
            state.reaping = true;
            tokio::spawn(reap(Arc::downgrade(self), self.size.idle));
        }
    }
}

/// Ends workers that nobody needs any more; ends itself with the last of them.
async fn reap(pool: Weak<Inner>, idle: Duration) {
    let mut next = idle;
    loop {
        tokio::time::sleep(next).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.state();
        state.idle.retain(|i| i.since.elapsed() < idle);
        match state.idle.iter().map(|i| i.since).min() {
            Some(oldest) => next = idle.saturating_sub(oldest.elapsed()).max(Duration::from_millis(10)),
            None if state.busy == 0 => {
                state.reaping = false;
                return;
            }
            None => next = idle,
        }
    }
}

/// Counts a worker as busy, also when the request is dropped half-way.
struct Busy<'a>(&'a Inner);

impl<'a> Busy<'a> {
    fn new(pool: &'a Inner) -> Self {
        pool.state().busy += 1;
        Self(pool)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
    }
}

/// Workers are shared by launches that differ in nothing that a process keeps.
fn key(launch: &Launch, secrets: &BTreeMap<String, SecretString>) -> String {
    let Launch { model, entry, workdir, commit, python, env, confinement, .. } = launch;
    // A secret that was changed is a reason for a new process; its value is none to be kept here.
    let mut hash = Sha256::new();
    for (name, value) in secrets {
        for part in [name.as_str(), value.expose_secret()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    format!("{:?}", (model, entry, workdir, commit, python, env, confinement, hash.finalize().as_slice()))
}

fn sinks(model: &ModelName, secrets: BTreeMap<String, SecretString>) -> Sinks {
    Sinks { log: Box::new(DebugLog(model.to_string())), secrets, cancel: CancellationToken::new() }
}

/// What a worker prints belongs to no job's log.
struct DebugLog(String);

impl Write for DebugLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            tracing::debug!(target: "csw::model", model = self.0, "{line}");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerPool").field("size", &self.0.size).finish_non_exhaustive()
    }
}
