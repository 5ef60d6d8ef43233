//! The whole system on a real cluster, deployed by csw, with a web app that is a stub.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cluster::space::Space;
use crate::support::{Csw, StackImages, WebApp, docker_says, require};

/// How long the system may take for anything.
const PATIENCE: Duration = Duration::from_secs(300);
/// What callers of the scheduler have to show.
const TOKEN: &str = "scheduler-token-0123456789abcdef0123";

/// The system in a namespace of its own.
pub struct System {
    pub space: Space,
    pub images: StackImages,
    pub web_app: WebApp,
    pub disks: Disks,
    http: reqwest::Client,
}

/// Folders of this machine that are the cluster's disks: those that its default StorageClass hands out, or, where it has
/// none, some that are offered to it.
pub struct Disks {
    namespace: String,
    folder: Option<tempfile::TempDir>,
    volumes: Vec<String>,
    kubeconfig: String,
}

/// A port of this machine that leads to the scheduler.
pub struct Forward {
    pub url: String,
    child: Child,
    log: tempfile::TempPath,
}

impl System {
    /// Builds the images of the services and of these models. `None` leaves the test out.
    pub async fn new(models: Vec<(String, String)>, kubernetes: &str) -> Option<Self> {
        if !require("kubernetes-node") {
            return None;
        }
        Self::make(Space::new(), |_| models, kubernetes).await
    }

    /// The same with models whose files name the web app.
    pub async fn with_web_app(
        models: impl FnOnce(&str) -> Vec<(String, String)>,
        kubernetes: &str,
    ) -> Option<Self> {
        if !require("kubernetes-node") {
            return None;
        }
        Self::make(Space::new(), models, kubernetes).await
    }

    /// The same for a test that has the API server to itself.
    pub async fn alone(models: impl FnOnce(&str) -> Vec<(String, String)>, kubernetes: &str) -> Option<Self> {
        Self::make(Space::alone(), models, kubernetes).await
    }

