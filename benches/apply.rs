//! Applying 1,000 ConfigMaps and 200 Deployments (of no replicas) to a real cluster, beside `kubectl apply
//! --server-side` and beside a bare loop of concurrent PATCH requests, which is the API server's own limit.
//!
//! Run with `CSW_TEST_KUBECONFIG=… cargo bench --bench apply`. All take turns in one run, each in a namespace of its
//! own, and the best of the rounds counts, because other work on the machine disturbs single rounds. Targets: cold, at
//! most 1.2 times the bare loop (the dry run that comes before is told apart); nothing changed, at least ten times
//! faster than kubectl; one object changed, as nothing changed plus one request; a wait returns at most 100 ms after
//! what it waits for has come true.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use csw::kube::{Access, Cluster, Observer, Target, WaitProgress, ready::Verdict};
use csw::model::{GroupVersionKind, ObjectRef};
use csw::plan::{Manifest, parse_stream};
use csw::sink::{ApplyProgress, Check, ClusterSink, Options, Outcome};
use futures::stream::{self, StreamExt as _};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const CONFIG_MAPS: usize = 1_000;
const DEPLOYMENTS: usize = 200;
const ROUNDS: usize = 3;
const WAITS: usize = 20;
const IN_FLIGHT: usize = 16;

fn main() {
    let Ok(kubeconfig) = std::env::var("CSW_TEST_KUBECONFIG") else {
        println!("left out: CSW_TEST_KUBECONFIG names no kubeconfig of a cluster that may be used freely");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench { kubeconfig, folder: folder.path().to_owned() };
    let mut best = Times::default();
    for round in 0..ROUNDS {
        runtime.block_on(bench.round(round, &mut best));
    }
    let delay = runtime.block_on(bench.wait_delay());
    best.tell(delay);
}

struct Bench {
    kubeconfig: String,
    folder: std::path::PathBuf,
}

struct Times {
    bare: Duration,
    dry_run: Duration,
    cold: Duration,
    kubectl_cold: Duration,
    same: Duration,
    one: Duration,
    kubectl_same: Duration,
    patch: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let max = Duration::MAX;
        Self {
            bare: max,
            dry_run: max,
            cold: max,
            kubectl_cold: max,
            same: max,
            one: max,
            kubectl_same: max,
            patch: max,
        }
    }
}

fn least(best: &mut Duration, time: Duration) {
    *best = (*best).min(time);
}

impl Bench {
    async fn round(&self, round: usize, best: &mut Times) {
        let name = |who: &str| format!("csw-bench-{}-{round}-{who}", std::process::id());
        let [bare, ours, theirs] = ["bare", "csw", "kubectl"].map(name);
        for namespace in [&bare, &ours, &theirs] {
            self.kubectl(&["create", "namespace", namespace]);
        }
        let text = objects("1");
        let file = self.folder.join("all.yaml");
        std::fs::write(&file, &text).unwrap();

        // Who goes first finds the server otherwise than who goes last.
        for turn in 0..3 {
            match (turn + round) % 3 {
                0 => least(&mut best.bare, self.bare_loop(&text, &bare).await),
                1 => {
                    let (dry_run, cold) = self.cold(&text, &ours).await;
                    least(&mut best.dry_run, dry_run);
                    least(&mut best.cold, cold);
                }
                _ => least(&mut best.kubectl_cold, self.timed_kubectl(&file, &theirs)),
            }
        }
        for _ in 0..3 {
            least(&mut best.same, self.csw(&file, &ours, "0 created, 0 updated, 1200 unchanged"));
        }
        least(&mut best.kubectl_same, self.timed_kubectl(&file, &theirs));
        for value in ["2", "3", "4"] {
            let changed = text.replacen("value: \"1\"", &format!("value: \"{value}\""), 1);
            std::fs::write(&file, changed).unwrap();
            least(&mut best.one, self.csw(&file, &ours, "0 created, 1 updated, 1199 unchanged"));
        }
        least(&mut best.patch, self.one_patch(&ours).await);
        for namespace in [&bare, &ours, &theirs] {
            self.kubectl(&["delete", "namespace", namespace, "--wait=false"]);
        }
    }

