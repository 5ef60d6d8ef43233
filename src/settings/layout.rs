//! The `kubernetes:` section of `csw.yaml`.

use std::collections::BTreeMap;

use crate::config::document::{Decode, Node, Optional, Problems, entries, record};
use crate::config::placement::PodCount;
use crate::model::{
    Cidr, Cpu, DnsLabel, KubernetesSettings, Labels, LimitRange, Memory, PullPolicy, Seconds, Toleration,
    Volume, is_label_key,
};
use crate::written_schema::schema;

record! {
    /// How the system is laid out on a Kubernetes cluster.
    pub(super) struct KubernetesTable {
        /// Whether the namespace itself is made, with PodSecurity's labels; true if left out.
        create_namespace: Optional<bool>,
        /// Kueue's LocalQueue that simulations go through.
        kueue_queue: Optional<DnsLabel>,
        /// What may be used in all: a ResourceQuota's resources and quantities.
        quota: Optional<Quantities>,
        /// What containers get that say nothing, and what none may exceed.
        limit_range: Optional<LimitRangeTable>,
        /// Labels that nodes must have.
        node_selectors: Optional<NodeSelectors>,
        /// Taints of nodes that are tolerated.
        tolerations: Optional<Tolerations>,
        /// Secrets with credentials for the image registry.
        image_pull_secrets: Optional<Vec<DnsLabel>>,
        /// When nodes pull images: `IfNotPresent` (the default), `Always` or `Never`.
        image_pull_policy: Optional<PullPolicy>,
        /// Pods of each service.
        replicas: Optional<ReplicasTable>,
        /// Redis' disk.
        redis: Optional<VolumeTable>,
        /// The disk of a `file://` bucket.
        outputs: Optional<VolumeTable>,
        /// The disk of the outputs processor's records.
        records: Optional<VolumeTable>,
        /// Who may talk to whom.
        network: Optional<NetworkTable>,
        /// How many jobs run, how long they may take and how long they are kept.
        jobs: Optional<JobsTable>,
        /// After which time without a request an inputs server is scaled to zero, as in 10m; never if left out.
        inputs_idle_timeout: Optional<Seconds>,
    }
}

record! {
    /// A LimitRange for containers: resources and quantities.
    struct LimitRangeTable {
        /// Limits where a container sets none.
        default: Optional<Quantities>,
        /// Requests where a container makes none.
        default_request: Optional<Quantities>,
        /// No container's limit may be above.
        max: Optional<Quantities>,
        /// No container's request may be below.
        min: Optional<Quantities>,
    }
}

record! {
    /// Labels that nodes must have, by what runs there.
    struct NodeSelectors {
        /// For csw's own services; `component: api` if left out.
        services: Optional<Labels>,
        /// For simulations and Dask; `component: model` if left out.
        models: Optional<Labels>,
    }
}

record! {
    /// Taints that are tolerated, by what runs there.
    struct Tolerations {
        /// By csw's own services.
        services: Optional<Vec<Toleration>>,
        /// By simulations and Dask.
        models: Optional<Vec<Toleration>>,
    }
}

record! {
    /// Pods of each service.
    struct ReplicasTable {
        /// Of the scheduler; 1 if left out.
        scheduler: Optional<PodCount>,
        /// Of the outputs processor; 1 if left out.
        outputs_processor: Optional<PodCount>,
    }
}

record! {
    /// A disk.
    struct VolumeTable {
        /// Its size, as in 8Gi.
        size: Optional<Memory>,
        /// Its storage class; the cluster's default if left out.
        storage_class: Optional<ObjectName>,
    }
}

record! {
    /// Who may talk to whom.
    struct NetworkTable {
        /// Whether NetworkPolicies are made; true if left out.
        policies: Optional<bool>,
        /// DNS servers beside the cluster's own pods.
        dns_cidrs: Optional<Vec<Cidr>>,
        /// The API server's addresses; any address on its ports if left out.
        api_server_cidrs: Optional<Vec<Cidr>>,
        /// The API server's ports; 443 and 6443 if left out.
        api_server_ports: Optional<Vec<u16>>,
        /// What models that may reach the internet still can't reach; private addresses if left out.
        internet_except: Optional<Vec<Cidr>>,
    }
}

