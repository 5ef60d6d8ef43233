//! What starting `csw` costs: CPU time (user and system) of `csw --help` and of `csw models list` with three models,
//! against a Rust program that prints one line, all on this machine, in turns.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

const RUNS: u32 = 200;
const LIMIT: f64 = 3.0;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let line = one_line(folder.path());
    let models = three_models(folder.path());
    let csw = Path::new(env!("CARGO_BIN_EXE_csw"));
    let programs: [(&str, &Path, &[&str]); 3] = [
        ("a program that prints one line", &line, &[]),
        ("csw --help", csw, &["--help"]),
        ("csw models list, 3 models", csw, &["models", "list"]),
    ];
    let mut spent = [0.0; 3];
    // In turns, so that whatever else the machine does meets all of them alike.
    for _ in 0..RUNS {
        for (total, (_, program, args)) in spent.iter_mut().zip(&programs) {
            *total += cpu_time(program, args, &models);
        }
    }
    let own = spent[0];
    let mut fine = true;
    println!("CPU time of a start, mean of {RUNS}");
    for ((name, ..), total) in programs.iter().zip(spent) {
        let ratio = total / own;
        println!("{:>8.3} ms  {ratio:>5.2} ×  {name}", total / f64::from(RUNS) * 1e3);
        fine &= ratio <= LIMIT;
    }
    println!("limit: {LIMIT} ×: {}", if fine { "kept" } else { "exceeded" });
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Seconds of CPU that the program took to its end.
fn cpu_time(program: &Path, args: &[&str], folder: &Path) -> f64 {
    let before = children();
    let status = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "{} {args:?} failed", program.display());
    children() - before
}

/// Seconds of CPU that all children took that have been waited for.
fn children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    micros as f64 / 1e6
}

fn one_line(folder: &Path) -> std::path::PathBuf {
    let source = folder.join("line.rs");
    let program = folder.join("line");
    fs::write(&source, "fn main() { println!(\"one line\"); }\n").expect("the source is written");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status =
        Command::new(rustc).arg("-O").arg("-o").args([&program, &source]).status().expect("rustc starts");
    assert!(status.success(), "rustc failed");
    program
}

/// A working folder with three of the repository's models.
fn three_models(folder: &Path) -> std::path::PathBuf {
    let work = folder.join("work");
    for model in ["Examples/Solow", "Examples/Epidemic", "PSLmodels/OG-USA"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/{model}.yaml"));
        let to = work.join(format!("config/{model}.yaml"));
        fs::create_dir_all(to.parent().expect("it has a folder")).expect("the folder is made");
        fs::copy(&from, &to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    }
    work
}
