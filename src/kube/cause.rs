//! What a server's refusal comes to: one sentence for the cause, and one for what to do about it.

use std::collections::BTreeMap;

use kube::core::Status;
use kube::core::response::StatusCause;

use super::words::{is_structure, plain, value_and_detail};

/// Longer sentences are cut.
const LONGEST: usize = 300;
/// So many causes, fields or owners are told one by one.
const TOLD: usize = 3;
/// A value that is longer than this is left out.
const SHORT: usize = 40;

/// The cause in one sentence. What servers print of their own data structures is left out.
pub(super) fn cause(status: &Status, conflicts: &BTreeMap<String, Vec<String>>) -> String {
    if !conflicts.is_empty() {
        let owners = conflicts.iter().map(|(manager, fields)| format!("{manager} owns {}", list(fields)));
        return several(owners, "; ");
    }
    if let Some(told) = of_schema(&status.message) {
        return cut(&told);
    }
    let causes: Vec<&StatusCause> = status
        .details
        .iter()
        .flat_map(|d| &d.causes)
        .filter(|c| c.reason.starts_with("FieldValue") && !c.field.is_empty())
        .collect();
    if causes.is_empty() {
        return cut(&plain(&status.message));
    }
    let mut told: Vec<String> = Vec::new();
    for cause in causes {
        let sentence = format!("{}: {}", cause.field, of_field(&cause.message));
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    cut(&several(told.into_iter(), "; "))
}

/// What to do about it, if that can be said. `immutable` is whether a field would have to change that can't.
pub(super) fn remedy(status: &Status, conflicts: bool, immutable: bool) -> Option<&'static str> {
    let says = |words: &str| status.message.contains(words);
    let remedy = if conflicts {
        "Take the fields over with --force-conflicts, or leave them out of the configuration"
    } else if immutable {
        "Leave the field as it is, or have the object made anew with --force-replace where it holds nothing that would be lost"
    } else if says("not declared in schema") || says("unknown field") {
        "Correct the field's spelling; where it is right, this release of Kubernetes has no such field: `kubectl explain KIND`"
    } else if says("failed to create typed")
        || says("failed to convert new object")
        || says("failed to prune")
    {
        "Correct the field in the configuration; `kubectl explain KIND` tells what it takes"
    } else if says("exceeded quota") {
        "Free some of the quota or have it raised; `kubectl describe resourcequota` shows what uses it"
    } else if says("denied the request") || says("violates PodSecurity") {
        "Change what is refused, or ask who runs the cluster to allow it"
    } else if says("because it is being terminated") {
        "Wait until the namespace is gone, or choose another with --namespace NAME"
    } else {
        match (status.code, status.reason.as_str()) {
            (401, _) => {
                "The credentials are not valid (any more): log in again with the tool that made the kubeconfig"
            }
            (403, _) => "Run `csw cluster doctor` to see which permissions are missing",
            (404, _) if status.message.starts_with("namespaces ") => {
                "Make it with `kubectl create namespace NAME`, or choose another with --namespace NAME"
            }
            (413, _) => "Make the object smaller: a ConfigMap or Secret holds 1 MiB",
            (_, "Invalid") if says("Too long") => "Make the value shorter",
            (_, "Invalid") => {
                "Correct the field in the configuration; `kubectl explain KIND` tells what it takes"
            }
            _ => return None,
        }
    };
    Some(remedy)
}

/// What is wrong with a field, without the value if that is a long one. The words are those of Kubernetes' validation:
/// `Invalid value: VALUE: what is wrong`.
fn of_field(message: &str) -> String {
    let (kind, rest) = message.split_once(": ").unwrap_or(("", message));
    match kind {
        "Invalid value" | "Unsupported value" | "Duplicate value" | "Too many" | "Too long" | "Not found" => {
            let (value, detail) = value_and_detail(rest);
            let detail = plain(detail);
            let value = if value.len() <= SHORT && !is_structure(value) { value } else { "" };
            match (value, detail.as_str()) {
                ("", "") => kind.to_lowercase(),
                ("", detail) => detail.to_owned(),
                (value, "") => format!("{} {value}", kind.to_lowercase()),
                (value, detail) => format!("{value}: {detail}"),
            }
        }
        // A page of what differs may follow.
        "Forbidden" => plain(rest.lines().next().unwrap_or_default()),
        "Required value" | "Internal error" => {
            let rest = plain(rest);
            if rest.is_empty() { "is missing".to_owned() } else { rest }
        }
        _ => plain(message),
    }
}

