use serde_json::{Map, Value};

use super::{Manifest, PlanError};
use crate::expectation;

/// Reads what kubectl reads: YAML documents, JSON objects in a row, or both in turn; a `List` stands for its items, a
/// document without content for nothing.
///
/// # Errors
/// Every problem of the stream, each beginning with `place` and where in it.
pub fn parse_stream(place: &str, text: &str) -> Result<Vec<Manifest>, PlanError> {
    let mut found = Found { manifests: Vec::new(), problems: Vec::new() };
    match documents(text) {
        Ok(documents) => {
            for (index, document) in documents.into_iter().enumerate() {
                found.document(document, &format!("{place}: document {}", index + 1));
            }
        }
        Err(problems) => found.problems.extend(problems.into_iter().map(|p| format!("{place}: {p}"))),
    }
    if found.problems.is_empty() {
        Ok(found.manifests)
    } else {
        Err(PlanError::Manifests { problems: found.problems })
    }
}

fn documents(text: &str) -> Result<Vec<Value>, Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    if is_json(text)
        && let Ok(documents) = json(text)
    {
        return Ok(documents);
    }
    let error = match yaml(text) {
        Ok(documents) => return Ok(documents),
        Err(error) => error,
    };
    let parts = parts(text);
    if !parts.iter().any(|(_, part)| is_json(part)) {
        return Err(vec![expectation::yaml(&error)]);
    }
    // Objects in a row are no YAML: each part is what it begins as.
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for (line, part) in parts {
        let read = match is_json(part) {
            // `{a: b}` begins like JSON.
            true => json(part).or_else(|e| yaml(part).map_err(|_| expectation::json_from(&e, line))),
            false => yaml(part).map_err(|e| expectation::yaml_from(&e, line)),
        };
        match read {
            Ok(more) => documents.extend(more),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn json(text: &str) -> serde_json::Result<Vec<Value>> {
    serde_json::Deserializer::from_str(text).into_iter().collect()
}

fn yaml(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let options = serde_saphyr::options! { budget: None, legacy_octal_numbers: true, strict_booleans: false };
    serde_saphyr::from_multiple_with_options::<Value>(text, options)
}

/// The documents between lines that begin with `---`, with the number of lines before each.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut first, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        if line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        {
            parts.push((first, text.get(start..at).unwrap_or_default()));
            (start, first) = (end, number + 1);
            // `--- {…}`: the content begins behind the dashes.
            if !line.trim_start_matches('-').trim().is_empty() {
                (start, first) = (at + "---".len(), number);
            }
        }
        at = end;
    }
    parts.push((first, text.get(start..).unwrap_or_default()));
    parts
}

struct Found {
    manifests: Vec<Manifest>,
    problems: Vec<String>,
}

impl Found {
    fn document(&mut self, document: Value, at: &str) {
        match document {
            Value::Null => {}
            Value::Object(map) if is_list(&map) => self.list(map, at),
            Value::Object(map) => match Manifest::new(Value::Object(map)) {
                Ok(manifest) => self.manifests.push(manifest),
                Err(list) => self.problems.extend(list.into_iter().map(|p| format!("{at}: {p}"))),
            },
            _ => self.problems.push(format!("{at}: is no mapping")),
        }
    }

    fn list(&mut self, mut map: Map<String, Value>, at: &str) {
        let items = match map.shift_remove("items") {
            Some(Value::Array(items)) => items,
            Some(Value::Null) => return,
            _ => return self.problems.push(format!("{at}: is a List without a list of `items`")),
        };
        let of = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = of("kind").trim_end_matches("List");
        for (index, mut item) in items.into_iter().enumerate() {
            // An API's own lists say once what all of their items are.
            if let Some(item) = item.as_object_mut()
                && !kind.is_empty()
                && !item.contains_key("kind")
                && !item.contains_key("apiVersion")
            {
                item.insert("apiVersion".into(), of("apiVersion").into());
                item.insert("kind".into(), kind.into());
            }
            self.document(item, &format!("{at}: item {}", index + 1));
        }
    }
}

