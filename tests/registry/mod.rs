//! The registry client against a real registry, and against networks at their worst.

mod content;
mod login;
mod network;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use csw::image::credentials::CredentialStore;
use csw::image::registry::{Blob, BlobSource, Manifest, Registry, Repository, Sent, sha256};

/// The registry at `host` with these credentials.
pub(super) async fn connect(host: &str, config: &Path) -> Registry {
    Registry::connect(host, &CredentialStore::at(config)).await.unwrap()
}

/// `size` bytes that don't compress and differ by `seed`.
pub(super) fn content(size: usize, seed: u32) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

fn blob(bytes: &Bytes) -> Blob {
    Blob { digest: sha256(bytes), size: bytes.len() as u64, source: BlobSource::Bytes(bytes.clone()) }
}

fn in_file(bytes: &Bytes) -> Blob {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Blob { source: BlobSource::File(Arc::new(file)), ..blob(bytes) }
}

/// A manifest of one layer, with all that it names at the repository.
async fn push(repository: &Repository, layer: &Bytes, tag: &str) -> Manifest {
    let config = Bytes::from_static(b"{}");
    for bytes in [&config, layer] {
        repository.upload(&blob(bytes), None, &()).await.unwrap();
    }
    let manifest = manifest(&config, layer);
    repository.put_manifest(tag, &manifest).await.unwrap();
    manifest
}

fn manifest(config: &Bytes, layer: &Bytes) -> Manifest {
    let descriptor = |media_type: &str, bytes: &Bytes| serde_json::json!({"mediaType": media_type, "size": bytes.len(), "digest": sha256(bytes)});
    let text = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": descriptor("application/vnd.docker.container.image.v1+json", config),
        "layers": [descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
    });
    Manifest::read(None, text.to_string().into()).unwrap()
}

async fn uploaded(repository: &Repository, bytes: &Bytes) {
    assert_eq!(repository.upload(&blob(bytes), None, &()).await.unwrap(), Sent::Uploaded);
}
