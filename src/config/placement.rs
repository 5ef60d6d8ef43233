//! The keys that say where pods run and what they reach; `csw.yaml` uses them too.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::document::{
    Code, Decode, Node, Optional, Problems, Required, Spanned, entries, integer, nearest, record,
};
use super::text::Text;
use crate::model::{
    Cidr, Egress, Gpu, Labels, TaintEffect, Toleration, TolerationOperator, is_label_key, is_label_value,
};
use crate::written_schema::schema;

record! {
    /// What a model's pods may reach.
    pub(super) struct Network {
        /// Whether they may reach the internet; false if left out. They always reach what csw itself needs.
        pub(super) internet: Optional<bool>,
        /// What else they may reach: a database, a licence server, ….
        pub(super) egress: Optional<Vec<Egress>>,
    }
}

record! {
    /// Addresses that a model's pods may reach.
    struct EgressTable {
        /// The addresses, as in 10.20.0.0/16; 10.20.3.4/32 is a single one.
        cidr: Required<Cidr>,
        /// TCP ports there; every port and protocol if left out.
        ports: Optional<Vec<Port>>,
    }
}

record! {
    /// The server that tells a model's inputs and checks them.
    pub(super) struct InputsServer {
        /// How many pods: 1 if left out; 0 while nobody should be able to open the model.
        pub(super) replicas: Optional<PodCount>,
    }
}

record! {
    /// Graphics processors of one simulation.
    pub(super) struct GpuTable {
        /// How many; 1 if left out.
        pub(super) count: Optional<GpuCount>,
        /// The resource that the nodes offer; `nvidia.com/gpu` if left out.
        pub(super) resource: Optional<ResourceName>,
    }
}

record! {
    /// A taint of nodes that pods tolerate.
    struct TolerationTable {
        /// The taint's key; every key if left out, with the operator `Exists`.
        key: Optional<Text>,
        /// `Equal` (the taint's value must be this one, the default) or `Exists`.
        operator: Optional<TolerationOperator>,
        /// The taint's value.
        value: Optional<Text>,
        /// The effect; every effect if left out.
        effect: Optional<TaintEffect>,
    }
}

/// From 0 to 100 pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PodCount(pub(crate) u32);

/// From 1 to 64 graphics processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GpuCount(u32);

/// From 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Port(u16);

/// The name of an extended resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResourceName(String);

impl GpuTable {
    pub(super) fn gpu(self) -> Gpu {
        Gpu {
            count: self.count.map_or(1, |c| c.value.0),
            resource: self.resource.map_or_else(|| "nvidia.com/gpu".to_owned(), |r| r.value.0),
        }
    }
}

impl Decode for PodCount {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        integer(node, 0, 100, problems).and_then(|n| u32::try_from(n).ok()).map(Self)
    }
}

impl Decode for Port {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        integer(node, 1, 65535, problems).and_then(|n| u16::try_from(n).ok()).map(Self)
    }
}

impl Decode for Cidr {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = node.text() else {
            problems.wrong_type(node, Self::EXPECTED);
            return None;
        };
        let cidr = text.parse().ok();
        if cidr.is_none() {
            problems.invalid(node.span, Self::EXPECTED, text);
        }
        cidr
    }
}

impl Decode for Egress {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let EgressTable { cidr, ports } = EgressTable::decode(node, problems)?;
        let Spanned { value: cidr, span, .. } = cidr.into_inner()?;
        if cidr.hides_metadata() {
            let words = format!("{cidr} takes in 169.254.169.254, where clouds tell a node's credentials");
            problems.refuse(span, words).set_help(
                "name the addresses that the model needs; `internet: true` means the internet without private addresses, \
                 and 169.254.169.254/32 that very address",
            );
            return None;
        }
        let ports = ports.map(|p| p.value.into_iter().map(|port| port.0).collect()).unwrap_or_default();
        Some(Self { cidr, ports })
    }
}

impl Decode for GpuCount {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        integer(node, 1, 64, problems).and_then(|n| u32::try_from(n).ok()).map(Self)
    }
}

