//! Tokens of callers, exchanged while the stack runs.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::support::{Output, Sandbox, Up};

/// A file of tokens as kubelet lays out a mounted Secret, and a stack that reads it.
struct Mounted {
    sandbox: Sandbox,
    up: Up,
    versions: std::cell::Cell<u32>,
}

impl Mounted {
    fn start(tokens: &str) -> Self {
        let sandbox = Sandbox::new();
        let versions = std::cell::Cell::new(0);
        exchange(&sandbox, &versions, tokens);
        symlink("..data/token", sandbox.work().join("token")).unwrap();
        let csw = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--data", "state"]);
        let up = Up::start(csw.env("CSW_SCHEDULER_TOKEN", "fixed").env("CSW_SCHEDULER_TOKEN_FILE", "token"));
        Self { sandbox, up, versions }
    }

    fn list(&self, token: &str) -> Output {
        let csw = self.sandbox.csw(["jobs", "list", "-o", "name", "--scheduler", &self.up.url]);
        csw.env("CSW_SCHEDULER_TOKEN", token).output()
    }

    /// Until the file that was exchanged counts.
    fn until(&self, token: &str, code: i32) -> Output {
        let begun = Instant::now();
        loop {
            let output = self.list(token);
            if output.code == code {
                return output;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {}", output.stderr);
        }
    }
}

fn exchange(sandbox: &Sandbox, versions: &std::cell::Cell<u32>, tokens: &str) {
    versions.set(versions.get() + 1);
    let version = format!("..{}", versions.get());
    sandbox.write(&format!("{version}/token"), tokens);
    let next = sandbox.work().join("..data_tmp");
    symlink(version, &next).unwrap();
    std::fs::rename(next, sandbox.work().join("..data")).unwrap();
}

#[test]
fn a_mounted_file_is_rotated_without_a_restart() {
    let mounted = Mounted::start("first\n");
    assert_eq!(mounted.list("first").code, 0);
    assert_eq!(mounted.list("fixed").code, 0);
    assert_eq!(mounted.list("second").code, 4);
    exchange(&mounted.sandbox, &mounted.versions, "second\nfirst\n");
    mounted.until("second", 0);
    assert_eq!(mounted.list("first").code, 0);
    // A client takes the newest of several itself.
    assert_eq!(mounted.list("second,first").code, 0);
    exchange(&mounted.sandbox, &mounted.versions, "second\n");
    let refused = mounted.until("first", 4);
    assert!(refused.stderr.contains("does not take this token (any more)"), "{}", refused.stderr);
    assert!(refused.stderr.contains("set CSW_SCHEDULER_TOKEN"), "{}", refused.stderr);
    assert!(!mounted.up.said().contains("second"), "{}", mounted.up.said());
}

#[test]
fn a_client_reads_its_token_from_a_file_too() {
    let mounted = Mounted::start("first\n");
    let list = ["jobs", "list", "-o", "name", "--scheduler", &mounted.up.url];
    mounted.sandbox.csw(list).env("CSW_SCHEDULER_TOKEN_FILE", "token").ok();
    let output = mounted.sandbox.csw(list).env("CSW_SCHEDULER_TOKEN_FILE", "elsewhere").output();
    assert!(output.code == 1 && output.stderr.contains("elsewhere"), "{}", output.stderr);
}

#[test]
fn a_file_without_a_token_lets_nobody_start_an_open_stack() {
    let sandbox = Sandbox::new();
    sandbox.write("token", "\n");
    let up = ["up", "--listen", "0.0.0.0:0", "--data", "state"];
    let output = sandbox.csw(up).env("CSW_SCHEDULER_TOKEN_FILE", "token").output();
    assert!(output.code == 1 && output.stderr.contains("there is no token in it"), "{}", output.stderr);
    let output = sandbox.csw(up).env("CSW_SCHEDULER_TOKEN", " , ").output();
    assert!(output.code == 1 && output.stderr.contains("without a token"), "{}", output.stderr);
}