/// What a server says of an object that is not of its kind's form: other words in every release.
fn of_schema(message: &str) -> Option<String> {
    let rest = [
        "failed to create typed patch object",
        "failed to create typed live object",
        "failed to prune fields",
    ]
    .iter()
    .find_map(|start| message.strip_prefix(start));
    let Some(rest) = rest else {
        return message.starts_with("failed to convert new object").then(|| {
            let told = ["unable to convert unstructured object to ", "to proper version: "]
                .iter()
                .find_map(|words| message.split_once(words))
                .map_or(message, |(_, rest)| rest);
            let told = told.split_once(": ").map_or(told, |(_, rest)| rest);
            plain(told.split(", error found in").next().unwrap_or(told))
        });
    };
    // ` (namespace/name; apps/v1, Kind=Deployment)`
    let rest = match rest.strip_prefix(" (") {
        Some(named) => named.split_once("): ").map_or(named, |(_, rest)| rest),
        None => rest.strip_prefix(": ").unwrap_or(rest),
    };
    let lines = rest.strip_prefix("errors:").unwrap_or(rest).lines().map(str::trim);
    let told: Vec<String> = lines.filter(|line| !line.is_empty()).map(of_typed).collect();
    Some(several(told.into_iter(), "; "))
}

/// `.spec.replicas: expected numeric (int or float), got string`
fn of_typed(line: &str) -> String {
    let (path, words) = value_and_detail(line);
    let path = path.trim_start_matches('.');
    if words == "field not declared in schema" {
        return format!("{path}: there is no such field");
    }
    if let Some((item, key)) = words
        .split_once(": associative list with keys has an element that omits key field ")
        .and_then(|(element, rest)| Some((element.strip_prefix("element ")?, rest.split('"').nth(1)?)))
    {
        return format!("{path}[{item}]: `{key}` is missing, which this release of Kubernetes needs there");
    }
    let words = words.replace("numeric (int or float)", "a number");
    let words = match words.split_once(", got ") {
        Some((expected, got)) if got.contains("value") => expected.to_owned(),
        _ => words,
    };
    format!("{path}: {words}")
}

/// The first few, and how many more there are.
fn list(items: &[String]) -> String {
    several(items.iter().cloned(), ", ")
}

