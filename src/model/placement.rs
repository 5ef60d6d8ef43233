use serde::{Deserialize, Serialize};

use super::{Cidr, Labels};

/// Where a model's pods may run, and what they may reach: what matters on a Kubernetes cluster only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Whether the model's pods may reach the internet.
    pub internet: bool,
    /// What else they may reach, beside what csw itself needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Egress>,
    /// Graphics processors of one simulation.
    pub gpu: Option<Gpu>,
    /// Labels that a node must have, beside the cluster's own for models.
    pub node_selector: Labels,
    /// Taints that the model's pods tolerate.
    pub tolerations: Vec<Toleration>,
    /// Pods of the model's inputs server; 0 while nobody should be able to open the model.
    pub inputs_replicas: u32,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            internet: false,
            egress: Vec::new(),
            gpu: None,
            node_selector: Labels::default(),
            tolerations: Vec::new(),
            inputs_replicas: 1,
        }
    }
}

/// Addresses that a model's pods may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// The addresses.
    pub cidr: Cidr,
    /// TCP ports there; every port and protocol if empty.
    pub ports: Vec<u16>,
}

/// Graphics processors, as an extended resource of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// How many; at least 1.
    pub count: u32,
    /// The resource's name, as in `nvidia.com/gpu`.
    pub resource: String,
}

/// A toleration, with the fields of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key; `None` tolerates every taint, and needs the operator `Exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether the taint's value matters.
    pub operator: TolerationOperator,
    /// The taint's value; with `Equal` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The effect that is tolerated; `None` means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
}

/// How a toleration compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TolerationOperator {
    /// The taint's value is the toleration's.
    #[default]
    Equal,
    /// Any value.
    Exists,
}

/// What a taint does to pods that don't tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum TaintEffect {
    /// They are not placed there.
    NoSchedule,
    /// They are placed there when nothing else is left.
    PreferNoSchedule,
    /// They are thrown out.
    NoExecute,
}
