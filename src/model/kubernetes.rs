use std::collections::BTreeMap;

use serde::Serialize;

use super::{DnsLabel, Labels, Memory, Seconds, Toleration};

/// How the system is laid out on a Kubernetes cluster: the `kubernetes:` section of `csw.yaml`. Templates see it as
/// `settings`, field by field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KubernetesSettings {
    /// Where everything lives.
    pub namespace: DnsLabel,
    /// Whether the Namespace itself is rendered, with PodSecurity's labels.
    pub create_namespace: bool,
    /// Kueue's LocalQueue that jobs go through; `None` without Kueue.
    pub kueue_queue: Option<DnsLabel>,
    /// `spec.hard` of a ResourceQuota: resource to quantity; none without entries.
    pub quota: BTreeMap<String, String>,
    /// A LimitRange for containers; none if all of its parts are empty.
    pub limit_range: LimitRange,
    /// Labels that nodes must have, by what runs there.
    pub node_selectors: ByRole<Labels>,
    /// Taints that are tolerated, by what runs there.
    pub tolerations: ByRole<Vec<Toleration>>,
    /// Secrets with credentials for the image registry.
    pub image_pull_secrets: Vec<DnsLabel>,
    /// When nodes pull images.
    pub image_pull_policy: PullPolicy,
    /// Pods of each service.
    pub replicas: Replicas,
    /// Redis' disk.
    pub redis: Volume,
    /// The disk of a `file://` bucket.
    pub outputs: Volume,
    /// The disk of the outputs processor's records: results that the web app has yet to take are there.
    pub records: Volume,
    /// Who may talk to whom.
    pub network: NetworkSettings,
    /// How many jobs run, how long they may take and how long they are kept.
    pub jobs: JobSettings,
    /// After which time without a request an inputs server is scaled to zero; `None`: they run all the time.
    pub inputs_idle_timeout: Option<Seconds>,
}

/// A value for csw's own services and one for models.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ByRole<T> {
    /// Scheduler, outputs processor, Redis, clean-up, inputs servers.
    pub services: T,
    /// Simulations and Dask.
    pub models: T,
}

/// Limits for containers that say nothing themselves, and bounds for all: resource to quantity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LimitRange {
    /// Limits where a container sets none.
    pub default: BTreeMap<String, String>,
    /// Requests where a container makes none.
    pub default_request: BTreeMap<String, String>,
    /// No container's limit may be above.
    pub max: BTreeMap<String, String>,
    /// No container's request may be below.
    pub min: BTreeMap<String, String>,
}

impl LimitRange {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        [&self.default, &self.default_request, &self.max, &self.min].iter().all(|m| m.is_empty())
    }
}

/// When a node pulls an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum PullPolicy {
    /// When it has none of that name.
    #[default]
    IfNotPresent,
    /// Every time a pod starts.
    Always,
    /// Never: somebody loads images onto the nodes.
    Never,
}

/// Pods of each service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Replicas {
    /// Of the scheduler.
    pub scheduler: u32,
    /// Of the outputs processor.
    pub outputs_processor: u32,
}

/// A disk that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its size.
    pub size: Memory,
    /// Its storage class; `None` means the cluster's default.
    pub storage_class: Option<String>,
}

/// Who may talk to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkSettings {
    /// Whether NetworkPolicies are rendered.
    pub policies: bool,
    /// Addresses of DNS servers beside the cluster's own pods (`k8s-app: kube-dns`), as CIDR blocks.
    pub dns_cidrs: Vec<String>,
    /// Addresses of the API server, as CIDR blocks; any address on its ports if empty.
    pub api_server_cidrs: Vec<String>,
    /// Ports of the API server.
    pub api_server_ports: Vec<u16>,
    /// What a model that may reach the internet still can't reach, as CIDR blocks.
    pub internet_except: Vec<String>,
}

/// How many jobs run, how long they may take and how long they are kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobSettings {
    /// Jobs that the scheduler lets run at once; more wait in its queue.
    pub max_running: u32,
    /// Jobs of one model that it lets run at once; 0 means as many as there may be at all.
    pub max_running_per_model: u32,
    /// What a job gets beyond its model's time limit for its node to come up and its image to be pulled.
    pub start_allowance: Seconds,
    /// How long a finished Job is kept.
    pub keep: Seconds,
    /// When finished jobs are cleaned up, in cron's syntax.
    pub cleanup_schedule: String,
}

impl KubernetesSettings {
    /// The settings of a cluster about which nothing is said.
    pub fn new(namespace: DnsLabel) -> Self {
        let selector = |value| Labels::one("component", value).unwrap_or_default();
        let cidrs = |all: &[&str]| all.iter().map(|&c| c.to_owned()).collect();
        Self {
            namespace,
            create_namespace: true,
            kueue_queue: None,
            quota: BTreeMap::new(),
            limit_range: LimitRange::default(),
            node_selectors: ByRole { services: selector("api"), models: selector("model") },
            tolerations: ByRole::default(),
            image_pull_secrets: Vec::new(),
            image_pull_policy: PullPolicy::default(),
            replicas: Replicas { scheduler: 1, outputs_processor: 1 },
            redis: Volume { size: Memory::gibibytes(8), storage_class: None },
            outputs: Volume { size: Memory::gibibytes(10), storage_class: None },
            records: Volume { size: Memory::gibibytes(1), storage_class: None },
            network: NetworkSettings {
                policies: true,
                // Where node-local DNS caches listen.
                dns_cidrs: cidrs(&["169.254.20.10/32"]),
                api_server_cidrs: Vec::new(),
                api_server_ports: vec![443, 6443],
                // Private, shared, link-local (with the clouds' metadata servers) and loopback addresses.
                internet_except: cidrs(&[
                    "10.0.0.0/8",
                    "100.64.0.0/10",
                    "127.0.0.0/8",
                    "169.254.0.0/16",
                    "172.16.0.0/12",
                    "192.168.0.0/16",
                    "fc00::/7",
                    "fe80::/10",
                ]),
            },
            inputs_idle_timeout: None,
            jobs: JobSettings {
                max_running: 200,
                max_running_per_model: 0,
                start_allowance: Seconds::from_secs(900),
                keep: Seconds::from_secs(3600),
                cleanup_schedule: "*/30 * * * *".to_owned(),
            },
        }
    }
}

impl Default for KubernetesSettings {
    fn default() -> Self {
        Self::new(DnsLabel::csw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        let settings = KubernetesSettings::default();
        assert_eq!(settings.namespace, "csw".parse().unwrap());
        assert_eq!(settings.node_selectors.models.as_map()["component"], "model");
        assert_eq!(settings.redis.size, "8Gi".parse().unwrap());
    }
}
