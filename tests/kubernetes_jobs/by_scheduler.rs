//! `csw jobs …` by the scheduler of a cluster, which nothing but the Kubernetes API leads to.

use serde_json::Value;

use crate::cluster::space::{CONTAINER_SECURITY, POD_SECURITY, Space};
use crate::support::{Csw, StackImages, on_each_cluster, require};

const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// The image of the scheduler has no shell: the model brings its own.
const STACK: &str = r#"apiVersion: v1
kind: Secret
metadata: {name: worker-secret}
stringData: {CSW_SCHEDULER_TOKEN: @TOKEN@}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: model}
data:
  Echo.yaml: |
    owner: Test
    title: Echo
    timestamp: "2026-01-01"
    repo_url: /model
    entry:
      command: [/tools/busybox, sh, model.sh]
    sim_time_limit: 2m
  model.sh: |
    case $(/tools/busybox cat) in
      *'"task":"version"'*) echo '{"version": "1"}' ;;
      *) echo '{"renderable": [], "downloadable": [{"media_type": "Text", "title": "answer", "data": "forty-two"}]}' ;;
    esac
---
apiVersion: v1
kind: Service
metadata: {name: scheduler}
spec:
  selector: {app: scheduler}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: scheduler}
spec:
  replicas: 1
  selector: {matchLabels: {app: scheduler}}
  template:
    metadata: {labels: {app: scheduler}}
    spec:
      terminationGracePeriodSeconds: 5
      securityContext: @POD@
      initContainers:
      - name: tools
        securityContext: @CONTAINER@
        image: csw-test/busybox:1
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "cp /bin/busybox /tools/ && mkdir -p /model && cp /config/model.sh /model/"]
        volumeMounts: [{name: tools, mountPath: /tools}, {name: tools, mountPath: /model, subPath: model}, {name: config, mountPath: /config}]
      containers:
      - name: scheduler
        securityContext: @CONTAINER@
        image: @IMAGE@
        imagePullPolicy: IfNotPresent
        command: [csw, up]
        env:
        - {name: CSW_LISTEN, value: "0.0.0.0:8888"}
        - {name: CSW_DATA_DIR, value: /data/stack}
        - {name: CSW_CACHE_DIR, value: /data/cache}
        - {name: CSW_CONFIG_DIR, value: /config}
        - {name: HOME, value: /data}
        - {name: CSW_SCHEDULER_TOKEN, valueFrom: {secretKeyRef: {name: worker-secret, key: CSW_SCHEDULER_TOKEN}}}
        ports: [{name: http, containerPort: 8888}]
        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}
        volumeMounts:
        - {name: tools, mountPath: /tools}
        - {name: tools, mountPath: /model, subPath: model}
        - {name: config, mountPath: /config/Test}
        - {name: data, mountPath: /data}
        - {name: data, mountPath: /tmp, subPath: tmp}
      volumes:
      - {name: tools, emptyDir: {}}
      - {name: data, emptyDir: {}}
      - {name: config, configMap: {name: model}}
"#;

on_each_cluster!(submitting_waiting_and_fetching_results_take_no_more_than_a_context);

fn submitting_waiting_and_fetching_results_take_no_more_than_a_context() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let Some(images) = StackImages::build(&space.sandbox, &[]) else { return };
    let manifest = STACK.replace("@TOKEN@", TOKEN).replace("@IMAGE@", &images.image("scheduler"));
    let manifest = manifest.replace("@POD@", POD_SECURITY).replace("@CONTAINER@", CONTAINER_SECURITY);
    let file = space.sandbox.write("stack.yaml", manifest);
    space.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    space.kubectl(&["rollout", "status", "deployment/scheduler", "--timeout=180s"]);
    let context = space.kubectl(&["config", "current-context"]).trim().to_owned();
    let jobs = |args: &[&str]| -> Csw { space.csw(&[&["jobs"], args].concat()).env("CSW_CONTEXT", &context) };

    // The token is read from the cluster.
    let sets: String = (0..50).map(|_| "{}\n").collect();
    space.sandbox.write("sets.jsonl", sets);
    let ids =
        jobs(&["submit", "-n", "Test/Echo", "--from", "sets.jsonl", "--id-prefix", "set", "-o", "name"]);
    assert_eq!(ids.ok().lines().count(), 50);
    let ended = jobs(&["wait", "set-1", "set-50", "--timeout", "3m", "-o", "json"]).ok();
    let ended: Vec<Value> = serde_json::from_str(&ended).unwrap();
    assert!(ended.iter().all(|job| job["status"] == "SUCCESS"), "{ended:?}");
    jobs(&["results", "set-50", "--out", "out"]).ok();
    let written = std::fs::read_dir(space.sandbox.work().join("out")).unwrap().count();
    assert!(written > 0);
    assert!(jobs(&["list", "-o", "name"]).ok().contains("set-7"));

    // These jobs are processes of the stack, not Jobs of the cluster.
    assert_eq!(jobs(&["list", "--on", "kubernetes", "-o", "name"]).ok(), "");

    // What was kept when the services were applied outweighs what the cluster has.
    let kept = space.sandbox.csw(["secrets", "set", "CSW_SCHEDULER_TOKEN"]).stdin("an-outdated-one");
    kept.ok();
    let refused = jobs(&["list"]).output();
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("token") && !refused.stderr.contains("outdated"));
    let shown = jobs(&["list", "-o", "name"]).env("CSW_SCHEDULER_TOKEN", TOKEN).ok();
    assert!(shown.contains("set-50"));

    // Said more plainly than the variable's context: a URL, where nobody listens.
    let elsewhere = jobs(&["list", "--scheduler", "http://127.0.0.1:9/"]).output();
    assert!(elsewhere.stderr.contains("127.0.0.1:9"), "{}", elsewhere.stderr);
}

on_each_cluster!(a_context_without_a_scheduler_is_looked_at_directly_but_not_submitted_to);

fn a_context_without_a_scheduler_is_looked_at_directly_but_not_submitted_to() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let context = space.kubectl(&["config", "current-context"]).trim().to_owned();
    assert_eq!(space.csw(&["jobs", "list", "-o", "name", "--context", &context]).ok(), "");
    let output = space.run(&["jobs", "submit", "-n", "Test/Echo", "--context", &context]);
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("there is no Service scheduler"), "{}", output.stderr);
    let output = space.run(&["jobs", "list", "--on", "scheduler", "--context", &context]);
    assert_eq!(output.code, 4);
}
