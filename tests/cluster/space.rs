//! A namespace of its own for a test.

use std::cell::Cell;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{RwLock, RwLockReadGuard};

use serde_json::{Value, json};

use crate::support::{Csw, Output, Sandbox, clusters};

/// What a pod has to say of itself where PodSecurity enforces `restricted`; YAML and JSON.
pub const POD_SECURITY: &str = r#"{"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}}"#;
/// The same for a container.
pub const CONTAINER_SECURITY: &str =
    r#"{"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}"#;

/// A labelled namespace, gone when dropped, and a sandbox whose `csw` talks to it.
pub struct Space {
    pub name: String,
    pub sandbox: Sandbox,
    kubeconfig: String,
    _shared: Option<Shared>,
}

thread_local! {
    /// Whether a space of this thread's test holds the lock: another of the same test must not wait behind somebody who
    /// waits for the first.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// A hold on the API server, released when dropped.
struct Shared(RwLockReadGuard<'static, ()>);

impl Shared {
    fn take() -> Option<Self> {
        if HOLDS.replace(true) {
            return None;
        }
        Some(Self(server().read().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        HOLDS.set(false);
    }
}

/// The kubeconfig of the cluster that this test runs on.
pub fn kubeconfig() -> String {
    clusters::current().unwrap().kubeconfig.clone()
}

/// The lock of its API server: held by those who need it, and taken alone by those who stop it.
pub fn server() -> &'static RwLock<()> {
    &clusters::current().unwrap().server
}

/// The `Y` of its release 1.Y.
pub fn minor() -> u64 {
    clusters::current().unwrap().minor
}

impl Space {
    /// For tests that leave the server alone.
    pub fn new() -> Self {
        Self::make(Shared::take())
    }

    /// For a test that holds [`server`] itself.
    pub fn alone() -> Self {
        Self::make(None)
    }

    fn make(shared: Option<Shared>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("csw-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let space = Self { name, sandbox: Sandbox::new(), kubeconfig: kubeconfig(), _shared: shared };
        space.apply_by_kubectl(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}, labels: {{csw-test: \"true\", \
             pod-security.kubernetes.io/enforce: restricted}}}}\n",
            space.name
        ));
        space
    }

    /// `csw cluster VERB …` in the namespace.
    pub fn csw(&self, args: &[&str]) -> Csw {
        let args = [args, &["--namespace", &self.name]].concat();
        self.sandbox.csw(args).env("KUBECONFIG", &self.kubeconfig)
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.csw(args).output()
    }

    /// `csw … -o json`, expected to end with this code.
    pub fn json(&self, args: &[&str], code: i32) -> Value {
        let output = self.run(&[args, &["-o", "json"]].concat());
        assert_eq!(output.code, code, "stdout:\n{}\nstderr:\n{}", output.stdout, output.stderr);
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// `kubectl …` in the namespace; its stdout.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let output = self.kubectl_output(args);
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `kubectl …` in the namespace, whatever comes of it.
    pub fn kubectl_output(&self, args: &[&str]) -> std::process::Output {
        self.kubectl_command(args).stdin(Stdio::null()).output().unwrap()
    }

    fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        // Before the rest, which may hold a command of its own after `--`.
        command.args(["--namespace", &self.name]).args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Makes a quota of this name that leaves no room for pods. The server looks at a new quota only after a while; it
    /// does when this returns.
    pub fn refuse_pods(&self, quota: &str) {
        self.kubectl(&["create", "quota", quota, "--hard=pods=0"]);
        self.until_pods_are_refused();
    }

    /// No pod is made any more, because others are there.
    pub fn occupy(&self, quota: &str) {
        let pod = self.pod("occupant");
        self.kubectl(&["create", "--filename", &pod]);
        self.kubectl(&["create", "quota", quota, "--hard=pods=1"]);
        self.until_pods_are_refused();
    }

    fn until_pods_are_refused(&self) {
        let pod = self.pod("probe");
        let pod = ["create", "--dry-run=server", "--filename", &pod];
        let refused =
            || String::from_utf8_lossy(&self.kubectl_output(&pod).stderr).contains("exceeded quota");
        while !refused() {}
    }

    /// The file of a pod that no node takes.
    fn pod(&self, name: &str) -> String {
        let of = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeSelector": {"no": "such"}, "securityContext": of(POD_SECURITY),
                "containers": [{"name": "main", "image": "csw-test/busybox:1", "securityContext": of(CONTAINER_SECURITY)}]}});
        self.sandbox.write(&format!("{name}.json"), pod.to_string()).display().to_string()
    }

    pub fn apply_by_kubectl(&self, manifest: &str) {
        use std::io::Write as _;
        let mut child = Command::new("kubectl")
            .args(["apply", "-f", "-"])
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// An object as the server has it.
    pub fn get(&self, resource: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", resource, "-o", "json"])).unwrap()
    }

    /// Names of the objects of a kind that are members of a set.
    pub fn members(&self, kind: &str) -> Vec<String> {
        let found = self.kubectl(&["get", kind, "-l", "applyset.kubernetes.io/part-of", "-o", "name"]);
        let mut names: Vec<String> =
            found.lines().filter_map(|l| l.split_once('/')).map(|(_, n)| n.to_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(
            self.kubectl_command(&["delete", "namespace", &self.name, "--wait=false"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status(),
        );
    }
}

/// A ConfigMap.
pub fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: \"{value}\"}}\n---\n"
    )
}

/// A Deployment of one pod that runs a shell command, and may write to `/tmp`.
pub fn deployment(name: &str, command: &str, more: &str) -> String {
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {POD_SECURITY}
      volumes: [{{name: tmp, emptyDir: {{}}}}]
      containers:
      - name: main
        image: csw-test/busybox:1
        imagePullPolicy: IfNotPresent
        command: [sh, -c, '{command}']
        resources: {{requests: {{cpu: "0.01", memory: 1024Ki}}}}
        securityContext: {CONTAINER_SECURITY}
        volumeMounts: [{{name: tmp, mountPath: /tmp}}]
        {more}
---
"#
    )
}

/// The action of each change, by object.
pub fn actions(set: &Value) -> std::collections::BTreeMap<String, String> {
    set["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let object = format!(
                "{}/{}",
                c["object"]["kind"].as_str().unwrap(),
                c["object"]["name"].as_str().unwrap()
            );
            (object, c["action"].as_str().unwrap().to_owned())
        })
        .collect()
}
