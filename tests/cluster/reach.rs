//! Who may reach whom where NetworkPolicies are enforced: each cell of the README's table, tried.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::configuration::csw;
use super::space::{CONTAINER_SECURITY, POD_SECURITY, Space};
use crate::readme::readme;
use crate::support::{missing, on_each_cluster, on_path, require, run};

/// An address of nobody's, outside of the cluster.
const OUTSIDE: &str = "203.0.113.10";
/// Where clouds tell a node's credentials.
const METADATA: &str = "169.254.169.254";
/// A port that nothing has, of any pod.
const NO_PORT: u16 = 9;
/// How long a connection may take; one that is refused by a policy gets no answer at all.
const SECONDS: u16 = 10;

on_each_cluster!(
    newest who_may_reach_whom_is_as_the_readme_has_it,
    "the oldest does not enforce NetworkPolicies"
);

/// An interface of this machine, with addresses that stand for what is outside of a cluster.
struct Outside(());

impl Outside {
    const NAME: &str = "csw-test-out";

    fn new() -> Result<Self, String> {
        let ip = |args: &[&str]| run(Command::new("ip").args(args));
        ip(&["link", "add", Self::NAME, "type", "dummy"])?;
        let made = Self(());
        for address in [OUTSIDE, METADATA] {
            ip(&["address", "add", &format!("{address}/32"), "dev", Self::NAME])?;
        }
        ip(&["link", "set", Self::NAME, "up"])?;
        Ok(made)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["link", "delete", Self::NAME]).status());
    }
}

/// The README's table: for each that asks, for each that is asked, whether it is reached.
fn table() -> BTreeMap<String, BTreeMap<String, bool>> {
    let text = readme();
    let (_, rest) = text.split_once("### Who may reach whom").unwrap();
    let mut rows = rest
        .lines()
        .skip_while(|l| !l.starts_with('|'))
        .take_while(|l| l.starts_with('|'))
        .map(|l| l.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    let heading = rows.next().unwrap();
    rows.skip(1)
        .map(|row| {
            let cells = heading.iter().zip(&row).skip(1).map(|(to, cell)| {
                let allowed = match cell.as_str() {
                    "yes" => true,
                    "" => false,
                    other => panic!("a cell `{other}`"),
                };
                (to.clone(), allowed)
            });
            (row[0].clone(), cells.collect())
        })
        .collect()
}

fn model(title: &str, more: &str) -> String {
    format!(
        "owner: Test\ntitle: {title}\ntimestamp: \"2026-01-15 09:00\"\nrepo_url: ./model\nentry: {{command: [\"true\"]}}\n\
         resources:\n  requests: {{cpu: 0.01, memory: 16M}}\n  limits: {{cpu: 1, memory: 128M}}\n{more}"
    )
}

/// Every object that csw would apply.
fn objects(space: &Space) -> Vec<Value> {
    let all = ["svc", "models"].map(|part| {
        let text = csw(space, &[part, "config", "-o", "-"]).env("CS_URL", "http://203.0.113.10:8090/").ok();
        serde_saphyr::from_multiple::<Value>(&text).unwrap()
    });
    all.concat()
}

/// The labels of the pods that an object makes.
fn labels(objects: &[Value], kind: &str, name: &str) -> Value {
    let is = |o: &&Value| o["kind"] == kind && o["metadata"]["name"] == name;
    let object = objects.iter().find(is).unwrap_or_else(|| panic!("no {kind} {name}"));
    let mut labels = match kind {
        "ConfigMap" => {
            let job: Value = serde_saphyr::from_str(object["data"]["job.yaml"].as_str().unwrap()).unwrap();
            job["spec"]["template"]["metadata"]["labels"].clone()
        }
        "CronJob" => object["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"].clone(),
        _ => object["spec"]["template"]["metadata"]["labels"].clone(),
    };
    if kind == "ConfigMap" {
        labels["job-id"] = "one".into();
    }
    labels
}

fn pod(space: &Space, name: &str, labels: &Value) {
    let security = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": space.name, "labels": labels},
        "spec": {"securityContext": security(POD_SECURITY), "terminationGracePeriodSeconds": 0, "containers": [{
            "name": "main", "image": "csw-test/busybox:1", "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "3600"], "securityContext": security(CONTAINER_SECURITY),
            "resources": {"requests": {"cpu": "0.01", "memory": "1Mi"}}}]}});
    space.apply_by_kubectl(&pod.to_string());
}

/// Tries all of these from a pod at once; what was answered, by whomever, was let through.
fn try_all(space: &Space, pod: &str, targets: &[String]) -> BTreeMap<String, bool> {
    let mut script = String::new();
    for target in targets {
        let (host, port) = target.rsplit_once(':').unwrap();
        script +=
            &format!("(said=$(nc -w {SECONDS} {host} {port} </dev/null 2>&1); echo \"{target} $said\") &\n");
    }
    let said = space.kubectl(&["exec", pod, "--", "sh", "-c", &(script + "wait")]);
    let mut reached = BTreeMap::new();
    for target in targets {
        let line = said.lines().find(|line| line.split(' ').next() == Some(target));
        let line = line.unwrap_or_else(|| panic!("nothing of {target}: {said}"));
        reached.insert(target.clone(), !line.contains("timed out"));
    }
    reached
}

