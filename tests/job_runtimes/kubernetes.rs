use std::sync::Arc;

use csw::job::kubernetes::{KubernetesJobs, KubernetesRuntime, job_name};
use csw::job::{AttemptKey, AttemptSpec, JobRuntime, RuntimeError};
use csw::kube::Access;
use serde_json::{Value, json};

use super::conformance::{Bed, spec};
use crate::cluster::space::{CONTAINER_SECURITY, POD_SECURITY, Space, kubeconfig};
use crate::support::{on_each_cluster, require};

pub struct Jobs {
    pub space: Space,
    pub jobs: KubernetesJobs,
}

pub async fn bed() -> Option<Jobs> {
    if !require("kubernetes-node") {
        return None;
    }
    let space = Space::new();
    let access = Access {
        kubeconfig: Some(kubeconfig().into()),
        namespace: Some(space.name.clone()),
        ..Access::default()
    };
    let jobs = KubernetesJobs::new(access.connect().await.unwrap());
    Some(Jobs { space, jobs })
}

impl Bed for Jobs {
    async fn runtime(&self, script: &str) -> Box<dyn JobRuntime> {
        Box::new(runtime(&self.jobs, script).await)
    }

    fn gate(&self) -> String {
        "until [ -e /tmp/go ]; do sleep 0.1; done".to_owned()
    }

    fn open(&self, key: &AttemptKey) {
        let job = format!("job/{}", job_name(key));
        // What comes after `--` is the shell's, which takes it for its own arguments.
        let exec = ["exec", "--namespace", &self.space.name, &job, "--", "sh", "-c", "touch /tmp/go"];
        self.space.kubectl(&exec);
    }
}

async fn runtime(jobs: &KubernetesJobs, script: &str) -> KubernetesRuntime {
    let script = script.to_owned();
    let manifest = Arc::new(move |spec: &AttemptSpec| Ok(manifest(spec, &script)));
    KubernetesRuntime::start(jobs.clone(), manifest).await.unwrap()
}

pub fn manifest(spec: &AttemptSpec, script: &str) -> Value {
    let security = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": {"backoffLimit": 0,
    "template": {"metadata": {}, "spec": {"restartPolicy": "Never", "securityContext": security(POD_SECURITY),
    "volumes": [{"name": "tmp", "emptyDir": {}}], "containers": [{
        "name": "job", "image": "csw-test/busybox:1", "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", script], "securityContext": security(CONTAINER_SECURITY),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "env": [{"name": "OWNER", "value": spec.model.owner()}, {"name": "TITLE", "value": spec.model.title()}],
        "resources": {"requests": {"cpu": "0.01", "memory": "1Mi"}}
    }]}}}})
}

on_each_cluster!(
    #[tokio::test]
    a_name_that_another_request_has_is_a_conflict
);

async fn a_name_that_another_request_has_is_a_conflict() {
    let Some(bed) = bed().await else { return };
    let runtime = bed.runtime("exit 0").await;
    let first = spec("one", 1);
    runtime.create(&first).await.unwrap();
    let mut same = first.clone();
    same.launch = json!({"task_id": "one", "time_limit_seconds": 5});
    runtime.create(&same).await.unwrap();
    let mut other = first.clone();
    other.kwargs.insert("adjustment".into(), json!({"a": 1}));
    let error = runtime.create(&other).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Conflict { .. }), "{error}");
}

on_each_cluster!(
    #[tokio::test]
    what_is_no_job_is_refused_before_anything_is_sent
);

async fn what_is_no_job_is_refused_before_anything_is_sent() {
    let Some(bed) = bed().await else { return };
    let runtime =
        KubernetesRuntime::start(bed.jobs.clone(), Arc::new(|_| Ok(json!({"metadata": {}})))).await.unwrap();
    let error = runtime.create(&spec("one", 1)).await.unwrap_err();
    assert!(error.to_string().contains("/spec/template/metadata"), "{error}");
    assert_eq!(bed.space.kubectl(&["get", "jobs", "-o", "name"]), "");
}
