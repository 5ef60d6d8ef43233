use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// Where a container image is: `registry/path[:tag][@sha256:…]`, as Docker's reference grammar has it. The registry
/// is always written; what was read is what is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

const REFERENCE: &str = "an image reference with its registry, as in gcr.io/my-project/scheduler:2026-01-31 or …@sha256:<64 hex digits>";
const TAG: &str = "an image tag: at most 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`, as in 2026-01-31";
const DIGEST: &str = "an image digest: sha256: and 64 hex digits in lower case";

impl ImageReference {
    /// `<registry>/<project>/<name>:<tag>`.
    ///
    /// # Errors
    /// When the parts don't make a valid reference.
    pub fn new(registry: &str, project: &str, name: &str, tag: &str) -> Result<Self, ModelError> {
        check_tag(tag)?;
        format!("{registry}/{project}/{name}:{tag}").parse()
    }

    /// The image of a container, as kubelets and container runtimes read it: one without a registry is Docker Hub's.
    ///
    /// # Errors
    /// When it is no reference.
    pub fn of_container(text: &str) -> Result<Self, ModelError> {
        let hub = text.strip_prefix("docker.io/").or_else(|| text.strip_prefix("index.docker.io/"));
        let path = hub.unwrap_or(text);
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        match path.split_once('/') {
            Some((first, _)) if hub.is_none() && is_host(first) => path.parse(),
            Some(_) => format!("docker.io/{path}").parse(),
            None => format!("docker.io/library/{path}").parse(),
        }
    }

    /// Registry and path, without tag and digest.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The same repository at another tag, and at no digest: a digest belongs to one tag.
    ///
    /// # Errors
    /// When `tag` is no valid tag.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ModelError> {
        check_tag(tag)?;
        Ok(Self { repository: self.repository.clone(), tag: Some(tag.to_owned()), digest: None })
    }

    /// The same reference pinned to `digest`; the tag stays for people to read.
    ///
    /// # Errors
    /// When `digest` is no valid digest.
    pub fn with_digest(&self, digest: &str) -> Result<Self, ModelError> {
        check_digest(digest)?;
        Ok(Self { digest: Some(digest.to_owned()), ..self.clone() })
    }
}

fn check_tag(tag: &str) -> Result<(), ModelError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-') {
        Ok(())
    } else {
        Err(ModelError { what: "image tag", value: tag.to_owned(), expected: TAG })
    }
}

fn check_digest(digest: &str) -> Result<(), ModelError> {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let valid = digest.strip_prefix("sha256:").is_some_and(|h| h.len() == 64 && h.chars().all(hex));
    if valid {
        Ok(())
    } else {
        Err(ModelError { what: "image digest", value: digest.to_owned(), expected: DIGEST })
    }
}

/// `host[:port]`: letters, digits, `-` and `.`; an IPv6 address in brackets.
fn is_registry(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let bracketed = name
        .strip_prefix('[')
        .and_then(|n| n.strip_suffix(']'))
        .is_some_and(|n| n.parse::<std::net::Ipv6Addr>().is_ok());
    port.is_none_or(|p| p.parse::<u16>().is_ok()) && (bracketed || name.split('.').all(label))
}

/// One part of a repository's path: lower-case words between single `.`, `_`, `__` or any number of `-`.
fn is_path_part(part: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = part.split(word).filter(|s| !s.is_empty());
    part.starts_with(word)
        && part.ends_with(word)
        && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.chars().all(|c| c == '-'))
}

impl FromStr for ImageReference {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || ModelError { what: "image reference", value: s.to_owned(), expected: REFERENCE };
        let (rest, digest) = match s.split_once('@') {
            Some((rest, digest)) => {
                check_digest(digest).map_err(|_| error())?;
                (rest, Some(digest.to_owned()))
            }
            None => (s, None),
        };
        let slash = rest.rfind('/').ok_or_else(error)?;
        let colon = rest.rfind(':').filter(|c| *c > slash);
        let (repository, tag) = match colon.and_then(|c| rest.split_at_checked(c)) {
            Some((repository, tag)) => (repository, tag.strip_prefix(':').map(str::to_owned)),
            None => (rest, None),
        };
        tag.as_deref().map_or(Ok(()), check_tag).map_err(|_| error())?;
        let (host, path) = repository.split_once('/').ok_or_else(error)?;
        if repository.len() <= 255 && is_registry(host) && path.split('/').all(is_path_part) {
            Ok(Self { repository: repository.to_owned(), tag, digest })
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ModelError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> Self {
        image.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_of_a_container_is_docker_hubs_where_it_names_no_registry() {
        for (text, expected) in [
            ("redis", "docker.io/library/redis"),
            ("redis:7", "docker.io/library/redis:7"),
            ("docker.io/redis:7", "docker.io/library/redis:7"),
            ("index.docker.io/library/redis:7", "docker.io/library/redis:7"),
            ("grafana/grafana:10", "docker.io/grafana/grafana:10"),
            ("localhost/a:1", "localhost/a:1"),
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1"),
            ("gcr.io/p/a", "gcr.io/p/a"),
        ] {
            assert_eq!(ImageReference::of_container(text).unwrap().to_string(), expected);
        }
        assert!(ImageReference::of_container("Not An Image").is_err());
    }

    #[test]
    fn references_are_taken_apart_and_put_together() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, repository, tag) in [
            ("gcr.io/p/scheduler:2026-01-31".to_owned(), "gcr.io/p/scheduler", Some("2026-01-31")),
            ("localhost:5000/p/psl_x_tasks".to_owned(), "localhost:5000/p/psl_x_tasks", None),
            (format!("[::1]:5000/a/b--c:v1@{digest}"), "[::1]:5000/a/b--c", Some("v1")),
        ] {
            let image: ImageReference = text.parse().unwrap();
            assert_eq!((image.repository(), image.tag()), (repository, tag));
            assert_eq!(image.to_string(), text);
        }
        let image = ImageReference::new("gcr.io", "p", "redis", "v1").unwrap();
        assert_eq!(image.with_digest(&digest).unwrap().to_string(), format!("gcr.io/p/redis:v1@{digest}"));
        assert_eq!(
            image.with_digest(&digest).unwrap().with_tag("v2").unwrap().to_string(),
            "gcr.io/p/redis:v2"
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "redis",
            "gcr.io/",
            "gcr.io/P/x",
            "gcr.io/p/x:",
            "gcr.io/p/x:.a",
            "gcr.io/p/x@sha256:12",
            "gcr.io/p//x",
            "gcr.io/p/x y",
            "gcr.io/p/x_-y",
            "-a.io/p/x",
            "gcr.io:port/p/x",
            "gcr.io/p/x:a\nb",
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
        assert!(ImageReference::new("gcr.io", "p", "x", "a/b:c").is_err());
        assert!(ImageReference::new("gcr.io", "p", "x", "").is_err());
    }
}
