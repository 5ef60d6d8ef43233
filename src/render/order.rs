/// Where a kind stands in the order in which objects are installed: what others need comes first. Objects are
/// deleted in the reverse order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstallOrder(u8);

const KINDS: [&str; 27] = [
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "NetworkPolicy",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Deployment",
    "StatefulSet",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "CronJob",
    "Job",
    "Ingress",
    "APIService",
    "Pod",
];

impl InstallOrder {
    /// The place of a kind; kinds that are not known come last, together.
    pub fn of(kind: &str) -> Self {
        let known = KINDS.iter().position(|k| *k == kind).unwrap_or(KINDS.len());
        Self(u8::try_from(known).unwrap_or(u8::MAX))
    }

    /// Every place there is, first to last.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=KINDS.len()).filter_map(|n| u8::try_from(n).ok()).map(Self)
    }

    /// The place as a number from 0, for file names.
    pub fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first() {
        let order = [
            "Namespace",
            "ResourceQuota",
            "LimitRange",
            "PriorityClass",
            "NetworkPolicy",
            "ServiceAccount",
            "Secret",
            "ConfigMap",
            "PersistentVolumeClaim",
            "Role",
            "RoleBinding",
            "Service",
            "Deployment",
            "StatefulSet",
            "PodDisruptionBudget",
            "CronJob",
            "Job",
            "Widget",
        ];
        assert!(order.map(InstallOrder::of).is_sorted_by(|a, b| a < b));
        assert_eq!(InstallOrder::all().count(), KINDS.len() + 1);
    }
}
