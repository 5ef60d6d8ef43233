use std::time::{Duration, Instant};

use csw::kube::{Access, Cluster};
use serde_json::{Value, json};

use crate::cluster::space::{CONTAINER_SECURITY, POD_SECURITY, Space, kubeconfig, minor};
use crate::support::Output;

/// A namespace with jobs.
pub struct Place {
    pub space: Space,
}

/// A job to be: a shell command under an id.
pub struct Job {
    manifest: Value,
}

impl Job {
    pub fn new(id: &str, command: &str) -> Self {
        let labels = json!({"app": "examples-echo-job", "job-id": id});
        Self {
            manifest: json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": id, "labels": labels, "annotations": {"csw/model": "Examples/Echo"}},
            "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": {
                "restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
                "securityContext": json_of(POD_SECURITY),
                "containers": [{"name": "job", "image": "csw-test/busybox:1", "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", command], "securityContext": json_of(CONTAINER_SECURITY),
                    "resources": {"requests": {"cpu": "0.01", "memory": "1Mi"}}}]}}}}),
        }
    }

    /// Sets a field by its JSON pointer.
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        self.manifest.pointer_mut(parent).unwrap()[key] = value;
        self
    }

    pub fn create(self, space: &Space) {
        let mut manifest = self.manifest;
        manifest["metadata"]["namespace"] = space.name.clone().into();
        space.apply_by_kubectl(&manifest.to_string());
    }

    pub fn pod(self, field: &str, value: Value) -> Self {
        self.set(&format!("/spec/template/spec/{field}"), value)
    }

    pub fn container(self, field: &str, value: Value) -> Self {
        self.set(&format!("/spec/template/spec/containers/0/{field}"), value)
    }
}

impl Place {
    pub fn new() -> Self {
        Self { space: Space::new() }
    }

    pub fn create(&self, jobs: impl IntoIterator<Item = Job>) {
        for job in jobs {
            job.create(&self.space);
        }
    }

    /// `csw jobs VERB … --on kubernetes`.
    pub fn jobs(&self, args: &[&str]) -> Output {
        self.space.run(&[&["jobs"], args, &["--on", "kubernetes"]].concat())
    }

    /// The same with `-o json`, expected to end with this code.
    pub fn json(&self, args: &[&str], code: i32) -> Value {
        self.space.json(&[&["jobs"], args, &["--on", "kubernetes"]].concat(), code)
    }

    /// A job as `csw jobs status` shows it, as soon as it is as wanted.
    pub fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let job = self.json(&["status", id], 0)[0].take();
            if wanted(&job) {
                return job;
            }
            assert!(begun.elapsed() < Duration::from_secs(180), "in vain: {job:#}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Ids of all jobs that are there, sorted.
    pub fn ids(&self) -> Vec<String> {
        let jobs = self.json(&["list"], 0);
        let mut ids: Vec<_> =
            jobs.as_array().unwrap().iter().map(|j| j["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    pub async fn cluster(&self) -> Cluster {
        let access = Access {
            kubeconfig: Some(kubeconfig().into()),
            namespace: Some(self.space.name.clone()),
            ..Access::default()
        };
        access.connect().await.unwrap()
    }

    /// Says in the Job controller's place how a job has ended that is suspended: of one that isn't, newer releases let
    /// nobody change the start.
    pub async fn finish(&self, cluster: &Cluster, id: &str, condition: &str, at: &str) {
        let good = condition == "Complete";
        // What newer releases want to have been said before.
        let before = if good { "SuccessCriteriaMet" } else { "FailureTarget" };
        let kinds = if minor() < 31 { vec![condition] } else { vec![before, condition] };
        let conditions = kinds.iter().map(|kind| {
            json!({"type": kind, "status": "True", "lastTransitionTime": at, "lastProbeTime": at,
                "reason": "Test", "message": "said so"})
        });
        let mut status =
            json!({"startTime": "2026-01-01T00:00:00Z", "conditions": conditions.collect::<Vec<_>>()});
        if good {
            status["succeeded"] = 1.into();
            status["completionTime"] = at.into();
        } else {
            status["failed"] = 1.into();
        }
        let path = format!("/apis/batch/v1/namespaces/{}/jobs/{id}/status", self.space.name);
        cluster.merge_patch(&path, &json!({"status": status}), "finish a job").await.unwrap();
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