fn who_may_reach_whom_is_as_the_readme_has_it() {
    if !require("kubernetes-node") {
        return;
    }
    if !on_path("ip") {
        return missing("ip", "not on PATH");
    }
    let _outside = match Outside::new() {
        Ok(outside) => outside,
        Err(why) => return missing("outside", &why),
    };
    let (space, elsewhere) = (Space::new(), Space::new());
    for (title, more) in [
        ("Plain", String::new()),
        ("Spread", "cluster_type: dask\n".to_owned()),
        ("Online", "network: {internet: true}\n".to_owned()),
        ("Named", format!("network: {{egress: [{{cidr: {OUTSIDE}/32, ports: [443]}}]}}\n")),
    ] {
        space.sandbox.write(&format!("config/Test/{title}.yaml"), model(title, &more));
    }
    let objects = objects(&space);
    for policy in objects.iter().filter(|o| o["kind"] == "NetworkPolicy") {
        space.apply_by_kubectl(&policy.to_string());
    }
    let job = |model: &str| labels(&objects, "ConfigMap", &format!("{model}-job"));
    let of = |kind: &str, name: &str| labels(&objects, kind, name);
    // What the README calls it, its pod, the pod's labels, its ports.
    let pods: Vec<(&str, &str, Value, &[u16])> = vec![
        ("scheduler", "scheduler", of("Deployment", "scheduler"), &[8888]),
        ("outputs processor", "outputs", of("Deployment", "outputs-processor"), &[8888]),
        ("Redis", "redis", of("StatefulSet", "redis-master"), &[6379]),
        ("inputs server", "inputs", of("Deployment", "test-plain-api-task"), &[8888]),
        ("Dask scheduler", "dask-scheduler", of("Deployment", "test-spread-dask-scheduler"), &[8786, 8787]),
        ("Dask worker", "dask-worker", of("Deployment", "test-spread-dask-worker"), &[8788, 8789, 8790]),
        ("simulation", "sim", job("test-plain"), &[]),
        ("simulation of the Dask model", "sim-spread", job("test-spread"), &[]),
        ("simulation, `internet: true`", "sim-online", job("test-online"), &[]),
        ("simulation, `egress` names the address", "sim-named", job("test-named"), &[]),
        ("cleanup", "cleanup", of("CronJob", "job-cleanup"), &[]),
        ("another pod of the namespace", "stranger", json!({}), &[]),
    ];
    for (_, name, labels, _) in &pods {
        pod(&space, name, labels);
    }
    pod(&elsewhere, "foreign", &json!({}));
    space.kubectl(&["wait", "pods", "--all", "--for=condition=Ready", "--timeout=180s"]);
    elsewhere.kubectl(&["wait", "pods", "--all", "--for=condition=Ready", "--timeout=180s"]);
    // By the README's columns.
    let address = |name: &str| space.kubectl(&["get", "pod", name, "-o", "jsonpath={.status.podIP}"]);
    let mut targets: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut nowhere = Vec::new();
    for (told, name, _, ports) in pods.iter().filter(|(_, _, _, ports)| !ports.is_empty()) {
        let column = if told.starts_with("Dask") { "Dask" } else { told };
        let address = address(name);
        targets.entry(column).or_default().extend(ports.iter().map(|port| format!("{address}:{port}")));
        nowhere.push(format!("{address}:{NO_PORT}"));
    }
    let service = elsewhere.kubectl(&[
        "get",
        "service",
        "kubernetes",
        "-n",
        "default",
        "-o",
        "jsonpath={.spec.clusterIP}",
    ]);
    targets.insert("API server", vec![format!("{service}:443")]);
    targets.insert("metadata", vec![format!("{METADATA}:80")]);
    targets.insert("outside", vec![format!("{OUTSIDE}:443")]);
    let web_app = format!("{OUTSIDE}:8090");
    let all: Vec<String> = targets.values().flatten().chain(&nowhere).chain([&web_app]).cloned().collect();
    let expected = table();
    let known: Vec<&str> =
        pods.iter().map(|(told, ..)| *told).chain(["a pod of another namespace"]).collect();
    assert_eq!(expected.len(), known.len(), "rows of the README: {:?}", expected.keys());
    let from =
        known.iter().zip(pods.iter().map(|(_, name, ..)| (&space, *name)).chain([(&elsewhere, "foreign")]));
    let wrong = |told: &str, (space, pod): (&Space, &str)| -> Vec<String> {
        let row = expected.get(told).unwrap_or_else(|| panic!("the README has no row `{told}`"));
        let reached = try_all(space, pod, &all);
        let mut wrong = Vec::new();
        for (column, tried) in &targets {
            for target in tried {
                if reached[target] != row[*column] {
                    wrong.push(format!("{told} → {column} ({target}): {}", reached[target]));
                }
            }
        }
        // Nobody is let to a port that isn't one of the pod's, but by where csw has no say.
        wrong.extend(nowhere.iter().filter(|t| reached[*t]).map(|t| format!("{told} → {t}: true")));
        // The outputs processor alone hands results over.
        let hands_over = ["outputs processor", "simulation, `internet: true`", "a pod of another namespace"];
        if reached[&web_app] != hands_over.contains(&told) {
            wrong.push(format!("{told} → web app: {}", reached[&web_app]));
        }
        wrong
    };
    // What enforces the policies learns of new pods after a moment.
    let started = Instant::now();
    loop {
        let found: Vec<String> = std::thread::scope(|scope| {
            let wrong = &wrong;
            let asked: Vec<_> =
                from.clone().map(|(told, from)| scope.spawn(move || wrong(told, from))).collect();
            asked.into_iter().flat_map(|asked| asked.join().unwrap()).collect()
        });
        if found.is_empty() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{}", found.join("\n"));
    }
}
