//! What is sized by input, at the usual size and at ten times that: the time may grow as n log n, and no faster.
//!
//! Run with `cargo bench --bench large_inputs`. Ten times as much may take twenty times as long: so much is left for caches
//! and for the logarithm. The best of three rounds counts.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::expect_used)]

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use csw::config::{self, ReportStyle, Sources};
use csw::outputs::{Packed, extract};
use csw::secret::{Redactor, SecretValue};
use csw::{model::numbers, outputs::Outputs};
use serde_json::json;

const ROUNDS: usize = 3;
const MOST: f64 = 20.0;

fn main() {
    grows("outputs of one title, packed", 2_000, |n| {
        let outputs = titled(n, |_| "T".to_owned());
        timed(|| drop(Packed::of(outputs).unwrap()))
    });
    grows("outputs of one title, as files", 500, |n| {
        let folder = tempfile::tempdir().unwrap();
        let outputs = titled(n, |_| "T".to_owned());
        timed(|| drop(extract(&outputs, folder.path()).unwrap()))
    });
    grows("unknown keys in a file", 2_000, |n| {
        let keys: String = (0..n).fold(String::new(), |mut text, k| {
            writeln!(text, "unknown_key_{k}: {k}").unwrap();
            text
        });
        linted(&keys)
    });
    grows("one key again and again", 2_000, |n| linted(&"listed: true\n".repeat(n)));
    grows("mistakes in one line", 2_000, |n| {
        let items: Vec<String> = (0..n).map(|k| format!("unknown_{k}: é")).collect();
        linted(&format!("resources: {{{}}}\n", items.join(", ")))
    });
    grows("models named with -n", 500, |n| {
        let folder = tempfile::tempdir().unwrap();
        for k in 0..n {
            let text = format!(
                "owner: O\ntitle: T{k}\ntimestamp: 2020-10-29 09:29\nrepo_url: https://git.example/a/b\n"
            );
            fs::write(folder.path().join(format!("{k}.yaml")), text).unwrap();
        }
        let catalog = config::load_valid(&Sources::none().with_path(folder.path())).unwrap();
        let names: Vec<String> = (0..n).map(|k| format!("o/t{k}")).collect();
        let unknown: Vec<String> = (0..n).map(|k| format!("o/u{k}")).collect();
        timed(|| {
            drop(catalog.select(&names));
            drop(catalog.select(&unknown));
        })
    });
    grows("secrets that are masked", 200, |n| {
        let values: Vec<SecretValue> =
            (0..n).map(|k| SecretValue::from(format!("secret-{k}-{k}-value"))).collect();
        timed(|| {
            let redactor = Redactor::new(&values);
            assert!(redactor.text("a secret-7-7-value b").contains("******"));
        })
    });
    grows("numbers beyond 64 bits", 20_000, |n| {
        let text = format!("[{}]", vec!["254601183493841237945120495711238475"; n].join(","));
        timed(|| {
            let value: serde_json::Value = numbers::from_str(&text).unwrap();
            assert_eq!(numbers::to_vec(&value).unwrap().len(), text.len());
        })
    });
}

fn titled(n: usize, title: impl Fn(usize) -> String) -> Outputs {
    let items: Vec<_> =
        (0..n).map(|k| json!({"media_type": "Text", "title": title(k), "data": ""})).collect();
    Outputs::from_json(json!({"renderable": items, "downloadable": []})).unwrap()
}

/// How long it takes to find and show what is wrong with a model's file that goes on like this.
fn linted(more: &str) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    let head = "owner: O\ntitle: T\ntimestamp: 2020-10-29 09:29\nrepo_url: https://git.example/a/b\n";
    fs::write(&file, format!("{head}{more}")).unwrap();
    timed(|| {
        let catalog = config::load_valid(&Sources::none().with_path(&file)).unwrap();
        let text = catalog.diagnostics().render(ReportStyle { color: false, unicode: true });
        assert!(text.contains("problems in 1 file"));
    })
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn grows(what: &str, usual: usize, work: impl Fn(usize) -> Duration) {
    let best = |n: usize| (0..ROUNDS).map(|_| work(n)).min().unwrap();
    let (small, large) = (best(usual), best(10 * usual));
    let ratio = large.as_secs_f64() / small.as_secs_f64().max(1e-6);
    let verdict = if ratio <= MOST { "met" } else { "MISSED" };
    println!(
        "{what:<32} {usual:>6}: {small:>9.1?}   {:>6}: {large:>9.1?}   × {ratio:>5.1}, at most {MOST}: {verdict}",
        10 * usual
    );
}
