//! Loading and validating 5,000 model files, against the rate at which the YAML crate alone parses the same texts.
//!
//! Run with `cargo bench --bench config_load`. Ours is `config::load`: find the files, read them from disk, parse them,
//! decode them with the place of every value, validate them and check the names against each other, on as many threads
//! as there are processors. The limit is one pass of `serde_saphyr::from_str::<serde_json::Value>` over the same files,
//! read from disk too, on one thread. The target: at least half of that rate. The best of several rounds counts, the
//! two taking turns, because other work on the machine disturbs single rounds.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::expect_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use csw::config::{self, Sources};

const MODELS: usize = 5_000;
const ROUNDS: usize = 7;
const TARGET: f64 = 0.5;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("config");
    let (files, bytes) = generate(&dir);
    let mut ours = Duration::MAX;
    let mut untyped = Duration::MAX;
    for _ in 0..ROUNDS {
        ours = ours.min(time(|| {
            let catalog = config::load(&Sources::files(&dir)).expect("the generated files are right");
            assert_eq!(catalog.models().len(), MODELS);
        }));
        untyped = untyped.min(time(|| {
            for file in &files {
                let text = fs::read_to_string(file).unwrap();
                let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
                assert!(value.is_object());
            }
        }));
    }
    let rate = |time: Duration| MODELS as f64 / time.as_secs_f64();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{MODELS} files, {} KiB in all, best of {ROUNDS} rounds", bytes >> 10);
    println!("config::load, {threads} threads:       {:>9.0} files/s", rate(ours));
    println!("serde-saphyr, untyped, 1 thread: {:>9.0} files/s", rate(untyped));
    let ratio = rate(ours) / rate(untyped);
    println!("ratio {ratio:.2}, target {TARGET:.2}: {}", if ratio >= TARGET { "met" } else { "MISSED" });
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Model files as people write them: every kind of value, comments, a description of several lines.
fn generate(dir: &Path) -> (Vec<PathBuf>, usize) {
    let mut files = Vec::with_capacity(MODELS);
    let mut bytes = 0;
    for index in 0..MODELS {
        let (owner, title) = (format!("Owner{}", index / 50), format!("Model-{index}"));
        let mut text = String::new();
        write!(
            text,
            "# yaml-language-server: $schema=../schema/model.schema.json\n\
             owner: {owner}\ntitle: {title}\noneliner: The model number {index}\n\
             description: |\n  What it is about, in *Markdown*.\n\n  And how it is used.\n\
             timestamp: \"2026-01-{:02} 09:00\"\nrepo_url: https://github.com/{owner}/{title}\nrepo_tag: v1.{index}\n\
             entry:\n  python: {{interpreter: python3.12}}\ncluster_type: dask\nreplicas: {}\n\
             resources:\n  # What it takes.\n  requests: {{cpu: 2, memory: 7G}}\n  limits: {{cpu: 2, memory: 8G}}\n\
             sim_time_limit: 2h\nexp_task_time: 90\nenv:\n  BUILD_NUM: {index}\n  MODE: fast\n\
             secrets: [API_KEY, DB_PASSWORD]\naffinity:\n  size: large\nlisted: true\nskip_test: false\n",
            index % 28 + 1,
            index % 8 + 1,
        )
        .unwrap();
        let path = dir.join(&owner).join(format!("{title}.yaml"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
        bytes += text.len();
        files.push(path);
    }
    (files, bytes)
}
