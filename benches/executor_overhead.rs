//! What running a model's function through csw costs beyond the function itself.
//!
//! Three numbers, each next to what it is measured against on the same machine: one task of a warm worker (round trip
//! minus the function's own time), `csw job` (a process a task, its result made durable) against a bare interpreter
//! that imports the same function, calls it and prints its JSON, and the bare start of an interpreter.
//!
//! `cargo bench --bench executor_overhead`, on a machine that does nothing else.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use csw::executor::{Launch, PoolSize, WorkerPool};
use serde_json::json;

const FUNCTIONS: &str = "
def get_version():
    return '1'

def run_model(meta_param_dict, adjustment):
    total = sum(i * i for i in range(1000))
    return {'renderable': [{'media_type': 'table', 'title': 't', 'data': '<b>%d</b>' % total}], 'downloadable': []}
";

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let python = interpreter();
    let launch = set_up(folder.path(), &python);
    let start = median(30, || run(Command::new(&python).args(["-c", "pass"])));
    println!("bare interpreter start     {:>9.2} ms", ms(start));
    let warm = warm(&launch);
    println!(
        "warm worker, per task      {:>9.2} ms  {:.1} % of a bare start (limit 10 %)",
        ms(warm),
        100.0 * warm.as_secs_f64() / start.as_secs_f64()
    );
    let bare = "import sys,json;sys.path.insert(0,'cs-config');from cs_config import functions as f;\
                print(json.dumps([f.get_version(),f.run_model({},{})]))";
    let workdir = folder.path().join("model");
    let (mut bares, mut jobs) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        // In turns, so that whatever else the machine does hits both.
        bares.push(run(Command::new(&python).args(["-c", bare]).current_dir(&workdir)));
        jobs.push(run(Command::new(env!("CARGO_BIN_EXE_csw"))
            .args(["job", "--job-id", "bench", "--route-name", "sim"])
            .env("CSW_JOB_DIR", folder.path().join("attempt"))));
    }
    let (bare, job) = (middle(bares), middle(jobs));
    println!("bare function, one process {:>9.2} ms", ms(bare));
    println!("csw job, cold              {:>9.2} ms  {:.2} × the bare function", ms(job), ratio(job, bare));
    println!("  of it csw's own          {:>9.2} ms", ms(job.saturating_sub(bare)));
}

/// The interpreter itself: a wrapper that looks for it would be measured instead.
fn interpreter() -> PathBuf {
    let output = Command::new("python3").args(["-c", "import sys;print(sys.executable)"]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn set_up(folder: &Path, python: &Path) -> Launch {
    let package = folder.join("model/cs-config/cs_config");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("__init__.py"), "").unwrap();
    std::fs::write(package.join("functions.py"), FUNCTIONS).unwrap();
    let launch = json!({
        "task_id": "bench", "task": "sim", "model": "Bench/Model", "entry": {"python": {"interpreter": null}},
        "workdir": folder.join("model"), "python": python, "memory_bytes": 4_000_000_000_u64,
        "time_limit_seconds": 60.0,
    });
    std::fs::create_dir(folder.join("attempt")).unwrap();
    std::fs::write(folder.join("attempt/launch.json"), launch.to_string()).unwrap();
    std::fs::write(folder.join("attempt/kwargs.json"), "{}").unwrap();
    serde_json::from_value(launch).unwrap()
}

fn warm(launch: &Launch) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = WorkerPool::new(PoolSize::default());
        let kwargs = serde_json::Map::new();
        let mut overheads = Vec::new();
        for i in 0..1100 {
            let started = Instant::now();
            let result = pool.run(launch, &kwargs, BTreeMap::new()).await;
            let took = started.elapsed();
            assert!(result.traceback.is_none(), "{result:?}");
            if i >= 100 {
                overheads.push(took.saturating_sub(Duration::from_secs_f64(result.meta.task_times[0])));
            }
        }
        middle(overheads)
    })
}

fn run(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    started.elapsed()
}

fn median(times: usize, mut f: impl FnMut() -> Duration) -> Duration {
    middle((0..times).map(|_| f()).collect())
}

fn middle(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
