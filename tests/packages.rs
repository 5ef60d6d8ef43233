//! The packages of the static program: each is made, installed as a user would, and runs a model where nothing else is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Sandbox, require, static_program};

/// Runs one of the scripts below `packaging/`; gives the package that it names last.
fn package(script: &str, program: &Path, out: &Path, env: &[(&str, String)]) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(script);
    let mut command = Command::new("sh");
    command.arg(script).arg(program).arg(out).envs(env.iter().map(|(n, v)| (n, v)));
    PathBuf::from(said(&mut command).lines().last().unwrap())
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The installed program runs an example in an empty folder, as a home that has never seen it.
fn runs_solow(program: &Path) {
    let sandbox = Sandbox::new();
    let mut run = Command::new(program);
    run.args(["jobs", "run", "-n", "Examples/Solow"]).current_dir(sandbox.work());
    run.env_clear().env("HOME", sandbox.home()).env("PATH", std::env::var_os("PATH").unwrap());
    said(&mut run);
    let results = sandbox.work().join("outputs/Examples/Solow");
    let first = std::fs::read_dir(&results).unwrap().count();
    assert!(first > 0, "nothing in {}", results.display());
}

#[test]
fn a_tarball_a_debian_package_and_a_wheel_run_an_example() {
    if !require("pypi") {
        return;
    }
    let Some(program) = static_program() else { return };
    let sandbox = Sandbox::new();
    let out = sandbox.work().join("packages");

    let tarball = package("tarball.sh", &program, &out, &[]);
    said(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(sandbox.work()));
    let name = tarball.file_name().unwrap().to_str().unwrap().trim_end_matches(".tar.gz").to_owned();
    let unpacked = sandbox.work().join(name);
    assert!(unpacked.join("man").read_dir().unwrap().count() > 20, "manual pages are missing");
    runs_solow(&unpacked.join("csw"));
    let before = std::fs::read(&tarball).unwrap();
    assert_eq!(package("tarball.sh", &program, &out, &[]), tarball);
    assert!(std::fs::read(&tarball).unwrap() == before, "the same source made another tarball");

    let deb = package("deb.sh", &program, &out, &[]);
    let root = sandbox.work().join("root");
    said(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&root));
    for file in [
        "usr/share/bash-completion/completions/csw",
        "usr/share/zsh/vendor-completions/_csw",
        "usr/share/fish/vendor_completions.d/csw.fish",
        "usr/share/man/man1/csw-jobs-run.1.gz",
        "usr/share/doc/csw/copyright",
    ] {
        assert!(root.join(file).is_file(), "{file} is not in the package");
    }
    runs_solow(&root.join("usr/bin/csw"));
    let control = said(Command::new("dpkg-deb").arg("--info").arg(&deb));
    assert!(control.contains("Package: csw"), "{control}");

    let venv = sandbox.work().join("venv");
    said(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    let pip = |args: &[&str]| {
        let mut pip = Command::new(venv.join("bin/pip"));
        said(pip.args(["--quiet", "--disable-pip-version-check"]).args(args));
    };
    pip(&["install", "maturin>=1.9,<2", "wheel"]);
    let path = format!("{}:{}", venv.join("bin").display(), std::env::var("PATH").unwrap());
    let wheel = package(
        "wheel.sh",
        &program,
        &out,
        &[
            ("PATH", path),
            ("PROFILE", "dev".to_owned()),
            // As `static_program` is built: nothing is compiled again.
            (
                "RUSTFLAGS",
                "-C target-feature=+crt-static -C relocation-model=static -C strip=symbols -C debuginfo=0"
                    .to_owned(),
            ),
            ("CARGO_TARGET_DIR", target_of(&program)),
        ],
    );
    let name = wheel.file_name().unwrap().to_str().unwrap();
    assert!(
        name.contains("-py3-none-") && name.contains("musllinux") && name.contains("manylinux"),
        "{name}"
    );
    pip(&["uninstall", "--yes", "maturin"]);
    pip(&["install", "--no-index", wheel.to_str().unwrap()]);
    runs_solow(&venv.join("bin/csw"));
}

/// The target folder that `<target>/<host>/debug/csw` is in.
fn target_of(program: &Path) -> String {
    program.ancestors().nth(3).unwrap().to_str().unwrap().to_owned()
}
