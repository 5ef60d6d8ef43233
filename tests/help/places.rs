//! Where examples run that need more than a project, and what is made for them.

use std::net::TcpListener;
use std::process::Command;

use super::project::Project;
use crate::cluster::space::{Space, kubeconfig};
use crate::support::registry::Registry;
use crate::support::{Base, Corner, base_image, docker_host, docker_says};

/// Where an example runs; the first text is what a shell does before.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// In a project of its own.
    Here(&'static str),
    /// There, on a terminal, with what is answered to each question.
    Asks(&'static str, &'static [(&'static str, &'static str)]),
    /// There, until it listens.
    Serves(&'static str),
    /// On a running stack.
    Stack(&'static str),
    /// On a cluster.
    Cluster(&'static str),
    /// On a cluster, on a terminal.
    ClusterAsks(&'static str, &'static [(&'static str, &'static str)]),
    /// On a cluster, until it listens or says anything.
    ClusterServes(&'static str),
    /// With a Docker engine and a registry.
    Engine(&'static str),
    /// Nowhere, and why. It is parsed all the same.
    NotRun(&'static str),
}

use Place::{
    Asks, Cluster as OnCluster, ClusterAsks, ClusterServes, Engine as Images, Here, NotRun, Serves, Stack,
};

/// Repositories that stand for those at GitHub.
const GITHUB: &str = r#"
git init -q -b master ../upstream
mkdir -p ../upstream/cs-config/cs_config
touch ../upstream/cs-config/cs_config/__init__.py ../upstream/cs-config/cs_config/functions.py
git -C ../upstream add .
git -C ../upstream commit -qm first
git -C ../upstream branch my-branch
for model in Tax-Cruncher OG-USA; do
    git config --global --add "url.file://$PWD/../upstream.insteadOf" "https://github.com/PSLmodels/$model"
done"#;
/// Without a folder of other people's objects, which is refused.
const RENDERED_ANEW: &str =
    "rm -r manifests; printf 'project: my-project\\nbucket: file:///outputs\\n' > csw.yaml";
const RENDERED: &str = "printf 'project: my-project\\nbucket: file:///outputs\\n' > csw.yaml";
const CHANGED: &str = "printf 'project: my-project\\nbucket: file:///outputs\\n' > csw.yaml
git init -q; git add config; git commit -qm first; git update-ref refs/remotes/origin/develop HEAD
sed -i 's/^timestamp:.*/timestamp: \"2026-02-01\"/' config/Examples/Solow.yaml";
const SECRET: &str = "csw secrets set DB_PASSWORD < password.txt";
const MODEL_SECRET: &str = "for name in super DB_PASSWORD; do csw models -n PSLmodels/Tax-Cruncher secrets set $name < password.txt; done";
const ATTEMPT: &str = r#"mkdir attempt
echo '{}' > attempt/kwargs.json
echo '{"task_id": "run-1", "task": "sim", "model": "Owner/Title", "entry": {"command": {"argv": ["sh", "model.sh"]}},
  "workdir": "'$PWD'/../my-model"}' > attempt/launch.json"#;
const BUCKET: &str = "echo \"export BUCKET=file://$PWD/bucket\" > $BASH_ENV";
const KEY_FILE: &str = "echo $CSW_CLUSTER_KEY > key
printf 'unset CSW_CLUSTER_KEY\\nexport BUCKET=file://%s/bucket\\n' $PWD > $BASH_ENV";
const SERVICE: &str = "kubectl -n $CSW_NAMESPACE delete --ignore-not-found service scheduler
kubectl -n $CSW_NAMESPACE apply -f service.yaml";
const IMAGE_MODEL: &str = r#"echo '{"model": "Owner/Title", "entry": {"python": {"interpreter": null}}, "commit": "c0ffee",
  "workdir": "'$PWD'/examples/solow"}' > model.json"#;

/// Examples that need more than a project as it is.
pub const ELSEWHERE: &[(&str, Place)] = &[
    ("csw up                             # a stack to submit jobs to", Serves("")),
    (
        "csw isolate --read my-model --write own -- sh my-model/model.sh",
        Here("cp -R ../my-model .; mkdir own; exec < /dev/null"),
    ),
    ("csw models list --source all -o json", Here("")),
    ("csw models new PSLmodels/Tax-Cruncher", Here("rm config/PSLmodels/Tax-Cruncher.yaml")),
    ("csw models -n PSLmodels/Tax-Cruncher prepare --update", Here(GITHUB)),
    ("csw models prepare -o json | jq -r '.[].python'", Here(GITHUB)),
    ("csw models -n Examples/Solow build --project my-project", Images(GITHUB)),
    ("csw models build --tag v1 --jobs 2 --out build.json", Images("")),
    (
        "csw models -n PSLmodels/Tax-Cruncher build --secret id=pip,src=pip.conf,target=/etc/pip.conf",
        Images(""),
    ),
    ("REPO_TAG=my-branch csw models -n PSLmodels/Tax-Cruncher build", Images("")),
    ("csw models -n Examples/Solow test", Images("")),
    ("csw models -n Examples/Solow,Examples/Epidemic test --junit reports/models.xml", Images("")),
    ("csw models test Examples/Epidemic --timeout 10m -o json", Images("")),
    ("csw models -n PSLmodels/Tax-Cruncher config --project my-project | kubectl apply -f -", OnCluster("")),
    ("csw models config --all --out manifests/ --kube-version 1.30", Here(RENDERED_ANEW)),
    ("csw models config --base-branch origin/develop", Here(CHANGED)),
    ("csw models config --all --source all --use-latest-tag", Here(RENDERED)),
    (
        "csw models -n PSLmodels/Tax-Cruncher apply --wait",
        NotRun("the model's image is nowhere; tests/system has models applied and waited for"),
    ),
    ("csw models apply --dry-run", OnCluster("")),
    ("csw models apply --all --source all --use-latest-tag --yes", OnCluster("")),
    ("csw models -n PSLmodels/Tax-Cruncher push", Images("")),
    ("csw models push --all --tag v1 --also-tag latest", Images("")),
    ("csw models -n Examples/Solow push --load minikube", Images("")),
    ("csw models push -o json | jq -r '.images[].digest'", Images("")),
    (
        "csw models -n PSLmodels/Tax-Cruncher secrets set DB_PASSWORD   # asks, unseen",
        Asks("", &[("Value of DB_PASSWORD", "hunter2"), ("again", "hunter2")]),
    ),
    ("csw models -n PSLmodels/Tax-Cruncher secrets get DB_PASSWORD", Here(MODEL_SECRET)),
    (
        "csw secrets set DB_PASSWORD                # asks, unseen",
        Asks("", &[("Value of DB_PASSWORD", "hunter2"), ("again", "hunter2")]),
    ),
    (
        "csw secrets set CS_API_TOKEN                        # asks, unseen",
        Asks("", &[("Value of CS_API_TOKEN", "hunter2"), ("again", "hunter2")]),
    ),
    ("csw secrets get DB_PASSWORD", Here(SECRET)),
    ("csw models -n PSLmodels/Tax-Cruncher secrets get super", Here(MODEL_SECRET)),
    ("csw secrets delete DB_PASSWORD", Here(SECRET)),
    ("csw models -n PSLmodels/Tax-Cruncher secrets delete super", Here(MODEL_SECRET)),
    ("csw secrets export -o json --yes | csw models -n PSLmodels/OG-USA secrets import -", Here(SECRET)),
    ("csw secrets export -o json --yes > backup.json", Here(SECRET)),
    (
        "csw models -n PSLmodels/Tax-Cruncher secrets export --yes | csw models -n PSLmodels/OG-USA secrets import -",
        Here(MODEL_SECRET),
    ),
    ("csw secrets rotate-key", Here(SECRET)),
    (
        "csw secrets rotate-key --passphrase   # protect the new identity, asks for it unseen",
        Asks(SECRET, &[("New passphrase", "correct horse"), ("again", "correct horse")]),
    ),
    ("csw jobs submit -n Examples/Solow --set Solow.savings_rate=0.3", Stack("")),
    ("csw jobs submit -n Examples/Solow --input inputs.json --id run-1", Stack("")),
    ("csw jobs submit -n Examples/Solow --from sets.jsonl --id-prefix sweep-1 -o name", Stack("")),
    ("seq 20 | sed 's/.*/{}/' | csw jobs submit -n Examples/Solow --from -", Stack("")),
    ("csw jobs list", Stack("")),
    ("csw jobs list --status RUNNING,PENDING -n Examples/Solow", Stack("")),
    ("csw jobs list --limit 20 --sort took", Stack("")),
    ("csw jobs list --since 2h --status FAIL -o json", Stack("")),
    ("csw jobs list --on kubernetes --namespace csw", OnCluster("")),
    ("csw jobs status run-1", Stack("")),
    ("csw jobs status run-1 run-2 -o json", Stack("")),
    ("csw jobs status run-1 --on kubernetes", OnCluster("")),
    ("csw jobs wait run-1", Stack("")),
    ("csw jobs wait run-1 run-2 --timeout 15m", Stack("")),
    ("csw jobs wait --all -o json", Stack("")),
    ("csw jobs wait run-1 --on kubernetes --timeout 1h", OnCluster("")),
    ("csw jobs logs run-1", Stack("")),
    ("csw jobs logs -f run-1", Stack("")),
    ("csw jobs logs -f run-1 --on kubernetes >run-1.log", OnCluster("")),
    ("csw jobs results run-1", Stack("")),
    ("csw jobs results run-1 --out ./run-1 -o json", Stack("")),
    ("csw jobs results --dead", Stack("")),
    (
        "csw jobs results --retry",
        Stack("until csw jobs results --dead -o name | grep -q run-2; do sleep 0.1; done"),
    ),
    (
        "csw jobs results --retry run-1 run-2",
        Stack("until [ $(csw jobs results --dead -o name | grep -c run-) = 2 ]; do sleep 0.1; done"),
    ),
    ("csw jobs cancel run-1", Stack("")),
    ("csw jobs list --status PENDING -o name | xargs -r csw jobs cancel", Stack("")),
    ("csw jobs cleanup --dry-run", Stack("")),
    ("csw jobs cleanup --succeeded --older-than 12h", Stack("")),
    ("csw jobs cleanup --keep-last 100 --yes", Stack("")),
    ("csw jobs cleanup --on kubernetes --succeeded --older-than 1h --yes", OnCluster("")),
    ("CSW_JOB_DIR=$PWD/attempt csw job --job-id run-1 --route-name sim", Here(ATTEMPT)),
    ("csw up", Serves("")),
    ("csw up --listen 127.0.0.1:0 --data ./state --max-jobs 2", Serves("")),
    ("CSW_SCHEDULER_TOKEN=$(openssl rand -hex 32) csw up --listen 0.0.0.0:8888", Serves("")),
    ("csw api-task --start", Serves(IMAGE_MODEL)),
    ("csw api-task --start --workers 4 --timeout 60s", Serves(IMAGE_MODEL)),
    ("csw api-task --start --model-file ./model.json --listen 127.0.0.1:0", Serves(IMAGE_MODEL)),
    (
        "csw scheduler --start",
        NotRun("works with a cluster's Redis and its account; tests/system has it started by its Deployment"),
    ),
    (
        "csw scheduler --start --listen 0.0.0.0:8888 --max-jobs 500 --max-jobs-per-model 50",
        NotRun("works with a cluster's Redis and its account; tests/system has it started by its Deployment"),
    ),
    (
        "REDIS_HOST=127.0.0.1 csw scheduler --start --namespace csw --outputs-processor http://127.0.0.1:8889",
        NotRun("works with a cluster's Redis and its account; tests/system has it started by its Deployment"),
    ),
    ("csw outputs-processor --start", Serves(BUCKET)),
    (
        "csw --bucket gs://my-outputs outputs-processor --start --data /data --keep-results 720h",
        NotRun(
            "nobody here reaches Google's storage; tests/outputs_processor/cloud.rs starts one with what stands for it",
        ),
    ),
    ("CSW_CLUSTER_KEY_FILE=/etc/csw/key csw outputs --start --listen 0.0.0.0:8888", Serves(KEY_FILE)),
    ("csw svc build --project my-project", Images("")),
    (
        "csw svc build scheduler outputs_processor --program target/x86_64-unknown-linux-gnu/dist/csw",
        Images(""),
    ),
    ("csw svc build --tag v1 --push --out build.json && csw svc config --images build.json", Images("")),
    ("csw svc lock", Images("docker push -q $CSW_BASE_IMAGE; docker push -q $CSW_REDIS_BASE_IMAGE")),
    ("CSW_BASE_IMAGE=python:3.13-slim csw svc lock", Images("")),
    ("csw svc lock -o json | jq .images", Images("")),
    ("csw svc config --project my-project --bucket gs://my-bucket | kubectl apply -f -", OnCluster("")),
    ("csw svc config --out manifests/ --kube-version 1.30", Here(RENDERED_ANEW)),
    ("csw svc config --bucket file:///outputs --namespace staging", Here(RENDERED)),
    (
        "csw svc apply --wait",
        NotRun(
            "takes images of csw itself on the nodes; the README's way to a cluster runs it (tests/system/readme.rs)",
        ),
    ),
    ("csw svc apply --dry-run", OnCluster("")),
    ("csw svc apply --prune --yes -o json", OnCluster("")),
    ("csw svc push", Images("rm -f csw-images.lock.json; csw svc build")),
    ("csw svc push --tag v1 --also-tag latest", Images("")),
    ("csw svc push --check", Images("")),
    ("csw svc push --load kind", Images("")),
    ("csw svc push -o json | jq -r '.images[].digest'", Images("")),
    ("csw svc serve", ClusterServes(SERVICE)),
    ("csw svc serve --context prod --port 0", ClusterServes("")),
    ("csw svc serve & curl --retry 9 --retry-connrefused http://127.0.0.1:8888/healthz", OnCluster("")),
    (
        "csw svc secrets rotate redis && csw svc apply",
        OnCluster("kubectl -n $CSW_NAMESPACE delete service scheduler; csw svc apply"),
    ),
    ("csw images list", Images("")),
    ("csw images list --registry", Images("")),
    ("csw images list --filter scheduler -o json | jq -r '.images[].digest'", Images("")),
    ("csw images prune --older-than 720h --dry-run", Images("")),
    ("csw images prune --older-than 720h --keep-last 3", Images("")),
    ("csw images prune --registry --unused --older-than 24h --yes", Images("")),
    (
        "csw images promote gcr.io/my-project/scheduler:4f2a9c1 --to v1",
        Images(
            "docker tag $CSW_REGISTRY/$PROJECT/scheduler:v1 $CSW_REGISTRY/$PROJECT/scheduler:4f2a9c1; docker push -q $CSW_REGISTRY/$PROJECT/scheduler:4f2a9c1",
        ),
    ),
    ("csw images promote $(csw svc push -o name) --to stable --to latest", Images("")),
    (
        "csw images promote gcr.io/staging/scheduler:v1 --to-image gcr.io/production/scheduler:v1",
        Images(
            "docker tag $CSW_REGISTRY/$PROJECT/scheduler:v1 $CSW_REGISTRY/staging/scheduler:v1; docker push -q $CSW_REGISTRY/staging/scheduler:v1; docker rmi $CSW_REGISTRY/staging/scheduler:v1",
        ),
    ),
    ("csw cluster diff", OnCluster("")),
    (
        "csw cluster diff -f manifests/ --prune --exit-code    # exits 3 when changes are pending",
        OnCluster(""),
    ),
    (
        "csw cluster apply --wait",
        NotRun(
            "takes images of csw itself on the nodes; the README's way to a cluster runs it (tests/system/readme.rs)",
        ),
    ),
    (
        "csw cluster apply -n Examples/Solow --wait",
        NotRun(
            "takes images of csw itself on the nodes; the README's way to a cluster runs it (tests/system/readme.rs)",
        ),
    ),
    ("csw cluster apply -f manifests/ --prune", OnCluster("")),
    ("csw svc config -o - | csw cluster apply -f - --prune --dry-run", OnCluster("")),
    ("csw cluster apply -f manifests/ --prune --yes -o json", OnCluster("")),
    ("csw cluster status", OnCluster("")),
    ("csw cluster status --watch", ClusterServes("")),
    ("csw cluster status -o json | jq '.objects[] | select(.ready | not)'", OnCluster("")),
    ("csw cluster delete", ClusterAsks("", &[("Delete", "y")])),
    ("csw cluster delete --yes --volumes", OnCluster("")),
    ("csw cluster delete --dry-run -o name", OnCluster("")),
    ("csw cluster doctor", OnCluster("")),
    ("csw cluster doctor -f manifests/ --context staging", OnCluster("")),
    ("csw cluster doctor -o json | jq '.findings[] | select(.level != \"ok\")'", OnCluster("")),
    (
        "csw completions bash > ~/.local/share/bash-completion/completions/csw",
        Here("mkdir -p ~/.local/share/bash-completion/completions"),
    ),
    ("csw completions zsh > ~/.zfunc/_csw            # with ~/.zfunc in fpath", Here("mkdir -p ~/.zfunc")),
    (
        "csw completions fish > ~/.config/fish/completions/csw.fish",
        Here("mkdir -p ~/.config/fish/completions"),
    ),
    ("csw completions powershell >> $PROFILE", Here("echo 'PROFILE=$HOME/profile.ps1' >> $BASH_ENV")),
    (
        "csw man ~/.local/share/man/man1 && man csw-secrets-set",
        Here("echo 'export MANPATH=$HOME/.local/share/man:' >> $BASH_ENV"),
    ),
    ("csw jobs run -n Examples/Epidemic --input inputs.json --id run-1 -o json", Here("")),
    ("csw cluster info                   # settings, and who set them", Here("")),
];

/// What a cluster has for these.
const OBJECTS: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: run-1, labels: {job-id: run-1, app: examples-solow-job}}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {job-id: run-1}}
    spec:
      restartPolicy: Never
      containers: [{name: job, image: "csw-test/busybox:1", imagePullPolicy: IfNotPresent, command: [echo, hello]}]
---
apiVersion: v1
kind: Pod
metadata: {name: stand-in, labels: {app: stand-in}}
spec:
  containers:
  - name: web
    image: csw-test/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "mkdir /tmp/www && echo ok > /tmp/www/healthz && exec httpd -f -p 8080 -h /tmp/www"]
"#;

/// What stands in the scheduler's place.
const STAND_IN: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: scheduler}
spec: {selector: {app: stand-in}, ports: [{port: 80, targetPort: 8080}]}
"#;