fn several(items: impl Iterator<Item = String>, separator: &str) -> String {
    let items: Vec<String> = items.collect();
    let mut told = items.iter().take(TOLD).cloned().collect::<Vec<_>>().join(separator);
    if items.len() > TOLD {
        told += &format!(" and {} more", items.len() - TOLD);
    }
    told
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(code: u16, message: &str, causes: &[(&str, &str, &str)]) -> (String, Option<&'static str>) {
        let causes: Vec<_> = causes
            .iter()
            .map(|(reason, field, message)| json!({"reason": reason, "field": field, "message": message}))
            .collect();
        let reason = if code == 422 { "Invalid" } else { "" };
        let status: Status =
            serde_json::from_value(json!({"status": "Failure", "code": code, "reason": reason,
            "message": message, "details": {"causes": causes}}))
            .unwrap();
        (cause(&status, &BTreeMap::new()), remedy(&status, false, false))
    }

    /// As releases 1.20 and 1.36 say it.
    #[test]
    fn every_release_s_words_come_to_the_same_sentence() {
        let structure = format!(
            "core.PodTemplateSpec{{Labels:map[string]string{{\"a: b\":\"}}\"}}, {}}}",
            "X:(*int)(nil), ".repeat(90)
        );
        let json = json!({"labels": {"a: b": "}"}, "Spec": "x".repeat(900)}).to_string();
        for dump in [structure, json] {
            let invalid = format!("Invalid value: {dump}: field is immutable");
            let (told, remedy) = told(
                422,
                &format!("Job.batch \"j\" is invalid: spec.template: {invalid}"),
                &[("FieldValueInvalid", "spec.template", &invalid)],
            );
            assert_eq!(told, "spec.template: field is immutable");
            assert!(remedy.is_some());
        }
        for prefix in [
            "failed to create typed patch object",
            "failed to create typed patch object (n/d; apps/v1, Kind=Deployment)",
        ] {
            let of = |words: &str| told(500, &format!("{prefix}: {words}"), &[]).0;
            assert_eq!(of(".datta: field not declared in schema"), "datta: there is no such field");
            for got in ["string", "*value.valueUnstructured", "&value.valueUnstructured{Value:2}"] {
                let words = of(&format!(".spec.replicas: expected numeric (int or float), got {got}"));
                assert!(
                    words.starts_with("spec.replicas: expected a number") && !words.contains("value."),
                    "{words}"
                );
            }
            assert_eq!(
                of(
                    r#".spec.ports: element 0: associative list with keys has an element that omits key field "protocol" (and doesn't have default value)"#
                ),
                "spec.ports[0]: `protocol` is missing, which this release of Kubernetes needs there"
            );
            assert_eq!(
                of(
                    "errors:\n  .a: field not declared in schema\n  .b[name=\"c: d\"].e: field not declared in schema"
                ),
                "a: there is no such field; b[name=\"c: d\"].e: there is no such field"
            );
        }
        let quantity = "unable to convert unstructured object to /v1, Kind=Pod: quantities must match the regular expression 'x'";
        for start in [
            "failed to convert new object to proper version",
            "failed to convert new object (/q; /v1, Kind=Pod) to proper version",
        ] {
            assert_eq!(
                told(500, &format!("{start}: {quantity}"), &[]).0,
                "quantities must match the regular expression 'x'"
            );
        }
    }

    #[test]
    fn values_are_told_where_they_are_short_and_pages_of_differences_never() {
        let field = |kind: &str, message: &str| told(422, "m", &[(kind, "spec.x", message)]).0;
        assert_eq!(
            field("FieldValueInvalid", "Invalid value: 99999: must be between 1 and 65535, inclusive"),
            "spec.x: 99999: must be between 1 and 65535, inclusive"
        );
        assert_eq!(
            field("FieldValueInvalid", "Invalid value: \"every: day\": expected 5 fields"),
            "spec.x: \"every: day\": expected 5 fields"
        );
        assert_eq!(
            field(
                "FieldValueInvalid",
                "Invalid value: map[string]string{\"a\":\"c\"}: `selector` does not match template `labels`"
            ),
            "spec.x: `selector` does not match template `labels`"
        );
        assert_eq!(field("FieldValueRequired", "Required value"), "spec.x: Required value");
        assert_eq!(
            field(
                "FieldValueNotSupported",
                "Unsupported value: \"Sometimes\": supported values: \"Always\", \"Never\""
            ),
            "spec.x: \"Sometimes\": supported values: \"Always\", \"Never\""
        );
        for page in [
            "\n  core.PodSpec{\n  \t... // 6 identical fields\n- \tNodeSelector: nil,\n  }\n",
            "\n@@ -138,7 +138,7 @@\n  \"DNSPolicy\": \"ClusterFirst\",\n-  \"x\": \"y\"\n",
        ] {
            let forbidden = format!(
                "Forbidden: pod updates may not change fields other than `a` or `b` (only additions){page}"
            );
            assert_eq!(
                field("FieldValueForbidden", &forbidden),
                "spec.x: pod updates may not change fields other than `a` or `b` (only additions)"
            );
        }
    }

    #[test]
    fn no_sentence_is_long_and_each_of_many_causes_is_counted() {
        let causes: Vec<_> = (0..20).map(|n| format!("spec.f{n}")).collect();
        let causes: Vec<_> =
            causes.iter().map(|f| ("FieldValueRequired", f.as_str(), "Required value: a thing")).collect();
        assert_eq!(
            told(422, "m", &causes).0,
            "spec.f0: a thing; spec.f1: a thing; spec.f2: a thing and 17 more"
        );
        let webhook = format!(
            "admission webhook \"w.example.com\" denied the request:\n{}",
            "no, not that. ".repeat(90)
        );
        let (cause, remedy) = told(403, &webhook, &[]);
        assert!(
            cause.starts_with("admission webhook \"w.example.com\" denied the request: no, not that"),
            "{cause}"
        );
        assert!(cause.chars().count() <= LONGEST + 1 && !cause.contains('\n'));
        assert!(remedy.is_some_and(|r| r.contains("allow it")));
        let dump = format!(
            "the thing core.PodSpec{{A:1, {}}} is wrong",
            "B:map[string]string{\"a\":\"b\"}, ".repeat(50)
        );
        assert_eq!(told(400, &dump, &[]).0, "the thing … is wrong");
        for (words, remedy) in [
            ("pods \"p\" is forbidden: exceeded quota: q, requested: pods=1", "quota"),
            ("namespaces \"n\" not found", "create namespace"),
            ("deployments.apps is forbidden: User \"u\" cannot list resource", "doctor"),
        ] {
            let code = if words.ends_with("found") { 404 } else { 403 };
            let (cause, told) = told(code, words, &[]);
            assert_eq!(cause, words);
            assert!(told.is_some_and(|told| told.contains(remedy)), "{told:?}");
        }
    }
}
