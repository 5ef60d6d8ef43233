use std::collections::BTreeMap;
use std::fmt;

use kube::core::Status;

use super::cause;

/// What servers say of fields that can't be changed: of most, of roles of bindings, of claims of volumes, of
/// StatefulSets, of storage classes.
const IMMUTABLE: [&str; 7] = [
    "immutable",
    "cannot change roleRef",
    "may not change once set",
    "updates to statefulset spec for fields other than",
    "updates to parameters are forbidden",
    "updates to provisioner are forbidden",
    "updates may not change fields other than",
];

/// What the server said when it refused something.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// `NotFound`, `Forbidden`, `Conflict`, `Invalid`, …; empty if the server named none.
    pub reason: String,
    /// Its words.
    pub message: String,
    /// What they come to, in one sentence.
    pub cause: String,
    /// What to do about it, if that can be said.
    pub remedy: Option<&'static str>,
    /// Fields that others own, by manager.
    pub conflicts: BTreeMap<String, Vec<String>>,
    /// Whether a field would change that can't in an object that exists.
    pub immutable: bool,
    /// After how many seconds it wants to be asked again.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// From a response's status and body, which may be no `Status` at all when a proxy answers.
    pub(super) fn parse(code: u16, body: &[u8], secret: bool) -> Self {
        let Ok(status) = serde_json::from_slice::<Status>(body) else {
            let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
            let message = if secret || text.trim().is_empty() { format!("HTTP status {code}") } else { text };
            return Self {
                code,
                reason: String::new(),
                cause: message.clone(),
                message,
                remedy: None,
                conflicts: BTreeMap::new(),
                immutable: false,
                retry_after: None,
            };
        };
        let details = status.details.as_ref();
        let mut conflicts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for cause in details.into_iter().flat_map(|d| &d.causes) {
            if cause.reason == "FieldManagerConflict" {
                conflicts.entry(manager(&cause.message)).or_default().push(cause.field.clone());
            }
        }
        let quoting = status.reason != "Forbidden" && status.reason != "NotFound" && conflicts.is_empty();
        let hidden = secret && quoting;
        let message = if hidden {
            // What a decoder complains about it quotes.
            let fields: Vec<&str> =
                details.into_iter().flat_map(|d| &d.causes).map(|c| c.field.as_str()).collect();
            let of =
                if fields.is_empty() { String::new() } else { format!(" because of {}", fields.join(", ")) };
            format!("the server refused the Secret{of} (its words are left out: they may quote a value)")
        } else {
            status.message.clone()
        };
        let immutable = IMMUTABLE.iter().any(|words| status.message.contains(words));
        Self {
            code: if status.code == 0 { code } else { status.code },
            reason: status.reason.clone(),
            cause: if hidden { message.clone() } else { cause::cause(&status, &conflicts) },
            remedy: cause::remedy(&status, !conflicts.is_empty(), immutable),
            message,
            conflicts,
            immutable,
            retry_after: details.map(|d| u64::from(d.retry_after_seconds)).filter(|s| *s > 0),
        }
    }

    /// From a status that the client has read already.
    pub(super) fn of(status: &Status) -> Self {
        Self {
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
            cause: cause::cause(status, &BTreeMap::new()),
            remedy: cause::remedy(status, false, false),
            conflicts: BTreeMap::new(),
            immutable: false,
            retry_after: None,
        }
    }

    /// Whether what was asked for isn't there.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// Whether somebody else's fields are in the way.
    pub fn is_field_conflict(&self) -> bool {
        !self.conflicts.is_empty()
    }

    /// Whether asking again may help.
    pub(super) fn is_transient(&self) -> bool {
        match self.code {
            408 | 429 | 502 | 503 | 504 => true,
            // What some releases answer to a field that they don't know.
            500 => !["field not declared in schema", "failed to create typed", "failed to prune fields"]
                .iter()
                .any(|m| self.message.contains(m)),
            // Two writers met; with server-side apply the second attempt sees what the first has done.
            409 => {
                !self.is_field_conflict()
                    && self.reason == "Conflict"
                    && self.message.contains("please apply your changes")
            }
            _ => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.trim_end_matches('.'))
    }
}

/// `conflict with "kubectl" using apps/v1` → `kubectl`
fn manager(message: &str) -> String {
    message.split('"').nth(1).unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conflicts_are_told_by_manager() {
        let body = json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409,
            "message": "Apply failed with 2 conflicts", "details": {"causes": [
                {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using apps/v1", "field": ".spec.replicas"},
                {"reason": "FieldManagerConflict", "message": "conflict with \"hpa\" using autoscaling/v1", "field": ".spec.x"}]}});
        let refusal = Refusal::parse(409, body.to_string().as_bytes(), false);
        assert_eq!(refusal.conflicts["kubectl"], [".spec.replicas"]);
        assert_eq!(refusal.conflicts["hpa"], [".spec.x"]);
        assert!(!refusal.is_transient());
    }

    #[test]
    fn a_field_that_cannot_change_is_told_even_where_the_words_are_left_out() {
        let body = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid",
            "message": "Secret \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set"});
        let refusal = Refusal::parse(422, body.to_string().as_bytes(), true);
        assert!(refusal.immutable && !refusal.to_string().contains("Forbidden"), "{refusal}");
    }

    #[test]
    fn an_unknown_field_is_final_and_an_internal_error_is_not() {
        let status =
            |message: &str| json!({"kind": "Status", "status": "Failure", "code": 500, "message": message});
        let unknown = status("failed to create typed patch object: .spec.x: field not declared in schema");
        assert!(!Refusal::parse(500, unknown.to_string().as_bytes(), false).is_transient());
        assert!(
            Refusal::parse(500, status("etcdserver: leader changed").to_string().as_bytes(), false)
                .is_transient()
        );
        assert!(Refusal::parse(503, b"upstream connect error", false).is_transient());
    }

    #[test]
    fn an_answer_about_a_secret_is_not_repeated() {
        let body = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid", "message": "quoting hunter2"});
        assert!(!Refusal::parse(422, body.to_string().as_bytes(), true).to_string().contains("hunter2"));
        assert!(!Refusal::parse(400, b"quoting hunter2", true).to_string().contains("hunter2"));
    }
}
