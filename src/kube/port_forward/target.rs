use std::fmt;

use serde_json::Value;

use super::PortForwardError;
use crate::kube::ready::{Surroundings, assess, condition, items, number, text};
use crate::kube::request::query;
use crate::kube::{Cluster, KubeError};
use crate::model::GroupVersionKind;

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// The namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// Its port, which need not be the pods'.
    pub port: u16,
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service {}/{}, port {}", self.namespace, self.service, self.port)
    }
}

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodPort {
    pub(super) pod: String,
    pub(super) port: u16,
}

/// A ready pod behind the Service.
pub(super) async fn resolve(cluster: &Cluster, target: &ServicePort) -> Result<PodPort, PortForwardError> {
    let ServicePort { namespace, service: name, .. } = target;
    let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
    let service = match cluster.get_path(&path, &format!("read Service {namespace}/{name}")).await {
        Err(e) if e.is_not_found() => {
            return Err(PortForwardError::NoService { service: name.clone(), namespace: namespace.clone() });
        }
        answer => answer?,
    };
    let unusable = |why| PortForwardError::Unusable { target: target.clone(), why };
    let selector = selector(&service).map_err(unusable)?;
    let path =
        format!("/api/v1/namespaces/{namespace}/pods?{}", query(&[("labelSelector", selector.as_str())]));
    let pods: Value = cluster.get_path(&path, &format!("list pods of Service {namespace}/{name}")).await?;
    let pods: Vec<&Value> = items(&pods, "/items").collect();
    let Some(pod) = pods.iter().find(|pod| is_ready(pod)) else {
        return Err(PortForwardError::NoPod { target: target.clone(), why: why_none(&pods) });
    };
    let port = pod_port(&service, pod, target.port).map_err(unusable)?;
    Ok(PodPort { pod: text(pod, "/metadata/name").to_owned(), port })
}

/// What the API server says that keeps a connection to a pod from being forwarded.
pub(super) fn refusal(cluster: &Cluster, pod: &str, error: &kube::Error) -> KubeError {
    match error {
        kube::Error::Api(status) => KubeError::Refused {
            what: format!("forward to pod {pod}"),
            refusal: Box::new(crate::kube::Refusal::of(status)),
        },
        error => cluster.broken(error),
    }
}

fn selector(service: &Value) -> Result<String, String> {
    let labels = service.pointer("/spec/selector").and_then(Value::as_object).filter(|s| !s.is_empty());
    let labels = labels.ok_or("it selects no pods")?;
    let pairs: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    Ok(pairs.join(","))
}

fn is_ready(pod: &Value) -> bool {
    text(pod, "/metadata/deletionTimestamp").is_empty()
        && text(pod, "/status/phase") == "Running"
        && condition(pod, "Ready").is_some_and(|c| text(c, "/status") == "True")
}

fn why_none(pods: &[&Value]) -> String {
    let Some(pod) = pods.iter().max_by_key(|pod| text(pod, "/metadata/creationTimestamp")) else {
        return "it has no pods".to_owned();
    };
    let gvk = GroupVersionKind { group: String::new(), version: "v1".into(), kind: "Pod".into() };
    let verdict = assess(&gvk, pod, &Surroundings::default());
    format!("pod {} {}", text(pod, "/metadata/name"), verdict.words())
}

fn pod_port(service: &Value, pod: &Value, wanted: u16) -> Result<u16, String> {
    let is_wanted = |p: &&Value| number(p, "/port") == Some(wanted.into());
    let Some(port) = items(service, "/spec/ports").find(is_wanted) else {
        let ports: Vec<String> =
            items(service, "/spec/ports").filter_map(|p| number(p, "/port")).map(|p| p.to_string()).collect();
        return Err(format!("it has no such port, but {}", ports.join(", ")));
    };
    let found = match port.get("targetPort") {
        Some(Value::String(name)) => items(pod, "/spec/containers")
            .flat_map(|c| items(c, "/ports"))
            .find(|p| text(p, "/name") == name)
            .and_then(|p| number(p, "/containerPort"))
            .ok_or_else(|| format!("its pods have no port named `{name}`"))?,
        // Left out, or 0 as some clients send it, means the same as the Service's.
        number => number.and_then(Value::as_i64).filter(|n| *n != 0).unwrap_or_else(|| wanted.into()),
    };
    u16::try_from(found).map_err(|_| format!("{found} is no port"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(target: &Value) -> Value {
        json!({"spec": {"selector": {"app": "a", "tier": "b"}, "ports": [{"port": 80, "targetPort": target}]}})
    }

    #[test]
    fn a_target_port_is_a_number_a_name_or_left_out() {
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8888}]}]}});
        assert_eq!(pod_port(&service(&json!(9000)), &pod, 80), Ok(9000));
        assert_eq!(pod_port(&service(&json!("http")), &pod, 80), Ok(8888));
        assert_eq!(pod_port(&service(&Value::Null), &pod, 80), Ok(80));
        assert!(pod_port(&service(&json!("grpc")), &pod, 80).unwrap_err().contains("`grpc`"));
        assert_eq!(pod_port(&service(&json!(1)), &pod, 81).unwrap_err(), "it has no such port, but 80");
    }

    #[test]
    fn a_service_selects_by_all_of_its_labels() {
        assert_eq!(selector(&service(&json!(1))).unwrap(), "app=a,tier=b");
        assert!(selector(&json!({"spec": {"selector": {}}})).is_err());
    }

    #[test]
    fn a_pod_that_goes_is_not_ready() {
        let mut pod = json!({"metadata": {"name": "p"}, "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(is_ready(&pod));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!is_ready(&pod));
        assert!(why_none(&[&pod]).contains("pod p is being deleted"));
    }
}