    async fn make(
        space: Space,
        models: impl FnOnce(&str) -> Vec<(String, String)>,
        kubernetes: &str,
    ) -> Option<Self> {
        // Pods reach this machine by the engine's bridge.
        let bridge =
            docker_says(["network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
        let bridge: IpAddr = bridge.trim().parse().unwrap();
        let listener = TcpListener::bind(SocketAddr::from((bridge, 0))).await.unwrap();
        let web_app = WebApp::listen(listener);
        let models = models(web_app.url.as_str());
        for (name, file) in &models {
            space.sandbox.write(&format!("config/{name}.yaml"), file);
        }
        let settings = format!(
            "bucket: file:///outputs\ncs_url: {}\nscheduler_token: {TOKEN}\nkubernetes:\n  create_namespace: false\n  \
             node_selectors: {{services: {{component: model}}}}\n{kubernetes}",
            web_app.url
        );
        space.sandbox.write("csw.yaml", settings);
        let names: Vec<&str> = models.iter().map(|(name, _)| name.as_str()).collect();
        let images = StackImages::build(&space.sandbox, &names)?;
        space.sandbox.csw(["svc", "secrets", "set", "CS_API_TOKEN"]).stdin("s3cret").ok();
        let disks = Disks::new(&space.name);
        Some(Self { space, images, web_app, disks, http: csw::http::plain().build().unwrap() })
    }

    /// A run of csw that knows the cluster, its namespace and the images.
    pub fn csw(&self, args: &[&str]) -> Csw {
        let csw = self.space.sandbox.csw(args).env("KUBECONFIG", crate::cluster::space::kubeconfig());
        self.images.with(csw).env("CSW_NAMESPACE", &self.space.name)
    }

    /// Brings everything to the cluster and waits until it is ready.
    pub fn apply(&self) {
        let output = self.csw(&["cluster", "apply", "--wait", "--timeout", "3m"]).output();
        assert_eq!(output.code, 0, "{}\n{}\n{}", output.stdout, output.stderr, self.story());
    }

    /// `csw svc serve`, listening.
    pub fn serve(&self) -> Forward {
        let file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (log, path) = file.into_parts();
        let mut command = self.csw(&["svc", "serve", "--port", "0"]).into_command();
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let started = Instant::now();
        let url = loop {
            let said = std::fs::read_to_string(&path).unwrap();
            if let Some(url) = said.lines().find_map(|line| line.strip_prefix("Listening on ")) {
                break url.to_owned();
            }
            assert!(child.try_wait().unwrap().is_none() && started.elapsed() < PATIENCE, "{said}");
            std::thread::sleep(Duration::from_millis(20));
        };
        Forward { url, child, log: path }
    }

    /// What the web app does: posts a task, up to some times if there is no answer.
    pub async fn post(&self, forward: &Forward, model: &str, body: &Value) -> (StatusCode, Value) {
        let started = Instant::now();
        loop {
            let request = self.http.post(format!("{}{model}/", forward.url)).bearer_auth(TOKEN).json(body);
            let why = match request.timeout(Duration::from_secs(60)).send().await {
                Ok(response) if !response.status().is_server_error() => {
                    let status = response.status();
                    return (status, response.json().await.unwrap());
                }
                Ok(response) => {
                    format!("{}: {}", response.status(), response.text().await.unwrap_or_default())
                }
                Err(e) => format!("{e:?}"),
            };
            assert!(started.elapsed() < PATIENCE, "{model}: {why}\n{}", forward.said());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// What the scheduler tells.
    pub async fn get(&self, forward: &Forward, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", forward.url)).bearer_auth(TOKEN);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Submits a simulation under an id.
    pub async fn sim(&self, forward: &Forward, model: &str, id: &str, kwargs: Value) {
        let body = json!({"task_name": "sim", "task_id": id, "task_kwargs": kwargs});
        let (status, answer) = self.post(forward, model, &body).await;
        assert_eq!((status, &answer["task_id"]), (StatusCode::OK, &json!(id)), "{answer}");
    }

    /// The results that the web app took for a task.
    pub fn pushed(&self, id: &str) -> Vec<Value> {
        let taken = |r: &&crate::support::WebAppRequest| {
            r.status == 200 && r.body["task_id"] == id && !r.path.starts_with("/ran/")
        };
        self.web_app.requests().iter().filter(taken).map(|r| r.body.clone()).collect()
    }

    /// Waits until the web app has taken a result of each of these.
    pub async fn until_pushed(&self, ids: &[String]) {
        let all = |app: &WebApp| {
            let taken: std::collections::HashSet<String> = app.taken().into_iter().collect();
            ids.iter().all(|id| taken.contains(id))
        };
        if !self.web_app.reaches(PATIENCE, all).await {
            let taken = self.web_app.taken();
            let missing: Vec<_> = ids.iter().filter(|id| !taken.contains(id)).collect();
            panic!("{} of {} results are missing: {missing:?}\n{}", missing.len(), ids.len(), self.story());
        }
    }

    /// The keys of jobs that are left in Redis once the scheduler has seen all jobs to their end.
    pub async fn keys_of_jobs(&self) -> Vec<String> {
        let password = self.csw(&["svc", "secrets", "get", "REDIS_ADMIN_PW"]).ok();
        let started = Instant::now();
        loop {
            let output = self.redis_cli("admin", password.trim(), &["--scan"]);
            let said = String::from_utf8_lossy(&output.stdout);
            let keys: Vec<String> = said
                .lines()
                .filter(|k| k.starts_with("job-") && !k.starts_with("job-.index"))
                .map(str::to_owned)
                .collect();
            // The web app may have a result a moment before the scheduler knows of it, and Redis may be starting.
            let waited = started.elapsed() > Duration::from_secs(60);
            assert!(output.status.success() || !waited, "{}", String::from_utf8_lossy(&output.stderr));
            if output.status.success() && (keys.is_empty() || waited) {
                return keys;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What Redis in the cluster answers to a command.
    pub fn redis(&self, user: &str, password: &str, command: &[&str]) -> String {
        let output = self.redis_cli(user, password, command);
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat()
    }

    fn redis_cli(&self, user: &str, password: &str, command: &[&str]) -> std::process::Output {
        let auth = format!("REDISCLI_AUTH={password}");
        let client = ["redis-cli", "--no-auth-warning", "--user", user];
        let pod = ["exec", "redis-master-0", "--", "env", &auth];
        self.space.kubectl_output(&[&pod, &client[..], command].concat())
    }

    /// A shell command that has every pod of the namespace leave its node.
    pub fn drain_command(&self) -> String {
        let node = self.space.kubectl(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
        let kubectl =
            format!("kubectl --kubeconfig {} -n {}", crate::cluster::space::kubeconfig(), self.space.name);
        // Pods come back on the same node: it is the only one. What can't leave in time stays.
        format!(
            "{kubectl} drain {node} --force --ignore-daemonsets --delete-emptydir-data --timeout=20s \
             --pod-selector=app.kubernetes.io/part-of=csw; {kubectl} uncordon {node}"
        )
    }

    /// All files of a zip in the bucket, one after the other.
    pub fn read_zip(&self, location: &str) -> String {
        let file = std::fs::File::open(self.disks.bucket().join(location)).unwrap();
        let mut zip = zip::ZipArchive::new(file).unwrap();
        let mut text = String::new();
        for n in 0..zip.len() {
            std::io::Read::read_to_string(&mut zip.by_index(n).unwrap(), &mut text).unwrap();
        }
        text
    }

    /// What has been said by everything, for a test that fails.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for args in [
            &["get", "pods,jobs", "-o", "wide"][..],
            &["logs", "deployment/scheduler", "--tail=80"],
            &["logs", "deployment/outputs-processor", "--tail=80"],
            &["logs", "statefulset/redis-master", "--tail=20"],
            &["get", "events", "--sort-by=.lastTimestamp"],
        ] {
            let output = self.space.kubectl_output(args);
            let text = String::from_utf8_lossy(&output.stdout);
            let tail: Vec<&str> = text.lines().rev().take(80).collect();
            story += &format!("--- kubectl {}\n", args.join(" "));
            tail.iter().rev().for_each(|line| story += &format!("{line}\n"));
        }
        story
    }
}

impl Forward {
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Disks {
    pub fn new(namespace: &str) -> Self {
        let kubeconfig = crate::cluster::space::kubeconfig();
        let mut disks =
            Self { namespace: namespace.to_owned(), folder: None, volumes: Vec::new(), kubeconfig };
        let classes = disks.kubectl(&["get", "storageclasses", "-o", "json"], "");
        if classes.contains("storageclass.kubernetes.io/is-default-class\": \"true\"") {
            return disks;
        }
        let folder =
            tempfile::Builder::new().prefix("disks-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for (claim, size) in [("data-redis-master-0", "8Gi"), ("outputs-records", "1Gi"), ("outputs", "10Gi")]
        {
            let path = folder.path().join(claim);
            std::fs::create_dir(&path).unwrap();
            // Whatever user a pod has.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
            let volume = format!("{namespace}-{claim}");
            disks.kubectl(
                &["apply", "-f", "-"],
                &json!({"apiVersion": "v1", "kind": "PersistentVolume",
                    "metadata": {"name": volume, "labels": {"csw-test": "true"}},
                    "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"],
                        "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": path},
                        "claimRef": {"namespace": namespace, "name": claim}}})
                .to_string(),
            );
            disks.volumes.push(volume);
        }
        disks.folder = Some(folder);
        disks
    }

    /// The folder behind a claim.
    pub fn path(&self, claim: &str) -> PathBuf {
        if let Some(folder) = &self.folder {
            return folder.path().join(claim);
        }
        let get = |args: &[&str]| self.kubectl(&[&["-n", &self.namespace, "get"], args].concat(), "");
        let volume = get(&["pvc", claim, "-o", "jsonpath={.spec.volumeName}"]);
        get(&["pv", &volume, "-o", "jsonpath={.spec.local.path}{.spec.hostPath.path}"]).into()
    }

    /// The bucket.
    pub fn bucket(&self) -> PathBuf {
        self.path("outputs")
    }

    fn kubectl(&self, args: &[&str], stdin: &str) -> String {
        use std::io::Write as _;
        let mut child = Command::new("kubectl")
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "kubectl {args:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        if self.volumes.is_empty() {
            return;
        }
        let mut args = vec!["delete", "persistentvolume", "--wait=false"];
        args.extend(self.volumes.iter().map(String::as_str));
        let command = Command::new("kubectl")
            .args(args)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdout(Stdio::null())
            .status();
        drop(command);
    }
}

/// An example as it is shipped, with its folder's path.
pub fn example(title: &str) -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(format!("config/Examples/{title}.yaml"))).unwrap();
    let folder = title.to_lowercase();
    let local = format!("repo_url: ./examples/{folder}");
    assert!(text.contains(&local), "{text}");
    let text = text.replace(&local, &format!("repo_url: {}", root.join("examples").join(folder).display()));
    // Both at once on a small node.
    (
        format!("Examples/{title}"),
        text.replace("requests: {cpu: 1, memory: 256M}", "requests: {cpu: 0.1, memory: 64M}"),
    )
}
