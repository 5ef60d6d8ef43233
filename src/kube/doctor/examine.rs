use serde_json::Value;

use super::{Finding, Level, needs, nodes, permissions, pull_secrets, server, storage};
use crate::error::Diagnose as _;
use crate::kube::Cluster;

/// What keeps pods of these objects from every node there is, and volume claims from every volume; nothing where that
/// may not be looked at.
pub async fn unplaced(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    let (nodes, storage) =
        futures::join!(nodes::unplaced(cluster, objects), storage::check(cluster, objects));
    let problems = storage.into_iter().filter(|finding| finding.level == Level::Problem);
    nodes.into_iter().chain(problems).collect()
}

/// Looks at everything that csw needs of a cluster. `objects` are those that are, or are to be, applied: their node
/// selectors, pull secrets and volume claims are looked at. An answer always comes; what could not be asked is a
/// finding.
pub async fn examine(cluster: &Cluster, objects: &[Value], parent: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let version = match server::reach(cluster).await {
        Ok((version, found)) => {
            findings.extend(found);
            version
        }
        Err(error) => {
            let advice = match error.hints().into_iter().next() {
                Some(hint) if !hint.contains("doctor") => hint,
                _ => "Check the address in the kubeconfig, the network and the proxy settings; is the cluster up?".into(),
            };
            // Nothing else could be asked either.
            return vec![Finding::problem("reachable", error.to_string(), advice)];
        }
    };
    let (namespace, kinds, rights, nodes, secrets, storage) = futures::join!(
        server::namespace(cluster, objects),
        needs::kinds(cluster, objects, version),
        permissions::check(cluster, parent),
        nodes::check(cluster, objects),
        pull_secrets::check(cluster, objects),
        storage::check(cluster, objects),
    );
    for found in [namespace, kinds, rights, nodes, secrets, storage] {
        findings.extend(found);
    }
    findings
}
