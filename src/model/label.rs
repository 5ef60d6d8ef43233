use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// A DNS-1123 label: lower-case letters, digits and `-`, at most 63 characters. What Kubernetes asks of the names of
/// namespaces, and what is always enough for other names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsLabel(String);

impl DnsLabel {
    /// `csw`, where everything lives unless somebody says otherwise.
    pub fn csw() -> Self {
        Self("csw".to_owned())
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DnsLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether it is a DNS-1123 label.
pub(super) fn is_dns_label(s: &str) -> bool {
    let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    s.len() <= 63 && s.starts_with(end) && s.ends_with(end) && s.chars().all(|c| end(c) || c == '-')
}

impl FromStr for DnsLabel {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if is_dns_label(s) {
            Ok(Self(s.to_owned()))
        } else {
            Err(ModelError {
                what: "name",
                value: s.to_owned(),
                expected: "at most 63 lower-case letters, digits and `-`, as in csw-production",
            })
        }
    }
}

impl TryFrom<String> for DnsLabel {
    type Error = ModelError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<DnsLabel> for String {
    fn from(label: DnsLabel) -> Self {
        label.0
    }
}

/// Labels that Kubernetes takes, such as a node selector: keys `[prefix/]name`, values of at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// One label.
    ///
    /// # Errors
    /// When key or value is not what Kubernetes takes.
    pub fn one(key: &str, value: &str) -> Result<Self, ModelError> {
        Self::try_from(BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }

    /// The labels, by key.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// These labels and `other`'s, which win.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = ModelError;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        for (key, value) in &map {
            if !is_label_key(key) {
                return Err(ModelError { what: "label key", value: key.clone(), expected: LABEL_KEY });
            }
            if !is_label_value(value) {
                return Err(ModelError { what: "label value", value: value.clone(), expected: LABEL_VALUE });
            }
        }
        Ok(Self(map))
    }
}

impl From<Labels> for BTreeMap<String, String> {
    fn from(labels: Labels) -> Self {
        labels.0
    }
}

const LABEL_KEY: &str = "at most 63 letters, digits, `-`, `_` and `.`, after an optional DNS name and `/`, as in \
                         cloud.google.com/gke-nodepool";
const LABEL_VALUE: &str =
    "at most 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit";

/// Whether Kubernetes takes `key` as a label's key.
pub fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    !name.is_empty()
        && is_label_value(name)
        && prefix.is_none_or(|p| p.len() <= 253 && p.split('.').all(is_dns_label))
}

/// Whether Kubernetes takes `value` as a label's value; an empty one is fine.
pub fn is_label_value(value: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    value.is_empty()
        || (value.len() <= 63
            && value.starts_with(end)
            && value.ends_with(end)
            && value.chars().all(|c| end(c) || matches!(c, '-' | '_' | '.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_kubernetes_takes() {
        for (key, value) in [("component", "model"), ("cloud.google.com/gke-nodepool", "a_B.c-1"), ("a", "")]
        {
            assert!(Labels::one(key, value).is_ok(), "{key}={value}");
        }
        for (key, value) in [
            ("", "x"),
            ("a/", "x"),
            ("/a", "x"),
            ("a/b/c", "x"),
            ("A.b/c", "x"),
            ("a", "-x"),
            ("a", "x y"),
            ("a", &"x".repeat(64)),
        ] {
            assert!(Labels::one(key, value).is_err(), "{key}={value}");
        }
        assert!("csw-1".parse::<DnsLabel>().is_ok());
        for text in ["", "Csw", "-a", "a-", "a.b", &"a".repeat(64)] {
            assert!(text.parse::<DnsLabel>().is_err(), "{text}");
        }
    }
}