record! {
    /// How many jobs run, how long they may take and how long they are kept.
    struct JobsTable {
        /// Jobs that the scheduler lets run at once; 200 if left out. More wait in its queue.
        max_running: Optional<u16>,
        /// Jobs of one model that it lets run at once; as many as there may be at all if left out.
        max_running_per_model: Optional<u16>,
        /// What a job gets beyond its model's time limit, for its node to come up and its image to be pulled; 15m if
        /// left out.
        start_allowance: Optional<Seconds>,
        /// How long a finished Job is kept; 1h if left out.
        keep: Optional<Seconds>,
        /// When finished jobs are cleaned up, in cron's syntax; `*/30 * * * *` if left out.
        cleanup_schedule: Optional<CronSchedule>,
    }
}

/// Resources and quantities.
#[derive(Debug, Default)]
struct Quantities(BTreeMap<String, String>);

/// A DNS subdomain.
#[derive(Debug)]
struct ObjectName(String);

/// Five fields of cron.
#[derive(Debug)]
struct CronSchedule(String);

impl KubernetesTable {
    pub(super) fn settings(self) -> KubernetesSettings {
        let mut to = KubernetesSettings::default();
        put(&mut to.create_namespace, self.create_namespace);
        to.kueue_queue = self.kueue_queue.map(|q| q.value);
        put(&mut to.quota, self.quota.map(|q| q.value.0));
        if let Some(table) = self.limit_range.map(|l| l.value) {
            let map = |q: Optional<Quantities>| q.map(|q| q.value.0).unwrap_or_default();
            to.limit_range = LimitRange {
                default: map(table.default),
                default_request: map(table.default_request),
                max: map(table.max),
                min: map(table.min),
            };
        }
        if let Some(table) = self.node_selectors.map(|n| n.value) {
            put(&mut to.node_selectors.services, table.services);
            put(&mut to.node_selectors.models, table.models);
        }
        if let Some(table) = self.tolerations.map(|t| t.value) {
            put(&mut to.tolerations.services, table.services);
            put(&mut to.tolerations.models, table.models);
        }
        put(&mut to.image_pull_secrets, self.image_pull_secrets);
        put(&mut to.image_pull_policy, self.image_pull_policy);
        if let Some(table) = self.replicas.map(|r| r.value) {
            put(&mut to.replicas.scheduler, table.scheduler.map(|c| c.value.0));
            put(&mut to.replicas.outputs_processor, table.outputs_processor.map(|c| c.value.0));
        }
        volume(&mut to.redis, self.redis.map(|v| v.value));
        volume(&mut to.outputs, self.outputs.map(|v| v.value));
        volume(&mut to.records, self.records.map(|v| v.value));
        to.inputs_idle_timeout = self.inputs_idle_timeout.map(|t| t.value);
        if let Some(table) = self.network.map(|n| n.value) {
            let cidrs =
                |c: Optional<Vec<Cidr>>| c.map(|c| c.value.into_iter().map(String::from).collect::<Vec<_>>());
            put(&mut to.network.policies, table.policies);
            put(&mut to.network.dns_cidrs, cidrs(table.dns_cidrs));
            put(&mut to.network.api_server_cidrs, cidrs(table.api_server_cidrs));
            put(&mut to.network.api_server_ports, table.api_server_ports);
            put(&mut to.network.internet_except, cidrs(table.internet_except));
        }
        if let Some(table) = self.jobs.map(|j| j.value) {
            put(&mut to.jobs.max_running, table.max_running.map(|n| u32::from(n.value)));
            put(&mut to.jobs.max_running_per_model, table.max_running_per_model.map(|n| u32::from(n.value)));
            put(&mut to.jobs.start_allowance, table.start_allowance);
            put(&mut to.jobs.keep, table.keep);
            put(&mut to.jobs.cleanup_schedule, table.cleanup_schedule.map(|s| s.value.0));
        }
        to
    }
}

