use serde_json::Value;

use super::Finding;
use crate::kube::Cluster;
use crate::kube::observer::builtin;

/// Whether volume claims will find a storage class.
pub(super) async fn check(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    let classes = match cluster
        .list(&builtin("storage.k8s.io/v1", "StorageClass", "storageclasses", false), None, &[])
        .await
    {
        Ok(classes) => classes,
        Err(e) => {
            return vec![Finding::warning(
                "storage",
                format!("storage classes can't be looked at: {e}"),
                "Ask for the right to list storage classes",
            )];
        }
    };
    judge(&classes, objects)
}

fn judge(classes: &[Value], objects: &[Value]) -> Vec<Finding> {
    let text = |v: &Value, p: &str| v.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
    let default = classes.iter().any(|c| {
        c.pointer("/metadata/annotations/storageclass.kubernetes.io~1is-default-class")
            .and_then(Value::as_str)
            == Some("true")
    });
    let mut names: Vec<String> = classes.iter().map(|c| text(c, "/metadata/name")).collect();
    names.sort();
    let classes_there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut findings = Vec::new();
    let claims = objects.iter().flat_map(|o| {
        let own = (text(o, "/kind") == "PersistentVolumeClaim").then_some(o);
        let templates =
            o.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
        own.into_iter().chain(templates)
    });
    for claim in claims.filter(|c| text(c, "/status/phase") != "Bound") {
        let name = text(claim, "/metadata/name");
        match claim.pointer("/spec/storageClassName").and_then(Value::as_str) {
            Some("") => {}
            None if default => {}
            None => findings.push(Finding::problem(
                "storage",
                format!("the volume claim {name} names no storage class, and the cluster has no default one"),
                format!(
                    "{}, or make one the default (annotation storageclass.kubernetes.io/is-default-class)",
                    naming(&name, &classes_there)
                ),
            )),
            Some(class) if classes.iter().any(|c| text(c, "/metadata/name") == class) => {}
            Some(class) => findings.push(Finding::problem(
                "storage",
                format!("the volume claim {name} names the storage class {class}, which does not exist"),
                format!("{}; there is {classes_there}", naming(&name, &classes_there)),
            )),
        }
    }
    if findings.is_empty() {
        findings.push(if default {
            Finding::ok("storage", "there is a default storage class")
        } else {
            Finding::warning(
                "storage",
                "there is no default storage class",
                "Name a class in every volume claim, or make one the default",
            )
        });
    }
    findings
}

/// How another class is named for a claim; csw's own have a setting each.
fn naming(claim: &str, classes: &str) -> String {
    let volume = match claim {
        "data" => "redis",
        "outputs-records" => "records",
        "outputs" => "outputs",
        _ => return "Name one that exists in the claim (`storageClassName`)".to_owned(),
    };
    let class = classes.split(", ").next().filter(|c| *c != "none").unwrap_or("CLASS");
    format!("Name one that exists in csw.yaml: `kubernetes: {{{volume}: {{storage_class: {class}}}}}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::doctor::Level;
    use serde_json::json;

    #[test]
    fn a_claim_without_a_class_needs_a_default_one() {
        let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {}});
        let class = json!({"metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
        assert_eq!(judge(&[], std::slice::from_ref(&claim))[0].level, Level::Problem);
        assert_eq!(judge(&[class], &[claim])[0].level, Level::Ok);
        let other = json!({"kind": "StatefulSet", "spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"storageClassName": "gone"}}]}});
        assert!(judge(&[], std::slice::from_ref(&other))[0].message.contains("does not exist"));
        for (name, key) in [("data", "redis"), ("outputs", "outputs"), ("outputs-records", "records")] {
            let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {"storageClassName": "gone"}});
            let class = json!({"metadata": {"name": "local"}});
            let advice = judge(&[class], &[claim])[0].advice.clone().unwrap();
            assert!(
                advice.contains(&format!("csw.yaml: `kubernetes: {{{key}: {{storage_class: local}}}}`")),
                "{advice}"
            );
        }
    }
}