fn is_list(map: &Map<String, Value>) -> bool {
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    text("kind").ends_with("List") && map.contains_key("items")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_gives_objects_and_all_problems() {
        let good = parse_stream(
            "f.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: hello}}\n",
        )
        .unwrap();
        assert_eq!(good.len(), 2);
        assert_eq!(good[1].body()["data"]["k"], "aGVsbG8=");
        let bad = parse_stream(
            "f.yaml",
            "kind: ConfigMap\n---\n[1]\n---\n{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: 'not base64!'}}\n",
        );
        let PlanError::Manifests { mut problems } = bad.unwrap_err() else { panic!() };
        problems.sort();
        assert_eq!(
            problems,
            [
                "f.yaml: document 1: has no `apiVersion`",
                "f.yaml: document 1: has no `metadata.name`",
                "f.yaml: document 2: is no mapping",
                "f.yaml: document 3: has a `data.k` that is not base64 text",
            ]
        );
    }

    fn names(text: &str) -> Vec<String> {
        let manifests = parse_stream("f", text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        manifests.iter().map(|m| format!("{}/{}", m.object().gvk.kind, m.object().name)).collect()
    }

    #[test]
    fn objects_are_found_in_all_that_kubectl_reads() {
        let json = |name: &str| {
            format!(
                "{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"{name}\"}}}}"
            )
        };
        let (a, b) = (json("a"), json("b"));
        let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
        let pretty = a.replace(", ", ",\n  ");
        for (text, found) in [
            (format!("{a}\n{b}\n"), &["a", "b"][..]),
            (format!("{a}{b}"), &["a", "b"]),
            (format!("{pretty}\n{pretty}\r\n"), &["a", "a"]),
            (format!("\u{feff}{a}\n{b}"), &["a", "b"]),
            (format!("{a}\n---\n{b}\n---\n"), &["a", "b"]),
            (format!("{a}\n{b}\n---\n{yaml}"), &["a", "b", "c"]),
            (format!("{yaml}---\n{a}\n{b}\n"), &["c", "a", "b"]),
            (format!("---\n# comment\n---\n{yaml}---\n"), &["c"]),
            (format!("\u{feff}{}", yaml.replace('\n', "\r\n")), &["c"]),
            (format!("--- {a}\n--- {b}\n"), &["a", "b"]),
            ("{apiVersion: v1, kind: ConfigMap, metadata: {name: d}}\n".to_owned(), &["d"]),
            (
                format!(
                    "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{a}, {{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [{b}]}}]}}"
                ),
                &["a", "b"],
            ),
            ("apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: e}}]\n".to_owned(), &["e"]),
            ("apiVersion: v1\nkind: List\nitems: null\n".to_owned(), &[]),
            ("apiVersion: v1\nkind: List\nitems: []\n".to_owned(), &[]),
            (String::new(), &[]),
            ("# nothing\n---\n# here\n---\n".to_owned(), &[]),
            ("\u{feff}\n \n".to_owned(), &[]),
        ] {
            let expected: Vec<String> = found.iter().map(|name| format!("ConfigMap/{name}")).collect();
            assert_eq!(names(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_mistake_has_its_place_in_the_whole_file_and_no_word_of_it() {
        let good = "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}";
        for (text, line) in [
            (format!("{good}\n{good}\n{{\"kind\": hunter2}}\n"), 3),
            (format!("{good}\n{good}\n---\na: [hunter2\n"), 4),
            ("data:\n  password: hunter2: x\n".to_owned(), 2),
            ("kind: Secret\nstringData: {password: 'hunter2}\n".to_owned(), 2),
        ] {
            let error = parse_stream("f", &text).unwrap_err().to_string();
            assert!(error.starts_with("f: line "), "{text:?}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
            let told: usize = error[8..].split(',').next().unwrap().parse().unwrap();
            assert!(told >= line && told <= line + 2, "{text:?}: {error}");
        }
    }
}