/// A value, with or without its place.
trait Given<T> {
    fn given(self) -> T;
}

impl<T> Given<T> for T {
    fn given(self) -> T {
        self
    }
}

impl<T> Given<T> for crate::config::document::Spanned<T> {
    fn given(self) -> T {
        self.value
    }
}

fn put<T, G: Given<T>>(to: &mut T, from: Option<G>) {
    if let Some(value) = from {
        *to = value.given();
    }
}

fn volume(to: &mut Volume, from: Option<VolumeTable>) {
    if let Some(table) = from {
        put(&mut to.size, table.size);
        to.storage_class = table.storage_class.map(|c| c.value.0).or(to.storage_class.take());
    }
}

/// Text for which `read` has a value.
fn text<T>(
    node: &Node<'_>,
    expected: &str,
    problems: &mut Problems,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let Some(text) = node.text() else {
        problems.wrong_type(node, expected);
        return None;
    };
    let value = read(text);
    if value.is_none() {
        problems.invalid(node.span, expected, text);
    }
    value
}

impl Decode for DnsLabel {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        text(node, "a name of at most 63 lower-case letters, digits and `-`", problems, |t| t.parse().ok())
    }
}

impl Decode for ObjectName {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let expected = "a name: lower-case letters, digits, `-` and `.`";
        text(node, expected, problems, |t| {
            let valid = t.len() <= 253 && t.split('.').all(|part| part.parse::<DnsLabel>().is_ok());
            valid.then(|| Self(t.to_owned()))
        })
    }
}

impl Decode for PullPolicy {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        text(node, "`IfNotPresent`, `Always` or `Never`", problems, |t| match t {
            "IfNotPresent" => Some(Self::IfNotPresent),
            "Always" => Some(Self::Always),
            "Never" => Some(Self::Never),
            _ => None,
        })
    }
}

impl Decode for CronSchedule {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        text(node, "five fields of cron, as in \"*/30 * * * *\"", problems, |t| {
            let field = |f: &str| {
                f.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | ',' | '-' | '?'))
            };
            let fields: Vec<&str> = t.split_whitespace().collect();
            (fields.len() == 5 && fields.iter().all(|f| field(f))).then(|| Self(fields.join(" ")))
        })
    }
}

impl Decode for Quantities {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let mut all = BTreeMap::new();
        for entry in entries(node, problems)? {
            let key = &entry.key.text;
            let name = key.split('/').all(|part| !part.is_empty())
                && (is_label_key(key) || key.starts_with("count/"));
            if !name {
                problems.invalid(
                    entry.key.span,
                    "the name of a resource, as in limits.memory or count/jobs.batch",
                    key,
                );
                continue;
            }
            let quantity = |t: &str| {
                // What is no amount of memory may be one of thousandths, or zero.
                let valid = t.parse::<Memory>().is_ok() || t.parse::<Cpu>().is_ok() || t == "0";
                valid.then(|| t.to_owned())
            };
            if let Some(value) = text(&entry.value, "a quantity, as in 200Gi, 500m or 20", problems, quantity)
            {
                all.insert(key.to_string(), value);
            }
        }
        Some(Self(all))
    }
}

schema! {
    DnsLabel => { "type": "string", "pattern": "^[0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?$" },
    ObjectName => { "type": "string", "pattern": "^[0-9a-z]([0-9a-z.-]{0,251}[0-9a-z])?$" },
    PullPolicy => { "enum": ["IfNotPresent", "Always", "Never"] },
    CronSchedule => { "type": "string", "examples": ["*/30 * * * *"] },
    Quantities => {
        "type": "object",
        "additionalProperties": { "type": ["string", "number"] },
        "examples": [{ "limits.memory": "200Gi", "count/jobs.batch": 500 }]
    },
}
