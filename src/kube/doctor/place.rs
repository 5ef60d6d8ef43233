use std::collections::BTreeMap;

use serde_json::Value;

use crate::kube::ready::{items, text};
use crate::model::{Cpu, Memory};

/// What a node has to offer.
#[derive(Debug)]
pub(super) struct Place<'n> {
    labels: Option<&'n Value>,
    taints: Vec<&'n Value>,
    allocatable: Option<&'n Value>,
}

/// Why a node never takes a pod; what comes later is found only where the earlier is as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lack {
    /// It carries other labels.
    Labels(String),
    /// It has a taint.
    Taint(String),
    /// It is too small.
    Size { resource: String, wanted: String },
}

impl<'n> Place<'n> {
    pub(super) fn of(node: &'n Value) -> Self {
        let lasting = |taint: &&Value| {
            matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute")
                // What the cluster itself sets on nodes that are not well, for as long as they aren't.
                && !text(taint, "/key").starts_with("node.kubernetes.io/")
        };
        Self {
            labels: node.pointer("/metadata/labels"),
            taints: items(node, "/spec/taints").filter(lasting).collect(),
            allocatable: node.pointer("/status/allocatable"),
        }
    }

    /// What keeps pods with this spec from the node, however empty it is.
    pub(super) fn lack(&self, spec: &Value) -> Option<Lack> {
        let selector = spec.get("nodeSelector").and_then(Value::as_object).into_iter().flatten();
        let other: Vec<String> = selector
            .filter(|(key, value)| self.labels.and_then(|l| l.get(key.as_str())) != Some(value))
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        if !other.is_empty() {
            return Some(Lack::Labels(other.join(",")));
        }
        let kept_away = |taint: &&&Value| !items(spec, "/tolerations").any(|t| tolerates(t, taint));
        if let Some(taint) = self.taints.iter().find(kept_away) {
            let value = text(taint, "/value");
            let value = if value.is_empty() { String::new() } else { format!("={value}") };
            return Some(Lack::Taint(format!("{}{value}:{}", text(taint, "/key"), text(taint, "/effect"))));
        }
        requests(spec).into_iter().find_map(|(resource, (amount, wanted))| {
            let has =
                self.allocatable.map(|a| a.get(&resource).and_then(|v| amount_of(&resource, v)).unwrap_or(0));
            (has? < amount).then_some(Lack::Size { resource, wanted })
        })
    }
}

impl Lack {
    pub(super) fn check(&self) -> &'static str {
        match self {
            Self::Labels(_) => "node selectors",
            Self::Taint(_) => "tolerations",
            Self::Size { .. } => "node size",
        }
    }

    /// What is wrong for the pods of these.
    pub(super) fn message(&self, users: &str) -> String {
        match self {
            Self::Labels(labels) => format!("no node carries {labels}, which {users} wants"),
            Self::Taint(taint) => {
                format!("every node that would do has the taint {taint}, which {users} does not tolerate")
            }
            Self::Size { resource, wanted } => {
                format!("no node that would do has {resource} of {wanted}, which {users} wants")
            }
        }
    }

    /// What to do about it for pods of an object.
    pub(super) fn advice(&self, object: &Value) -> String {
        let label = |name: &str| {
            object.pointer("/metadata/labels").and_then(|l| l.get(name)?.as_str()).unwrap_or_default()
        };
        let role = match label("app.kubernetes.io/component") {
            _ if label("app.kubernetes.io/part-of") != "csw" => None,
            "job" | "job-template" | "dask-scheduler" | "dask-worker" => Some("models"),
            _ => Some("services"),
        };
        match (self, role) {
            (Self::Labels(labels), role) => {
                let or = role.map_or_else(String::new, |role| {
                    format!(
                        ", or say in csw.yaml which nodes will do: `kubernetes: {{node_selectors: {{{role}: {{}}}}}}` is any"
                    )
                });
                format!("Label one: `kubectl label node NAME {}`{or}", labels.replace(',', " "))
            }
            (Self::Taint(taint), role) => {
                let key = taint.split(['=', ':']).next().unwrap_or_default();
                let or = role.map_or_else(
                    || "tolerate it".to_owned(),
                    |role| {
                        format!(
                            "tolerate it in csw.yaml: `kubernetes: {{tolerations: {{{role}: [{{key: {key}, operator: Exists}}]}}}}`"
                        )
                    },
                );
                format!("Take the taint from a node (`kubectl taint node NAME {key}-`), or {or}")
            }
            (Self::Size { resource, .. }, Some("models")) => {
                let model =
                    object.pointer("/metadata/annotations").and_then(|a| a.get("csw/model")?.as_str());
                let model = model.unwrap_or("OWNER/TITLE");
                format!(
                    "Add a larger node, or ask for less {resource} with `resources` in the file of {model}"
                )
            }
            (Self::Size { .. }, _) => "Add a larger node".to_owned(),
        }
    }
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
    let exists = text(toleration, "/operator") == "Exists";
    (effect.is_empty() || effect == text(taint, "/effect"))
        && (if key.is_empty() { exists } else { key == text(taint, "/key") })
        && (exists || text(toleration, "/value") == text(taint, "/value"))
}

/// What a pod asks for, by resource: the amount, and how that is written.
fn requests(spec: &Value) -> BTreeMap<String, (u64, String)> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for container in items(spec, "/containers") {
        for (resource, amount) in asked(container) {
            *sums.entry(resource).or_default() += amount;
        }
    }
    // Those run one after the other, before the others.
    for container in items(spec, "/initContainers") {
        for (resource, amount) in asked(container) {
            let sum = sums.entry(resource).or_default();
            *sum = amount.max(*sum);
        }
    }
    sums.into_iter()
        .map(|(resource, amount)| {
            let written = match resource.as_str() {
                "cpu" if amount % 1000 == 0 => (amount / 1000).to_string(),
                "cpu" => format!("{amount}m"),
                "memory" | "ephemeral-storage" => format!("{}Mi", amount.div_ceil(1 << 20)),
                _ => amount.to_string(),
            };
            (resource, (amount, written))
        })
        .collect()
}

/// A limit is a request where there is none.
fn asked(container: &Value) -> BTreeMap<String, u64> {
    let mut asked = BTreeMap::new();
    for from in ["/resources/limits", "/resources/requests"] {
        for (resource, value) in container.pointer(from).and_then(Value::as_object).into_iter().flatten() {
            if let Some(amount) = amount_of(resource, value) {
                asked.insert(resource.clone(), amount);
            }
        }
    }
    asked
}

fn amount_of(resource: &str, value: &Value) -> Option<u64> {
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match resource {
        "cpu" => written.parse::<Cpu>().ok().map(|c| c.millis()),
        "memory" | "ephemeral-storage" => written.parse::<Memory>().ok().map(|m| m.bytes()),
        _ => written.parse().ok(),
    }
}
