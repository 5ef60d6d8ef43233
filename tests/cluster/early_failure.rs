//! A wait fails as soon as there is no more hope, and says why.

use super::space::{CONTAINER_SECURITY, POD_SECURITY, Space, deployment};
use crate::support::{Output, on_each_cluster, require};

/// Without a probe a container is ready while it runs, however short that is.
const NEVER_READY: &str = "readinessProbe: {exec: {command: [\"false\"]}}";

/// Waits for far longer than a test may take: only an early end is a pass.
fn wait(space: &Space, manifest: &str) -> Output {
    space.sandbox.write("all.yaml", manifest);
    let output = space.run(&["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout", "30m"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    output
}

on_each_cluster!(a_missing_image);

fn a_missing_image() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let image = "127.0.0.1:9/no/such:1";
    let output = wait(&space, &deployment("d", "true", "").replace("csw-test/busybox:1", image));
    assert!(output.stderr.contains("ImagePull") && output.stderr.contains(image), "{}", output.stderr);
}

on_each_cluster!(a_crash_loop_with_the_last_lines_of_the_log);

fn a_crash_loop_with_the_last_lines_of_the_log() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let output = wait(&space, &deployment("d", "echo cannot find the answer; exit 42", NEVER_READY));
    for words in
        ["CrashLoopBackOff", "exited with 42", "last lines of container main", "cannot find the answer"]
    {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
}

on_each_cluster!(a_program_that_ends_without_an_error_where_it_has_to_keep_running);

fn a_program_that_ends_without_an_error_where_it_has_to_keep_running() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let output = wait(&space, &deployment("d", "echo nothing more to do", NEVER_READY));
    for words in ["CrashLoopBackOff", "exited with 0, though it has to keep running", "nothing more to do"] {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
}

on_each_cluster!(an_early_restart_is_tolerated);

fn an_early_restart_is_tolerated() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    // The first run leaves a mark on the volume, which outlives the container.
    let command = "test -e /tmp/done && exec sleep 1000; touch /tmp/done; exit 1";
    space.sandbox.write("all.yaml", deployment("d", command, ""));
    let output = space.run(&["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout", "3m"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
}

on_each_cluster!(a_missing_secret_key);

fn a_missing_secret_key() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let env = "env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: missing}}}]";
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {there: x}}\n---\n";
    let output = wait(&space, &(secret.to_owned() + &deployment("d", "true", env)));
    assert!(output.stderr.contains("CreateContainerConfigError"), "{}", output.stderr);
    assert!(output.stderr.contains("couldn't find key missing"), "{}", output.stderr);
}

on_each_cluster!(a_pod_that_no_node_takes);

fn a_pod_that_no_node_takes() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let manifest = deployment("d", "true", "")
        .replace("      containers:", "      nodeSelector: {component: nowhere}\n      containers:");
    let output = wait(&space, &manifest);
    assert!(output.stderr.contains("Unschedulable"), "{}", output.stderr);
}

on_each_cluster!(a_quota_that_is_used_up);

fn a_quota_that_is_used_up() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    space.refuse_pods("none");
    let output = wait(&space, &deployment("d", "true", NEVER_READY));
    assert!(output.stderr.contains("exceeded quota"), "{}", output.stderr);
}

on_each_cluster!(a_failed_job);

fn a_failed_job() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let job = |name: &str, command: &str| {
        format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{backoffLimit: 0, template: {{spec: {{restartPolicy: Never, securityContext: {POD_SECURITY}, containers: [{{name: c, securityContext: {CONTAINER_SECURITY}, image: 'csw-test/busybox:1', imagePullPolicy: IfNotPresent, command: [sh, -c, '{command}']}}]}}}}}}}}\n---\n"
        )
    };
    space.sandbox.write("good.yaml", job("good", "true"));
    let output = space.run(&["cluster", "apply", "-f", "good.yaml", "--wait"]);
    assert_eq!(output.code, 0, "a job is ready when it is complete: {}", output.stderr);
    let output = wait(&space, &job("bad", "echo no luck; exit 3"));
    for words in ["BackoffLimitExceeded", "exited with 3", "no luck"] {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
}

on_each_cluster!(a_timeout_names_what_is_not_ready);

fn a_timeout_names_what_is_not_ready() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("all.yaml", deployment("slow", "exec sleep 1000", NEVER_READY));
    let output = space.run(&["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout", "5s"]);
    assert_eq!(output.code, 5);
    assert!(output.stderr.contains("slow: not ready in time: "), "{}", output.stderr);
}

on_each_cluster!(an_object_that_somebody_deletes_meanwhile);

fn an_object_that_somebody_deletes_meanwhile() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("all.yaml", deployment("slow", "exec sleep 1000", NEVER_READY));
    let mut child = space
        .csw(&["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout", "30m"])
        .into_command()
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // It waits when it has said so.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    assert!(lines.by_ref().any(|l| l.unwrap().contains("new replicas are available")));
    space.kubectl(&["delete", "deployment", "slow"]);
    let rest: String = lines.map(|l| l.unwrap() + "\n").collect();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert!(rest.contains("deleted by somebody else"), "{rest}");
}
