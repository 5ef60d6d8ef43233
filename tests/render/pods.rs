//! What holds for every object and every pod that is rendered.

use csw::render::*;
use serde_json::Value;

use super::fixture;

const VERSIONS: [&str; 4] = ["1.20", "1.21", "1.30", "1.36"];

/// The pod templates of an object, each with its name.
fn pods(object: &Object) -> Vec<&Value> {
    ["/spec/template", "/spec/jobTemplate/spec/template"]
        .iter()
        .filter_map(|p| object.value().pointer(p))
        .collect()
}

fn everywhere(check: impl Fn(&Object, &str)) {
    for version in VERSIONS {
        let mut bucket_on_disk = fixture::services();
        bucket_on_disk.bucket = "file:///outputs".into();
        let renderer = Renderer::new(&Templates::default(), fixture::context(version)).unwrap();
        let objects = renderer.services(&bucket_on_disk).unwrap();
        for object in fixture::everything(fixture::full_context(version)).iter().chain(&objects) {
            check(object, version);
        }
    }
}

#[test]
fn every_pod_passes_the_restricted_level_of_pod_security() {
    everywhere(|object, _| {
        for pod in pods(object) {
            let spec = &pod["spec"];
            for key in
                ["hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "ephemeralContainers"]
            {
                assert!(spec.get(key).is_none(), "{object}: {key}");
            }
            let context = &spec["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{object}");
            assert!(context["runAsUser"].as_u64().is_some_and(|u| u > 0), "{object}");
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{object}");
            for volume in spec["volumes"].as_array().unwrap() {
                let kinds =
                    ["emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected", "downwardAPI"];
                assert!(kinds.iter().any(|k| volume.get(k).is_some()), "{object}: {volume}");
            }
            for container in spec["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{object}");
                assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]), "{object}");
                let allowed = ["allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"];
                assert!(
                    context.as_object().unwrap().keys().all(|k| allowed.contains(&k.as_str())),
                    "{object}"
                );
                assert!(context["capabilities"].get("add").is_none(), "{object}");
                // What csw itself and Redis run in needs no writable root; a model is any program.
                let models = object.value().pointer("/metadata/annotations/csw~1model").is_some();
                assert_eq!(context.get("readOnlyRootFilesystem").is_some(), !models, "{object}");
                assert!(
                    container["ports"].as_array().into_iter().flatten().all(|p| p.get("hostPort").is_none())
                );
            }
        }
    });
}

#[test]
fn every_container_reserves_is_probed_and_ends_gracefully() {
    everywhere(|object, _| {
        for pod in pods(object) {
            let spec = &pod["spec"];
            assert!(spec["terminationGracePeriodSeconds"].as_u64().is_some_and(|s| s > 0), "{object}");
            let batch = spec["restartPolicy"] == "Never";
            for container in spec["containers"].as_array().unwrap() {
                for (part, what) in
                    [("requests", "cpu"), ("requests", "memory"), ("limits", "cpu"), ("limits", "memory")]
                {
                    assert!(container["resources"][part][what].is_string(), "{object}: {part} {what}");
                }
                for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                    assert_eq!(container.get(probe).is_some(), !batch, "{object}: {probe}");
                }
            }
        }
    });
}

#[test]
fn every_object_carries_the_recommended_labels_and_selectors_match() {
    everywhere(|object, _| {
        let names = ["name", "instance", "component", "part-of", "managed-by", "version"];
        let mut labels = vec![&object.value()["metadata"]["labels"]];
        labels.extend(pods(object).iter().map(|p| &p["metadata"]["labels"]));
        for labels in labels {
            for name in names {
                let value = labels[format!("app.kubernetes.io/{name}")].as_str().unwrap_or_default();
                assert!(!value.is_empty() && csw::model::is_label_value(value), "{object}: {name}");
            }
            assert!(labels.as_object().unwrap().iter().all(|(k, v)| {
                csw::model::is_label_key(k) && v.as_str().is_some_and(csw::model::is_label_value)
            }));
        }
        if let Some(selector) =
            object.value().pointer("/spec/selector/matchLabels").and_then(Value::as_object)
            && let [pod] = pods(object)[..]
        {
            assert!(selector.iter().all(|(k, v)| &pod["metadata"]["labels"][k] == v), "{object}");
        }
        assert!(object.kind() == "Namespace" || object.namespace() == Some("csw"), "{object}");
    });
}

