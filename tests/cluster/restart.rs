//! The API server goes away for a while.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::space::{Space, config_map, deployment, kubeconfig, server};
use crate::support::{on_each_cluster, require, restart_command};

fn run(command: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("KUBECONFIG", kubeconfig());
    let status = shell.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command}");
}

on_each_cluster!(an_apply_goes_on_when_the_server_is_back);

fn an_apply_goes_on_when_the_server_is_back() {
    if !require("kubernetes") || !require("kubernetes-restart") {
        return;
    }
    let restart = restart_command().unwrap();
    let _alone = server().write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let space = Space::alone();
    let text: String = (0..1000).map(|i| config_map(&format!("c{i}"), "1")).collect();
    space.sandbox.write("all.yaml", text);
    let child = space
        .csw(&["cluster", "apply", "-f", "all.yaml", "--concurrency", "2", "-o", "json"])
        .into_command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // In the middle is when some are there and others not.
    while space.members("configmap").is_empty() {}
    run(&restart);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(space.members("configmap").len(), 1000);
}

on_each_cluster!(a_wait_goes_on_when_the_server_is_back);

fn a_wait_goes_on_when_the_server_is_back() {
    if !require("kubernetes-node") || !require("kubernetes-restart") {
        return;
    }
    let restart = restart_command().unwrap();
    let _alone = server().write().unwrap_or_else(std::sync::PoisonError::into_inner);
    let space = Space::alone();
    // Ready as soon as somebody says so, which is after the restart.
    let probe = "readinessProbe: {periodSeconds: 1, exec: {command: [test, -e, /tmp/go]}}";
    space.sandbox.write("all.yaml", deployment("d", "exec sleep 1000", probe));
    let mut child = space
        .csw(&["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout", "5m"])
        .into_command()
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|l| l.unwrap().contains("new replicas are available")));
    run(&restart);
    let pod = loop {
        let pods = space.get("pods");
        let pod = &pods["items"][0];
        if pod["status"]["containerStatuses"][0]["state"]["running"].is_object() {
            break pod["metadata"]["name"].as_str().unwrap().to_owned();
        }
    };
    space.kubectl(&["exec", &pod, "--", "touch", "/tmp/go"]);
    let rest: String = lines.map(|l| l.unwrap() + "\n").collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("Everything is ready"), "{rest}");
}
