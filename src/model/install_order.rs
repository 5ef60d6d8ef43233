/// Kinds in the order in which they are installed: what others need comes first. Kinds of one row don't need each other
/// and are applied at once.
const ROWS: [&[&str]; 8] = [
    &["Namespace", "CustomResourceDefinition"],
    &["PriorityClass", "StorageClass", "RuntimeClass", "PersistentVolume", "IngressClass"],
    // Limits before the pods that they are to limit.
    &["ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Secret", "ConfigMap"],
    &["ClusterRole", "Role"],
    &["ClusterRoleBinding", "RoleBinding", "PersistentVolumeClaim"],
    // Services before pods, which get their addresses as environment variables and wait for their names.
    &["Service", "PodDisruptionBudget"],
    &["DaemonSet", "Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Pod"],
    &["HorizontalPodAutoscaler", "Ingress", "CronJob", "Job"],
];

/// How many kinds have a place of their own.
const KNOWN: u8 = {
    let (mut count, mut rows): (usize, &[&[&str]]) = (0, &ROWS);
    while let [row, rest @ ..] = rows {
        count += row.len();
        rows = rest;
    }
    assert!(count < 250);
    #[allow(clippy::cast_possible_truncation)] // just checked
    {
        count as u8
    }
};

/// Where a kind stands in the order in which objects are installed, whether they are written out or applied. Objects
/// are deleted in the reverse order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstallOrder(u8);

impl InstallOrder {
    /// The place of a kind. Kinds that Kubernetes doesn't have itself come together after the workloads that may serve
    /// their webhooks; what intercepts requests, last.
    pub fn of(kind: &str) -> Self {
        if kind.ends_with("WebhookConfiguration") || kind == "APIService" {
            return Self(KNOWN + 1);
        }
        let known = ROWS.iter().flat_map(|row| row.iter()).zip(0..).find(|(k, _)| **k == kind);
        Self(known.map_or(KNOWN, |(_, place)| place))
    }

    /// Every place there is, first to last.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=KNOWN + 1).map(Self)
    }

    /// The place as a number from 0, for file names.
    pub fn number(self) -> u8 {
        self.0
    }

    /// When objects of this place are applied, from 0: those of one rank at once, after all of the rank before.
    pub fn rank(self) -> usize {
        let mut left = usize::from(self.0);
        for (rank, row) in ROWS.iter().enumerate() {
            if left < row.len() {
                return rank;
            }
            left -= row.len();
        }
        ROWS.len() + left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first() {
        let order = [
            "Namespace",
            "CustomResourceDefinition",
            "PriorityClass",
            "ResourceQuota",
            "NetworkPolicy",
            "ServiceAccount",
            "Secret",
            "ConfigMap",
            "Role",
            "RoleBinding",
            "PersistentVolumeClaim",
            "Service",
            "PodDisruptionBudget",
            "Deployment",
            "StatefulSet",
            "CronJob",
            "Job",
            "Widget",
            "ValidatingWebhookConfiguration",
        ]
        .map(InstallOrder::of);
        assert!(order.is_sorted_by(|a, b| a < b));
        assert!(order.is_sorted_by(|a, b| a.rank() <= b.rank()));
    }

    #[test]
    fn every_place_has_its_rank() {
        let ranks: Vec<usize> = InstallOrder::all().map(InstallOrder::rank).collect();
        assert!(ranks.is_sorted());
        assert_eq!((ranks[0], *ranks.last().unwrap()), (0, ROWS.len() + 1));
        assert_eq!(InstallOrder::of("Widget").rank(), ROWS.len());
        assert_eq!(InstallOrder::of("Namespace").rank(), InstallOrder::of("CustomResourceDefinition").rank());
        assert!(InstallOrder::of("ServiceAccount").rank() < InstallOrder::of("Role").rank());
        let places = InstallOrder::all().count();
        assert_eq!(places, ROWS.iter().map(|row| row.len()).sum::<usize>() + 2);
    }
}
