use std::time::Instant;

use serde_json::Value;

use super::Finding;
use crate::kube::{Cluster, KubeError};

/// The releases that csw is tested with.
const OLDEST: u32 = 20;
const NEWEST: u32 = 36;
/// Tokens and certificates are minted and judged by different clocks.
const SKEW_WARNING: i64 = 10;
const SKEW_PROBLEM: i64 = 120;

/// Whether the server answers, which release it is, and what its clock says. The minor version is returned.
pub(super) async fn reach(cluster: &Cluster) -> Result<(u32, Vec<Finding>), KubeError> {
    let begun = Instant::now();
    let (text, date) = cluster.get_text("/version", "ask for the version").await?;
    let took = begun.elapsed();
    let version: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let field =
        |key: &str| version.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let minor: u32 =
        field("minor").chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let mut findings =
        vec![Finding::ok("reachable", format!("{} answers in {} ms", cluster.server(), took.as_millis()))];
    findings.push(judge_version(&field("gitVersion"), minor));
    if let Some(finding) = date.as_deref().and_then(clock) {
        findings.push(finding);
    }
    match cluster.get_text("/readyz", "ask whether the server is ready").await {
        Ok(_) => {}
        // Some providers don't let users ask.
        Err(e) if e.refusal().is_some_and(|r| matches!(r.code, 401 | 403 | 404)) => {}
        Err(e) => findings.push(Finding::warning(
            "ready",
            format!("the API server says that it is not ready: {e}"),
            "See `kubectl get --raw /readyz?verbose`",
        )),
    }
    Ok((minor, findings))
}

fn judge_version(name: &str, minor: u32) -> Finding {
    if minor == 0 {
        Finding::warning(
            "version",
            format!("the release is not understood: {name}"),
            "csw is tested with Kubernetes 1.20 to 1.36",
        )
    } else if minor < OLDEST {
        Finding::problem(
            "version",
            format!("Kubernetes {name} is older than 1.{OLDEST}: server-side apply is not to be relied on"),
            "Upgrade the cluster",
        )
    } else if minor > NEWEST {
        Finding::warning(
            "version",
            format!("Kubernetes {name} is newer than 1.{NEWEST}, the newest that this csw was tested with"),
            "Look for a newer csw if something behaves oddly",
        )
    } else {
        Finding::ok("version", format!("Kubernetes {name}"))
    }
}

fn clock(date: &str) -> Option<Finding> {
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let skew = jiff::Timestamp::now().duration_since(theirs).as_secs();
    // The header has whole seconds, and the answer was on its way for some.
    let message = || {
        format!(
            "this machine's clock is {} s {} the server's",
            skew.abs(),
            if skew > 0 { "ahead of" } else { "behind" }
        )
    };
    let advice =
        "Set the clock (chrony, systemd-timesyncd): tokens and certificates may be refused, ages are wrong";
    Some(match skew.abs() {
        0..=SKEW_WARNING => Finding::ok("clock", "this machine's clock and the server's agree"),
        ..=SKEW_PROBLEM => Finding::warning("clock", message(), advice),
        _ => Finding::problem("clock", message(), advice),
    })
}

/// Whether the namespace is there and stays.
pub(super) async fn namespace(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    let name = cluster.namespace();
    let found = cluster.get_path(&format!("/api/v1/namespaces/{name}"), "read the namespace").await;
    vec![match found {
        Ok(object) if object.pointer("/metadata/deletionTimestamp").is_some() => Finding::problem(
            "namespace",
            format!("the namespace `{name}` is being deleted"),
            "Wait until it is gone and make it again, or choose another with --namespace NAME",
        ),
        Ok(_) => Finding::ok("namespace", format!("`{name}` is there")),
        Err(e) if e.is_not_found() && makes(objects, name) => {
            Finding::ok("namespace", format!("`{name}` is not there yet: `csw cluster apply` makes it"))
        }
        Err(e) if e.is_not_found() => Finding::problem(
            "namespace",
            format!("there is no namespace `{name}`"),
            format!(
                "Make it with `kubectl create namespace {name}`, or choose another with --namespace NAME"
            ),
        ),
        Err(e) => Finding::warning("namespace", e.to_string(), "Ask for the right to read namespaces"),
    }]
}

fn makes(objects: &[Value], namespace: &str) -> bool {
    let text = |o: &Value, p: &str| o.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
    objects.iter().any(|o| text(o, "/kind") == "Namespace" && text(o, "/metadata/name") == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::doctor::Level;

    #[test]
    fn versions_and_clocks_are_judged() {
        assert_eq!(judge_version("v1.19.4", 19).level, Level::Problem);
        assert_eq!(judge_version("v1.20.2", 20).level, Level::Ok);
        assert_eq!(judge_version("v1.99.0", 99).level, Level::Warning);
        let at = |seconds: i64| {
            let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
            clock(&time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap().level
        };
        assert_eq!((at(0), at(-60), at(600)), (Level::Ok, Level::Warning, Level::Problem));
    }
}
