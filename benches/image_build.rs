//! Builds of images on a real engine: a run in which nothing has changed beside `docker build` of the same, the upload of
//! a large context beside the engine's own rate, and several images at once beside one after the other.
//!
//! Run with `cargo bench --bench image_build`; needs a Docker engine, its client and a static BusyBox. `CSW_BENCH_MIB`
//! says how large the context is. Targets: nothing changed in 20 models and the services, at least ten times faster than
//! `docker build`; upload at 80 % of the engine's rate or more, with flat memory; four images whose steps sleep, in at
//! most 40 % of the time that they take one after the other.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bollard::query_parameters::BuildImageOptionsBuilder;
use bytes::Bytes;
use csw::image::Engine;
use csw::image::context::{Context, Ignore, OwnFile, Sent, Tree};
use futures::{Stream, TryStreamExt as _};

const MODELS: usize = 20;
const ROUNDS: usize = 3;
const NAP_SECONDS: usize = 3;

fn main() {
    let Some(busybox) = busybox() else {
        println!("left out: no busybox on PATH");
        return;
    };
    if !docker(&["version"]).status().is_ok_and(|s| s.success()) {
        println!("left out: no Docker engine answers");
        return;
    }
    let project = Project::new(busybox);
    project.nothing_changed();
    project.several_at_once();
    let mib = std::env::var("CSW_BENCH_MIB").ok().and_then(|m| m.parse().ok()).unwrap_or(1024);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(upload(mib));
}

struct Project {
    folder: tempfile::TempDir,
    name: String,
    base: String,
    busybox: PathBuf,
}

impl Project {
    fn new(busybox: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("csw-bench-{}", std::process::id());
        let base = format!("csw.test/{name}/base:1");
        let root = folder.path().join("base");
        fs::create_dir_all(&root).unwrap();
        fs::copy(&busybox, root.join("busybox")).unwrap();
        fs::write(root.join("stamp"), &name).unwrap();
        let dockerfile = "FROM scratch\nCOPY stamp /stamp\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";
        fs::write(root.join("Dockerfile"), dockerfile).unwrap();
        run(docker(&["build", "--quiet", "--tag", &base]).arg(&root));
        Self { folder, name, base, busybox }
    }

    fn model(&self, title: &str, script: &str) {
        let root = self.folder.path();
        let repository = root.join("repos").join(title);
        fs::create_dir_all(repository.join("cs-config")).unwrap();
        for n in 0..50 {
            fs::write(repository.join(format!("module_{n}.py")), format!("# {n}\n").repeat(100)).unwrap();
        }
        fs::write(repository.join("run.sh"), "echo '{}'\n").unwrap();
        fs::write(repository.join("cs-config/install.sh"), script).unwrap();
        fs::create_dir_all(root.join("config/Bench")).unwrap();
        let text = format!(
            "owner: Bench\ntitle: {title}\ntimestamp: 2026-01-01\nrepo_url: ./repos/{title}\nentry: {{command: [sh, run.sh]}}\n"
        );
        fs::write(root.join(format!("config/Bench/{title}.yaml")), text).unwrap();
    }

    fn csw(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_csw"));
        command.args(args).current_dir(self.folder.path());
        command
            .env("HOME", self.folder.path())
            .env("PROJECT", &self.name)
            .env("CSW_REGISTRY", "csw.test")
            .env("TAG", "v1")
            .env("CSW_BASE_IMAGE", &self.base)
            .env("CSW_REDIS_BASE_IMAGE", &self.base)
            .env("CSW_PROGRAM", &self.busybox);
        command
    }

