use std::fs;

use csw::error::{Diagnose as _, Exit};
use csw::image::registry::{Blob, RegistryError, Sent, sha256};

use super::{blob, connect, content, in_file, manifest, push, uploaded};
use crate::support::registry::{Login, Registry};
use crate::support::require;

#[tokio::test]
async fn what_is_pushed_is_found_by_tag_and_digest_until_it_is_deleted() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let registry = connect(&server.address, &server.anonymous_config(&server.address)).await;
    let repository = registry.repository("a/b");
    assert_eq!(repository.digest("v1").await.unwrap(), None);
    assert!(repository.tags().await.unwrap().is_empty());
    let pushed = push(&repository, &content(100_000, 1), "v1").await;
    assert_eq!(repository.digest("v1").await.unwrap().unwrap(), pushed.digest());
    let found = repository.manifest("v1").await.unwrap().unwrap();
    assert_eq!(found.bytes, pushed.bytes);
    assert_eq!(found.media_type, "application/vnd.docker.distribution.manifest.v2+json");
    repository.put_manifest("v2", &found).await.unwrap();
    let mut tags = repository.tags().await.unwrap();
    tags.sort();
    assert_eq!(tags, ["v1", "v2"]);
    assert_eq!(repository.blob(&sha256(b"{}")).await.unwrap(), "{}");
    assert!(repository.delete_manifest(&pushed.digest()).await.unwrap());
    assert!(!repository.delete_manifest(&pushed.digest()).await.unwrap());
    assert_eq!(repository.digest("v2").await.unwrap(), None);
}

#[tokio::test]
async fn tags_come_in_pages() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let registry = connect(&server.address, &server.anonymous_config(&server.address)).await;
    let repository = registry.repository("many");
    let manifest = push(&repository, &content(10, 2), "t000").await;
    for n in 1..120 {
        repository.put_manifest(&format!("t{n:03}"), &manifest).await.unwrap();
    }
    let tags = repository.tags().await.unwrap();
    assert_eq!(tags.len(), 120);
}

#[tokio::test]
async fn a_layer_is_sent_once_and_mounted_elsewhere() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let registry = connect(&server.address, &server.anonymous_config(&server.address)).await;
    let bytes = content(300_000, 3);
    let layer = in_file(&bytes);
    let (first, second) = (registry.repository("first"), registry.repository("second"));
    assert_eq!(first.upload(&layer, None, &()).await.unwrap(), Sent::Uploaded);
    assert_eq!(first.upload(&layer, None, &()).await.unwrap(), Sent::Existing);
    assert_eq!(second.upload(&layer, Some("first"), &()).await.unwrap(), Sent::Mounted);
    assert_eq!(second.blob(&layer.digest).await.unwrap(), bytes);
    assert_eq!(second.upload(&blob(&content(9, 4)), Some("first"), &()).await.unwrap(), Sent::Uploaded);
    let uploads = [server.uploads("first"), server.uploads("second")].concat();
    assert!(uploads.is_empty(), "{uploads:?}");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_not_taken() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let registry = connect(&server.address, &server.anonymous_config(&server.address)).await;
    let repository = registry.repository("a");
    let bytes = content(1000, 5);
    let wrong = Blob { digest: sha256(b"something else"), ..blob(&bytes) };
    // The registry is asked again for as long as it may be the network's fault, so not by `upload`.
    let manifest = manifest(&bytes, &bytes);
    let error = repository.put_manifest("v1", &manifest).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { status: 404 | 400, .. }), "{error}");
    assert_eq!(error.exit(), Exit::Remote);
    assert_eq!(repository.digest("v1").await.unwrap(), None);
    assert!(!repository.has_blob(&wrong.digest).await.unwrap());
}

#[tokio::test]
async fn tls_on_loopback_is_found_out_and_its_certificate_wanted() {
    if !require("registry") || !require("openssl") {
        return;
    }
    let server = Registry::with(Login::Basic, true);
    let trusting = server.docker_config(&server.address);
    let repository = connect(&server.address, &trusting).await.repository("a/b");
    uploaded(&repository, &content(50_000, 6)).await;
    let folder = tempfile::tempdir().unwrap();
    fs::copy(trusting.join("config.json"), folder.path().join("config.json")).unwrap();
    let repository = connect(&server.address, folder.path()).await.repository("a/b");
    let error = repository.check_push().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(error.hints()[0].contains("/etc/docker/certs.d/"), "{:?}", error.hints());
}