/// A namespace of the cluster, and a project that works there.
pub struct Cluster {
    space: Space,
    pub project: Project,
}

impl Cluster {
    pub fn new() -> Self {
        let space = Space::new();
        let project = Project::new();
        let kube = project.sandbox.home().join("kubeconfig");
        std::fs::copy(kubeconfig(), &kube).unwrap();
        let config = |args: &[&str]| {
            let output =
                Command::new("kubectl").arg("config").args(args).env("KUBECONFIG", &kube).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let show = |field: &str| {
            config(&["view", "--minify", "-o", &format!("jsonpath={{.contexts[0].context.{field}}}")])
        };
        let (cluster, user) = (show("cluster"), show("user"));
        for context in ["staging", "prod"] {
            config(&["set-context", context, "--cluster", &cluster, "--user", &user]);
        }
        let version = space.kubectl(&["version", "-o", "json"]);
        let version: serde_json::Value = serde_json::from_str(&version).unwrap();
        let minor = version["serverVersion"]["minor"].as_str().unwrap().trim_end_matches('+');
        let minor: u32 = minor.parse().unwrap();
        let project = project
            .with("KUBECONFIG", kube.to_str().unwrap())
            .with("CSW_NAMESPACE", &space.name)
            .with("PROJECT", "my-project")
            .with("BUCKET", "gs://my-bucket")
            // What is rendered is for the newest release unless somebody says otherwise.
            .with("CSW_KUBE_VERSION", &format!("1.{}", minor.min(36)));
        Self { space, project }
    }

    pub fn prepare(&self) -> Result<(), String> {
        self.project.sandbox.write("objects.yaml", OBJECTS);
        self.project.sandbox.write("service.yaml", STAND_IN);
        let name = &self.space.name;
        self.project.sh(&format!(
            "kubectl -n {name} apply -f objects.yaml && kubectl -n {name} wait pod/stand-in --for=condition=Ready --timeout=180s"
        ))
    }

    /// The example as it runs here: in the namespace of the test, and with the codes that it may end with.
    pub fn here(&self, line: &str) -> String {
        let line = line.replace("--namespace csw", &format!("--namespace {}", self.space.name));
        let line = line.replace("kubectl apply", "kubectl apply --dry-run=server");
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        // A port that nobody else has.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let serve = format!("csw svc serve --port {port}");
        let line = match line {
            "csw svc serve" => serve,
            line if line.starts_with("csw svc serve &") => {
                line.replace("csw svc serve", &serve).replace("8888", &port.to_string())
            }
            line => line.to_owned(),
        };
        let code = if line.starts_with("csw cluster doctor") {
            4
        } else if line.contains("--exit-code") {
            3
        } else {
            return line;
        };
        format!("{line} || [ $? = {code} ]")
    }
}

/// A corner of the engine, a registry, and a project whose images are there.
pub struct Engine {
    pub project: Project,
    registry: Registry,
    corner: Corner,
}

impl Engine {
    /// `None` leaves the test out: there is nothing to make base images of.
    pub fn new() -> Option<Self> {
        let (python, redis) = (base_image(Base::Pytest)?, base_image(Base::Redis)?);
        let (registry, corner) = (Registry::start(), Corner::new());
        let at = format!("{}/{}", registry.address, corner.project());
        let mut project = Project::new();
        for (variable, base, name) in
            [("CSW_BASE_IMAGE", &python, "python"), ("CSW_REDIS_BASE_IMAGE", &redis, "redis-base")]
        {
            let image = format!("{at}/{name}:1");
            docker_says(["tag", base, &image]);
            project = project.with(variable, &image);
        }
        let bin = project.sandbox.home().join("bin");
        for tool in ["kind", "minikube"] {
            crate::readme::stand_in(
                &bin,
                tool,
                "case \"$1 $2\" in 'load docker-image' | 'image load') ;; *) exit 2 ;; esac",
            );
        }
        let project = project
            .with("CSW_REGISTRY", &registry.address)
            .with("PROJECT", corner.project())
            .with("TAG", "v1")
            .with("BUCKET", "file:///outputs")
            .with("DOCKER_HOST", &docker_host())
            .with("CSW_PROGRAM", crate::image_builds::busybox().to_str().unwrap());
        // What no object of a cluster names takes a cluster to say.
        let project = match std::env::var("CSW_TEST_KUBECONFIG") {
            Ok(kubeconfig) => project.with("KUBECONFIG", &kubeconfig),
            Err(_) => project,
        };
        Some(Self { project, registry, corner })
    }

    /// The example as it runs here: with the names of this registry.
    pub fn here(&self, line: &str) -> String {
        let host = &self.registry.address;
        line.replace("gcr.io", host)
            .replace("my-project", self.corner.project())
            .replace("target/x86_64-unknown-linux-gnu/dist/csw", "$CSW_PROGRAM")
            .replace("python:3.13-slim", "$CSW_BASE_IMAGE")
    }
}
