use std::fmt::Write as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The kinds of manifest that csw understands; those of Docker and OCI differ in name alone.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// `sha256:` and 64 hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A finished SHA-256 as a digest's text.
pub(in crate::image) fn hex(hash: &[u8]) -> String {
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A pointer to content, as manifests hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest, `sha256:…`.
    pub digest: String,
}

/// A manifest as it lies in the registry: the bytes are what counts, for the digest is theirs.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What the registry says it is.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    parts: Parts,
}

#[derive(Debug, Clone, Deserialize)]
struct Parts {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

impl Manifest {
    /// Reads a manifest; `media_type` is what HTTP says of it, for old manifests don't.
    ///
    /// # Errors
    /// With serde's words when it is none.
    pub fn read(media_type: Option<&str>, bytes: Bytes) -> Result<Self, serde_json::Error> {
        let parts: Parts = serde_json::from_slice(&bytes)?;
        let media_type = parts.media_type.as_deref().or(media_type).unwrap_or_default().to_owned();
        Ok(Self { media_type, bytes, parts })
    }

    /// Its digest, which is the image's.
    pub fn digest(&self) -> String {
        sha256(&self.bytes)
    }

    /// The image's configuration, of which the digest is the image id; an index has none.
    pub fn config(&self) -> Option<&Descriptor> {
        self.parts.config.as_ref()
    }

    /// The layers, lowest first; an index has none.
    pub fn layers(&self) -> &[Descriptor] {
        &self.parts.layers
    }

    /// The manifests of an index, one a platform.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.parts.manifests
    }

    /// All blobs that it needs in its repository.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.parts.config.iter().chain(&self.parts.layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_registries_do() {
        assert_eq!(sha256(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_manifest_knows_its_blobs_whatever_else_it_holds() {
        let text = r#"{"schemaVersion": 2, "config": {"mediaType": "c", "size": 3, "digest": "sha256:aa", "urls": []},
            "layers": [{"mediaType": "l", "size": 5, "digest": "sha256:bb"}], "annotations": {"a": "b"}}"#;
        let manifest = Manifest::read(Some("application/x"), Bytes::from_static(text.as_bytes())).unwrap();
        assert_eq!(manifest.media_type, "application/x");
        assert_eq!(
            manifest.blobs().map(|b| b.digest.as_str()).collect::<Vec<_>>(),
            ["sha256:aa", "sha256:bb"]
        );
        assert!(Manifest::read(None, Bytes::from_static(b"<html>")).is_err());
    }
}
