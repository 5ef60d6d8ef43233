//! `examples/solow`: its own tests, and its numbers against the equations.

use std::path::Path;
use std::process::Command;

use crate::support::{missing, on_path};

fn python(args: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/solow");
    let output = Command::new("python3")
        .args(args)
        .current_dir(&folder)
        .env("PYTHONPATH", folder.join("cs-config"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    format!("{stdout}{stderr}")
}

#[test]
fn its_own_tests_pass() {
    if !on_path("python3") {
        return missing("python3", "not on PATH");
    }
    let said = python(&["-m", "unittest", "discover", "-s", "cs-config", "-t", "cs-config"]);
    assert!(said.contains("\nRan ") && !said.contains("Ran 0 tests"), "{said}");
}

#[test]
fn a_simulation_follows_the_equations() {
    if !on_path("python3") {
        return missing("python3", "not on PATH");
    }
    let csv = python(&[
        "-c",
        "from cs_config.functions import run_model\n\
         adjustment = {'Solow': {'savings_rate': [{'value': 0.3}], 'horizon': 400, 'capital_share': 0.5}}\n\
         print(run_model({}, adjustment)['downloadable'][0]['data'], end='')",
    ]);
    let rows: Vec<Vec<f64>> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
        .collect();
    assert_eq!(rows.len(), 401);
    let (s, delta, n, g) = (0.3, 0.05, 0.005, 0.015);
    let mut k: f64 = 4.0;
    for row in &rows {
        assert!((row[1] / k - 1.0).abs() < 1e-12, "capital {} instead of {k}", row[1]);
        assert!((row[2] / k.sqrt() - 1.0).abs() < 1e-12, "output {} of capital {k}", row[2]);
        assert!((row[3] / row[2] - 0.7).abs() < 1e-12, "consumption {} of output {}", row[3], row[2]);
        k = (s * k.sqrt() + (1.0 - delta) * k) / ((1.0 + n) * (1.0 + g));
    }
    let steady = (s / (n + g + n * g + delta)).powi(2);
    assert!((rows[400][1] / steady - 1.0).abs() < 1e-5, "{} does not approach {steady}", rows[400][1]);
}
