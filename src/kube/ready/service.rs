use serde_json::Value;

use super::Verdict;
use super::lookup::{items, text};

pub(super) fn assess(service: &Value) -> Verdict {
    match text(service, "/spec/type") {
        "ExternalName" => Verdict::Ready("external name".into()),
        "LoadBalancer" => {
            let address = items(service, "/status/loadBalancer/ingress")
                .map(|i| [text(i, "/ip"), text(i, "/hostname")].concat())
                .chain(items(service, "/spec/externalIPs").filter_map(Value::as_str).map(str::to_owned))
                .find(|a| !a.is_empty());
            match address {
                Some(address) => Verdict::Ready(address),
                None => Verdict::Waiting("waits for a load balancer's address".into()),
            }
        }
        _ => match text(service, "/spec/clusterIP") {
            "" => Verdict::Waiting("waits for an address".into()),
            "None" => Verdict::Ready("headless".into()),
            address => Verdict::Ready(address.to_owned()),
        },
    }
}
