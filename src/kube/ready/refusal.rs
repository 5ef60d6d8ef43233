use std::collections::BTreeMap;

use crate::model::milli_units;

/// What a pod that is refused may hope for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is refused for what it is: so it will be until it is another, or the rule is.
    ForGood,
    /// Something that it names isn't there, or a rule is not known: somebody may do something about it.
    Unmet,
    /// Others have to make room, or the server has to recover.
    ForNow,
}

impl Refusal {
    /// Reads it from what Kubernetes says of a pod that it does not make.
    pub fn of(message: &str) -> Self {
        let has = |words: &str| message.contains(words);
        if has("exceeded quota") {
            return if outgrows(message) { Self::ForGood } else { Self::ForNow };
        }
        let by_rule = ["violates PodSecurity", "must specify", "denied the request", "denied request"];
        let by_range = ["maximum ", "minimum "].into_iter().any(has) && has(" usage per ");
        if by_rule.into_iter().any(has)
            || by_range
            || has("limit to request ratio")
            || has(" is invalid: ")
            || has("because it is being terminated")
        {
            return Self::ForGood;
        }
        let passing =
            ["failed calling webhook", "Internal error", "timeout", "timed out", "try again", "conflict"];
        if has("forbidden") && !passing.into_iter().any(has) { Self::Unmet } else { Self::ForNow }
    }
}

/// The same message without what says only that a pod was to be made, and under which name.
pub fn refusal_words(message: &str) -> String {
    let rest = message.strip_prefix("Error creating: ").unwrap_or(message);
    let told = ["pods", "Pod"].into_iter().find_map(|kind| {
        let (_name, rest) = rest.strip_prefix(kind)?.strip_prefix(" \"")?.split_once("\" ")?;
        rest.strip_prefix("is ")
    });
    match told {
        Some(told) => format!("its pod is {told}"),
        None => rest.to_owned(),
    }
}

/// Whether more is asked for than the quota has when nobody else uses any.
fn outgrows(message: &str) -> bool {
    let listed = |name: &str| -> BTreeMap<&str, u128> {
        let Some((_, rest)) = message.split_once(&format!("{name}: ")) else { return BTreeMap::new() };
        // Up to the next word with a colon; the last one ends with the message.
        let list = rest.split(", ").next().unwrap_or_default();
        list.split(',')
            .filter_map(|pair| {
                let (resource, amount) = pair.split_once('=')?;
                Some((resource, milli_units(amount.trim())?))
            })
            .collect()
    };
    let limited = listed("limited");
    listed("requested")
        .iter()
        .any(|(resource, wanted)| limited.get(resource).is_some_and(|most| wanted > most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_for_good_or_not() {
        let pod = |why: &str| format!("Error creating: pods \"a-x7\" is forbidden: {why}");
        let quota = |wanted: &str, used: &str, limited: &str| {
            pod(&format!("exceeded quota: q, requested: {wanted}, used: {used}, limited: {limited}"))
        };
        for (message, expected) in [
            (quota("pods=1", "pods=3", "pods=3"), Refusal::ForNow),
            (quota("pods=1", "pods=0", "pods=0"), Refusal::ForGood),
            (quota("limits.cpu=500m,pods=1", "limits.cpu=0,pods=5", "limits.cpu=1,pods=5"), Refusal::ForNow),
            (quota("memory=3Gi", "memory=0", "memory=2000Mi"), Refusal::ForGood),
            (quota("cpu=1500m", "cpu=0", "cpu=2"), Refusal::ForNow),
            (pod("failed quota: q: must specify limits.cpu"), Refusal::ForGood),
            (
                pod("violates PodSecurity \"restricted:latest\": runAsNonRoot != true (pod or container …)"),
                Refusal::ForGood,
            ),
            (pod("maximum cpu usage per Container is 1, but limit is 2"), Refusal::ForGood),
            (pod("[minimum memory usage per Container is 1Gi, but request is 1Mi]"), Refusal::ForGood),
            (
                pod("cpu max limit to request ratio per Container is 2, but provided ratio is 4"),
                Refusal::ForGood,
            ),
            (
                "Error creating: admission webhook \"v.example.com\" denied the request: no".to_owned(),
                Refusal::ForGood,
            ),
            (pod("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"), Refusal::ForGood),
            (
                "Error creating: Pod \"a-x7\" is invalid: spec.containers[0].image: Required value"
                    .to_owned(),
                Refusal::ForGood,
            ),
            (
                pod("unable to create new content in namespace n because it is being terminated"),
                Refusal::ForGood,
            ),
            (pod("error looking up service account n/s: serviceaccount \"s\" not found"), Refusal::Unmet),
            (pod("no PriorityClass with name high was found"), Refusal::Unmet),
            (
                "Error creating: Internal error occurred: failed calling webhook \"v\": connection refused"
                    .to_owned(),
                Refusal::ForNow,
            ),
            ("Error creating: Timeout: request did not complete".to_owned(), Refusal::ForNow),
        ] {
            assert_eq!(Refusal::of(&message), expected, "{message}");
        }
    }

    #[test]
    fn the_words_begin_with_what_is_wrong() {
        for (message, words) in [
            (
                "Error creating: pods \"a-x7\" is forbidden: exceeded quota: q",
                "its pod is forbidden: exceeded quota: q",
            ),
            ("Error creating: Pod \"a\" is invalid: spec.x: y", "its pod is invalid: spec.x: y"),
            (
                "Error creating: admission webhook \"v\" denied the request: no",
                "admission webhook \"v\" denied the request: no",
            ),
            ("exceeded quota: q", "exceeded quota: q"),
        ] {
            assert_eq!(refusal_words(message), words);
        }
    }
}
