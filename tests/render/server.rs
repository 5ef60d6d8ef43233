//! What a real API server says: `kubectl apply --dry-run=server` of every object, on the oldest release.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::fixture;
use crate::support::{missing, on_path};

fn kubectl(args: &[&str], stdin: &str) -> (bool, String) {
    let config = std::env::var_os("CSW_TEST_KUBECONFIG").unwrap();
    let mut child = Command::new("kubectl")
        .args(args)
        .env("KUBECONFIG", config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[test]
fn the_api_server_accepts_every_object() {
    if std::env::var_os("CSW_TEST_KUBECONFIG").is_none() {
        return missing("kubernetes", "CSW_TEST_KUBECONFIG names no cluster");
    }
    if !on_path("kubectl") {
        return missing("kubernetes", "kubectl is not on PATH");
    }
    let namespace = format!("csw-render-{}", std::process::id());
    let (made, text) = kubectl(&["create", "namespace", &namespace], "");
    assert!(made, "{text}");
    let result = std::panic::catch_unwind(|| {
        for (context, bucket) in
            [(fixture::context("1.20"), "gs://b"), (fixture::full_context("1.20"), "file:///outputs")]
        {
            let mut context = context;
            context.kubernetes.namespace = namespace.parse().unwrap();
            let text = fixture::stream(&fixture::everything_in(context, bucket));
            let (accepted, answer) = kubectl(&["apply", "--dry-run=server", "-f", "-"], &text);
            assert!(accepted, "{answer}");
            assert!(
                answer.contains("cronjob.batch/job-cleanup") && answer.contains("job.batch/5f2c1b34"),
                "{answer}"
            );
            // The field manager's way as well: it knows every field or refuses the object.
            let (accepted, answer) = kubectl(
                &["apply", "--server-side", "--dry-run=server", "--field-manager=csw", "-f", "-"],
                &text,
            );
            assert!(accepted, "{answer}");
        }
    });
    kubectl(&["delete", "namespace", &namespace, "--wait=false"], "");
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