    async fn connect(&self, namespace: &str) -> Cluster {
        let access = Access {
            kubeconfig: Some(self.kubeconfig.clone().into()),
            namespace: Some(namespace.to_owned()),
            ..Access::default()
        };
        access.connect().await.unwrap()
    }

    async fn client(&self) -> kube::Client {
        drop(rustls::crypto::ring::default_provider().install_default());
        let kubeconfig = kube::config::Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// Nothing but the requests.
    async fn bare_loop(&self, text: &str, namespace: &str) -> Duration {
        let client = self.client().await;
        let objects: Vec<Value> =
            parse_stream("bench", text).unwrap().iter().map(|m| m.body().clone()).collect();
        let begun = Instant::now();
        stream::iter(objects)
            .map(|object| {
                let client = client.clone();
                async move {
                    let api = api(client, &object, namespace);
                    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                    api.patch(&name, &PatchParams::apply("bench"), &Patch::Apply(&object)).await.unwrap();
                }
            })
            .buffer_unordered(IN_FLIGHT)
            .collect::<Vec<()>>()
            .await;
        begun.elapsed()
    }

    async fn cold(&self, text: &str, namespace: &str) -> (Duration, Duration) {
        let sink = ClusterSink::new(self.connect(namespace).await, "csw");
        let manifests: Vec<Manifest> = parse_stream("bench", text).unwrap();
        let options = Options { concurrency: IN_FLIGHT, ..Options::default() };
        let begun = Instant::now();
        let plan = sink.plan(manifests, Check::Server, &options, &Quiet).await.unwrap();
        let planned = begun.elapsed();
        assert_eq!(plan.set.summary.create, CONFIG_MAPS + DEPLOYMENTS);
        let begun = Instant::now();
        let outcome = sink.apply(plan, &options, &CancellationToken::new(), &Quiet).await.unwrap();
        assert!(matches!(outcome, Outcome::Done(_)));
        (planned, begun.elapsed())
    }

    /// The program as people run it.
    fn csw(&self, file: &Path, namespace: &str, expected: &str) -> Duration {
        let begun = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_csw"))
            .args(["cluster", "apply", "--yes", "--namespace", namespace, "-f"])
            .arg(file)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let took = begun.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(expected), "{said}");
        took
    }

    async fn one_patch(&self, namespace: &str) -> Duration {
        let client = self.client().await;
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "patched"}});
        let api = api(client, &object, namespace);
        let params = PatchParams::apply("bench");
        let mut took = Duration::MAX;
        for _ in 0..5 {
            let begun = Instant::now();
            api.patch("patched", &params, &Patch::Apply(&object)).await.unwrap();
            least(&mut took, begun.elapsed());
        }
        took
    }

    fn timed_kubectl(&self, file: &Path, namespace: &str) -> Duration {
        let begun = Instant::now();
        let file = file.to_str().unwrap();
        self.kubectl(&["apply", "--server-side", "--namespace", namespace, "-f", file]);
        begun.elapsed()
    }

    fn kubectl(&self, args: &[&str]) {
        let status = Command::new("kubectl")
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdout(Stdio::null())
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "kubectl {args:?}");
    }

    /// How long after a Service got its address a wait for it returns: the middle of several.
    async fn wait_delay(&self) -> Duration {
        let namespace = format!("csw-bench-{}-wait", std::process::id());
        self.kubectl(&["create", "namespace", &namespace]);
        let cluster = self.connect(&namespace).await;
        let client = self.client().await;
        let gvk = GroupVersionKind::new("v1", "Service");
        let served = cluster.discover(&[gvk.clone()].into(), &Default::default()).await.unwrap();
        let mut delays = Vec::new();
        for i in 0..WAITS {
            let name = format!("s{i}");
            let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80, "protocol": "TCP"}]}});
            let services = api(client.clone(), &service, &namespace);
            services.patch(&name, &PatchParams::apply("bench"), &Patch::Apply(&service)).await.unwrap();
            let object =
                ObjectRef { gvk: gvk.clone(), namespace: Some(namespace.clone()), name: name.clone() };
            let target = Target { object, resource: served.get(&gvk).unwrap().clone() };
            let mut observer = Observer::new(&cluster, vec![target], None);
            observer.settle(Duration::from_secs(30)).await.unwrap();
            let come_true = async {
                let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
                let params = PatchParams::default();
                services.patch_status(&name, &params, &Patch::Merge(status)).await.unwrap();
                Instant::now()
            };
            let waited = async {
                let unready = cluster.wait(observer, Duration::from_secs(60), &mut Quiet).await.unwrap();
                assert!(unready.is_empty());
                Instant::now()
            };
            let (came_true, returned) = futures::join!(come_true, waited);
            delays.push(returned.saturating_duration_since(came_true));
        }
        self.kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
        delays.sort_unstable();
        delays[WAITS * 9 / 10]
    }
}