/// Where server-side apply tells the items of a list apart by these fields, each item has them, and no two are alike.
#[test]
fn items_of_lists_can_be_told_apart() {
    fn keys(value: &Value, check: &impl Fn(&[Value], &[&str])) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    if let Some(items) = value.as_array() {
                        match key.as_str() {
                            "env" | "containers" | "volumes" | "volumeMounts" | "imagePullSecrets" => {
                                check(items, &["name"])
                            }
                            "ports" if items.iter().any(|p| p.get("containerPort").is_some()) => {
                                check(items, &["containerPort", "protocol"]);
                            }
                            "ports" => check(items, &["port", "protocol"]),
                            _ => {}
                        }
                    }
                    keys(value, check);
                }
            }
            Value::Array(items) => items.iter().for_each(|i| keys(i, check)),
            _ => {}
        }
    }
    everywhere(|object, _| {
        keys(object.value(), &|items, fields| {
            let mut seen = std::collections::BTreeSet::new();
            for item in items {
                let key: Vec<String> =
                    fields.iter().map(|f| item.get(f).map(Value::to_string).unwrap_or_default()).collect();
                assert!(key.iter().all(|k| !k.is_empty()) && seen.insert(key), "{object}: {item}");
            }
        });
    });
}

#[test]
fn only_who_needs_the_api_server_has_a_token() {
    everywhere(|object, _| {
        for pod in pods(object) {
            let name = pod["spec"]["serviceAccountName"].as_str().unwrap();
            let token = ["scheduler", "job-cleanup"].contains(&name);
            assert_eq!(pod["spec"]["automountServiceAccountToken"], token, "{object}");
        }
        if object.kind() == "ServiceAccount" {
            assert_eq!(object.value()["automountServiceAccountToken"], false, "{object}");
        }
    });
}

#[test]
fn a_secret_s_value_is_in_objects_of_kind_secret_only() {
    use base64::Engine as _;
    let secrets = [
        "hunter2",
        "token-of-the-web-app",
        "admin-password-0123456789abcdef0123",
        "scheduler-password-0123456789abcdef",
        "executor-password-0123456789abcdef0",
        "cluster-key-0123456789abcdef01234567",
    ];
    let all = fixture::everything(fixture::full_context("1.36"));
    for secret in secrets {
        let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
        let holds = |o: &&Object| {
            let text = o.value().to_string();
            text.contains(secret) || text.contains(&encoded)
        };
        let found: Vec<&Object> = all.iter().filter(holds).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].kind(), "Secret");
    }
}

#[test]
fn releases_get_the_versions_that_they_serve() {
    for (version, cron, budget, policy) in [
        ("1.20", "batch/v1beta1", "policy/v1beta1", false),
        ("1.21", "batch/v1", "policy/v1", false),
        ("1.25", "batch/v1", "policy/v1", false),
        ("1.26", "batch/v1", "policy/v1", true),
        ("1.36", "batch/v1", "policy/v1", true),
    ] {
        let all = fixture::everything(fixture::context(version));
        let of = |kind: &str| all.iter().find(|o| o.kind() == kind).unwrap();
        assert_eq!(of("CronJob").api_version(), cron);
        assert_eq!(of("PodDisruptionBudget").api_version(), budget);
        assert_eq!(of("Job").value()["spec"].get("podFailurePolicy").is_some(), policy, "{version}");
        assert_eq!(of("Job").value()["spec"].get("ttlSecondsAfterFinished").is_some(), version != "1.20");
    }
}
