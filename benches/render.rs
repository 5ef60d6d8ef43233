//! Rendering thousands of models, side by side with serialising the very same finished objects.
//!
//!     cargo bench --bench render

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

#[path = "../tests/render/fixture.rs"]
#[allow(dead_code)]
mod fixture;

use std::collections::BTreeMap;
use std::time::Duration;

use csw::model::Model;
use csw::render::{ModelInput, Object, RenderError, Renderer, Templates, yaml};
use secrecy::SecretString;

/// Processor time of this process so far.
fn cpu() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap(), u32::try_from(t.tv_nsec).unwrap())
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = cpu();
    let result = work();
    (cpu() - before, result)
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

struct Counter(usize);

impl std::fmt::Write for Counter {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0 += s.len();
        Ok(())
    }
}

fn main() {
    let models = |n: usize| -> Vec<(Model, BTreeMap<String, SecretString>)> {
        (0..n)
            .map(|i| {
                // Every tenth model spreads over a Dask cluster.
                let mut model = if i % 10 == 0 { fixture::dask_model() } else { fixture::model("a/b") };
                model.name = format!("Owner-{}/Title-{i}", i % 50).parse().unwrap();
                model.env.insert("NUMBER".into(), i.to_string());
                (model, fixture::secrets(&[("OSPC_TOKEN", "abc"), ("OTHER", "def")]))
            })
            .collect()
    };
    println!(
        "{:>7} {:>10} {:>10} {:>10} {:>10} {:>7} {:>9} {:>9}",
        "models", "objects", "serialise", "check", "stream", "ratio", "us/model", "peak MiB"
    );
    for n in [100, 1_000, 10_000] {
        let models = models(n);
        let inputs = || models.iter().map(|(model, secrets)| ModelInput { model, secrets, tag: None });
        let renderer = Renderer::new(&Templates::default(), fixture::context("1.36")).unwrap();
        let (check, checked) = timed(|| renderer.check(inputs()).unwrap());
        let mut out = Counter(0);
        let (stream, ()) = timed(|| {
            renderer.stream(checked, |o| yaml::write_document(&mut out, &o)).unwrap();
        });
        let peak = peak_kib() / 1024;
        let (mut serialise, mut objects, mut bytes) = (Duration::ZERO, 0, Counter(0));
        // In slices, so that the finished objects don't count as memory of the next round.
        for slice in models.chunks(500) {
            let mut finished: Vec<Object> = Vec::new();
            let inputs = slice.iter().map(|(model, secrets)| ModelInput { model, secrets, tag: None });
            let checked = renderer.check(inputs).unwrap();
            renderer
                .stream(checked, |o| {
                    finished.push(o);
                    Ok::<_, RenderError>(())
                })
                .unwrap();
            objects += finished.len();
            serialise +=
                timed(|| finished.iter().for_each(|o| yaml::write_document(&mut bytes, o).unwrap())).0;
        }
        assert_eq!(out.0, bytes.0);
        let total = check + stream;
        println!(
            "{n:>7} {objects:>10} {serialise:>10.1?} {check:>10.1?} {stream:>10.1?} {:>7.2} {:>9.1} {peak:>9}",
            total.as_secs_f64() / serialise.as_secs_f64(),
            total.as_secs_f64() * 1e6 / f64::from(u32::try_from(n).unwrap()),
        );
    }
}