impl Decode for ResourceName {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        const EXPECTED: &str = "the name of an extended resource, as in nvidia.com/gpu";
        let Some(text) = node.text() else {
            problems.wrong_type(node, EXPECTED);
            return None;
        };
        if text.contains('/') && is_label_key(text) && !text.starts_with("kubernetes.io/") {
            return Some(Self(text.to_owned()));
        }
        problems.invalid(node.span, EXPECTED, text);
        None
    }
}

impl Decode for Labels {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let mut labels = BTreeMap::new();
        for entry in entries(node, problems)? {
            let key = &entry.key.text;
            if !is_label_key(key) {
                problems.invalid(
                    entry.key.span,
                    "the key of a node's label, as in cloud.google.com/gke-nodepool",
                    key,
                );
                continue;
            }
            match entry.value.text() {
                Some(text) if is_label_value(text) => drop(labels.insert(key.to_string(), text.to_owned())),
                Some(text) => {
                    problems.invalid(
                        entry.value.span,
                        "the value of a node's label: letters, digits, `-`, `_` and `.`, at most 63",
                        text,
                    );
                }
                None => drop(problems.wrong_type(&entry.value, "the value of a node's label")),
            }
        }
        Self::try_from(labels).ok()
    }
}

/// One of a few words, with a suggestion for a mistyped one.
fn word<T>(node: &Node<'_>, words: &[(&'static str, T)], problems: &mut Problems) -> Option<T>
where
    T: Copy,
{
    let names = words.iter().map(|(name, _)| *name);
    let expected = names.clone().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ");
    let Some(text) = node.text() else {
        problems.wrong_type(node, &expected);
        return None;
    };
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    if found.is_none() {
        let near = nearest(text, names);
        let problem = problems.invalid(node.span, &expected, text);
        if let Some(near) = near {
            problem.set_help(format!("did you mean `{near}`?"));
        }
    }
    found
}

impl Decode for TolerationOperator {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        word(node, &[("Equal", Self::Equal), ("Exists", Self::Exists)], problems)
    }
}

impl Decode for TaintEffect {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let words = [
            ("NoSchedule", Self::NoSchedule),
            ("PreferNoSchedule", Self::PreferNoSchedule),
            ("NoExecute", Self::NoExecute),
        ];
        word(node, &words, problems)
    }
}

impl Decode for Toleration {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let TolerationTable { key, operator, value, effect } = TolerationTable::decode(node, problems)?;
        let at = node.head();
        let toleration = Self {
            key: key.map(|k| k.value.0),
            operator: operator.map(|o| o.value).unwrap_or_default(),
            value: value.map(|v| v.value.0),
            effect: effect.map(|e| e.value),
        };
        let wrong = match &toleration {
            Self { key: None, operator: TolerationOperator::Equal, .. } => Some("`key` is missing"),
            Self { operator: TolerationOperator::Exists, value: Some(_), .. } => {
                Some("`value` has no meaning with the operator `Exists`")
            }
            Self { key: Some(key), .. } if !is_label_key(key) => Some("`key` is not the key of a taint"),
            Self { value: Some(value), .. } if !is_label_value(value) => {
                Some("`value` is not the value of a taint")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            problems.error(at, Code::Conflict, wrong);
            return None;
        }
        Some(toleration)
    }
}

schema! {
    PodCount => { "type": "integer", "minimum": 0, "maximum": 100 },
    GpuCount => { "type": "integer", "minimum": 1, "maximum": 64 },
    Port => { "type": "integer", "minimum": 1, "maximum": 65535 },
    Cidr => { "type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$" },
    ResourceName => { "type": "string", "pattern": "^[^/]+/[^/]+$", "examples": ["nvidia.com/gpu"] },
    Labels => {
        "type": "object",
        "additionalProperties": { "type": ["string", "number", "boolean"] },
        "examples": [{ "cloud.google.com/gke-nodepool": "large" }]
    },
}

impl JsonSchema for Egress {
    fn schema_name() -> Cow<'static, str> {
        "Egress".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        EgressTable::json_schema(generator)
    }
}

impl JsonSchema for Toleration {
    fn schema_name() -> Cow<'static, str> {
        "Toleration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        TolerationTable::json_schema(generator)
    }
}