    fn nothing_changed(&self) {
        for n in 0..MODELS {
            self.model(&format!("Model{n}"), "true\n");
        }
        run(&mut self.csw(&["models", "build", "--jobs", "4"]));
        run(&mut self.csw(&["svc", "build"]));
        let ours = best(|| {
            run(&mut self.csw(&["models", "build"]));
            run(&mut self.csw(&["svc", "build"]));
        });
        // The same layers by the client, which has to ask the builder for each of them.
        let mut dockerfile = format!("FROM {}\n", self.base);
        let _ = write!(
            dockerfile,
            "COPY . /model/\nRUN sh /model/cs-config/install.sh\nRUN mkdir -p /etc /tmp\nWORKDIR /model\nUSER 1000:1000\n"
        );
        let folders: Vec<PathBuf> =
            (0..MODELS).map(|n| self.folder.path().join(format!("repos/Model{n}"))).collect();
        let theirs = || {
            for (n, folder) in folders.iter().enumerate() {
                let tag = format!("csw.test/{}/docker_{n}:v1", self.name);
                let mut build = docker(&["build", "--quiet", "--tag", &tag, "--file", "-"]);
                build.arg(folder).stdin(Stdio::piped());
                let mut child = build.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                child.stdin.take().unwrap().write_all(dockerfile.as_bytes()).unwrap();
                assert!(child.wait().unwrap().success());
            }
        };
        theirs();
        let theirs = best(theirs);
        println!(
            "nothing changed in {MODELS} models and the services: csw {ours:.2?}, docker build of the models alone {theirs:.2?}, {:.1} times",
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }

    fn several_at_once(&self) {
        let names: Vec<String> = (0..4).map(|n| format!("Sleeper{n}")).collect();
        for name in &names {
            self.model(name, &format!("sleep {NAP_SECONDS}\n"));
        }
        let list = names.iter().map(|n| format!("Bench/{n}")).collect::<Vec<_>>().join(",");
        let time = |jobs: &str| {
            let started = Instant::now();
            run(&mut self.csw(&["models", "-n", &list, "build", "--no-cache", "--jobs", jobs]));
            started.elapsed()
        };
        let (serial, parallel) = (time("1"), time("4"));
        println!(
            "four images whose steps sleep {NAP_SECONDS} s: one after the other {serial:.2?}, at once {parallel:.2?}, {:.0} %",
            parallel.as_secs_f64() / serial.as_secs_f64() * 100.0
        );
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let filter = format!("reference=csw.test/{}/*", self.name);
        let output = docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", &filter])
            .output()
            .unwrap();
        for image in String::from_utf8_lossy(&output.stdout).lines() {
            drop(docker(&["rmi", "--force", image]).output());
        }
    }
}

/// The engine reads a context to its end before it looks at the Dockerfile: one that does nothing measures that alone.
async fn upload(mib: usize) {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let block: Vec<u8> = (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for n in 0..16 {
        let mut file = fs::File::create(tree.join(format!("data_{n}.bin"))).unwrap();
        for _ in 0..mib / 16 {
            file.write_all(&block).unwrap();
        }
    }
    let engine = Engine::connect(None).await.unwrap();
    let context = Context {
        own: vec![OwnFile::text("csw/Dockerfile", "FROM scratch\nLABEL nothing=here\n")],
        tree: Some(("model".into(), Tree::list(&tree, &Ignore::default(), false).unwrap())),
    };
    // What the engine takes at best: the finished tar, from a file.
    let tar = folder.path().join("context.tar");
    let mut file = fs::File::create(&tar).unwrap();
    let mut pieces = std::pin::pin!(context.clone().into_stream(Sent::default()));
    while let Some(piece) = pieces.try_next().await.unwrap() {
        file.write_all(&piece).unwrap();
    }
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let file = tokio::fs::File::open(&tar).await.unwrap();
        let raw = tokio_util::io::ReaderStream::with_capacity(file, 1 << 18);
        theirs = theirs.min(send(&engine, raw).await);
        let before = peak_mib();
        ours = ours.min(send(&engine, context.clone().into_stream(Sent::default())).await);
        println!("memory at most {} MiB, {before} before", peak_mib());
    }
    let rate = |t: Duration| mib as f64 / t.as_secs_f64();
    println!(
        "context of {mib} MiB: csw {:.0} MiB/s, the finished tar {:.0} MiB/s, {:.0} %",
        rate(ours),
        rate(theirs),
        rate(ours) / rate(theirs) * 100.0
    );
}

async fn send<S>(engine: &Engine, body: S) -> Duration
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let started = Instant::now();
    let options =
        BuildImageOptionsBuilder::default().dockerfile("csw/Dockerfile").rm(true).forcerm(true).build();
    let told: Vec<_> = engine
        .docker()
        .build_image(options, None, Some(bollard::body_try_stream(body)))
        .try_collect()
        .await
        .unwrap();
    let took = started.elapsed();
    let id = told.into_iter().find_map(|info| match info.aux {
        Some(bollard::models::BuildInfoAux::Default(image)) => image.id,
        _ => None,
    });
    drop(docker(&["rmi", &id.unwrap()]).output());
    took
}

fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .min()
        .unwrap()
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn busybox() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|f| f.join("busybox")).find(|p: &PathBuf| Path::is_file(p))
}

fn docker(args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
