/// Kinds in the order in which they are applied: what others need comes first. Kinds of one row have one rank and are
/// applied at once.
const RANKS: &[&[&str]] = &[
    &["Namespace", "CustomResourceDefinition"],
    &["PriorityClass", "StorageClass", "RuntimeClass", "PersistentVolume", "IngressClass"],
    // Limits before the pods that they are to limit.
    &["ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Secret", "ConfigMap"],
    &["ClusterRole", "Role"],
    &["ClusterRoleBinding", "RoleBinding", "PersistentVolumeClaim"],
    // Services before pods, which get their addresses as environment variables and wait for their names.
    &["Service", "PodDisruptionBudget"],
    &["DaemonSet", "StatefulSet", "Deployment", "ReplicaSet", "ReplicationController", "Pod"],
    &["HorizontalPodAutoscaler", "Ingress", "CronJob", "Job"],
];

/// When a kind's turn is, from 0. Kinds that Kubernetes doesn't have itself come after the workloads that may serve
/// their webhooks; what intercepts requests, last.
pub fn rank(kind: &str) -> usize {
    if kind.ends_with("WebhookConfiguration") || kind == "APIService" {
        return RANKS.len() + 1;
    }
    RANKS.iter().position(|row| row.contains(&kind)).unwrap_or(RANKS.len())
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn what_others_need_comes_first() {
        let order =
            ["Namespace", "ServiceAccount", "Role", "RoleBinding", "Service", "Deployment", "Job", "Widget"];
        let ranks: Vec<usize> = order.iter().map(|k| rank(k)).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert!(rank("ValidatingWebhookConfiguration") > rank("Widget"));
    }
}