impl Times {
    fn tell(&self, delay: Duration) {
        let seconds = |what: &str, time: Duration| println!("{what:<46}{:>8.3} s", time.as_secs_f64());
        let judge = |what: &str, value: f64, bound: f64, met: bool| {
            println!("{what:<46}{value:>8.2}   (target {bound}): {}", if met { "met" } else { "MISSED" });
        };
        println!(
            "{CONFIG_MAPS} ConfigMaps and {DEPLOYMENTS} Deployments, best of {ROUNDS} rounds, {IN_FLIGHT} requests in flight"
        );
        seconds("cold: bare loop", self.bare);
        seconds("cold: csw, the dry run before", self.dry_run);
        seconds("cold: csw, the apply", self.cold);
        seconds("cold: kubectl", self.kubectl_cold);
        seconds("nothing changed: csw", self.same);
        seconds("nothing changed: kubectl", self.kubectl_same);
        seconds("one changed: csw", self.one);
        seconds("one bare PATCH", self.patch);
        let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        let cold = ratio(self.cold, self.bare);
        judge("cold: csw's apply / bare loop", cold, 1.2, cold <= 1.2);
        let same = ratio(self.kubectl_same, self.same);
        judge("nothing changed: kubectl / csw", same, 10.0, same >= 10.0);
        let extra = (self.one.as_secs_f64() - self.same.as_secs_f64()) / self.patch.as_secs_f64();
        // One request to check and one to apply.
        judge("one changed: what it costs more, in PATCHes", extra, 4.0, extra <= 4.0);
        let delay = delay.as_secs_f64() * 1000.0;
        judge("wait: 90 % return within, ms", delay, 100.0, delay <= 100.0);
    }
}

fn api(client: kube::Client, object: &Value, namespace: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::new(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let resource = ApiResource {
        api_version: gvk.api_version(),
        plural: format!("{}s", gvk.kind.to_lowercase()),
        group: gvk.group,
        version: gvk.version,
        kind: gvk.kind,
    };
    Api::namespaced_with(client, namespace, &resource)
}

fn objects(value: &str) -> String {
    let mut text = String::new();
    for i in 0..CONFIG_MAPS {
        write!(text, "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata: {{value: \"{value}\", more: \"{i}\"}}\n---\n").unwrap();
    }
    for i in 0..DEPLOYMENTS {
        write!(
            text,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{i}}}\nspec:\n  replicas: 0\n  selector: {{matchLabels: {{app: d{i}}}}}\n  template:\n    metadata: {{labels: {{app: d{i}}}}}\n    spec:\n      containers:\n      - name: main\n        image: example.invalid/image:1\n        env: [{{name: A, value: b}}]\n        resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}\n        ports: [{{containerPort: 80, protocol: TCP}}]\n---\n"
        )
        .unwrap();
    }
    text
}

struct Quiet;

impl ApplyProgress for Quiet {
    fn checked(&self, _: usize, _: usize) {}
    fn applied(&self, _: usize, _: usize) {}
    fn deleted(&self, _: usize, _: usize) {}
}

impl WaitProgress for Quiet {
    fn changed(&mut self, _: &ObjectRef, _: &Verdict, _: usize, _: usize) {}
}
