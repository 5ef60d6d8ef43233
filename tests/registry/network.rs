use std::time::{Duration, Instant};

use csw::image::registry::{RegistryError, Sent};

use super::{blob, connect, content, in_file, push, uploaded};
use crate::support::registry::Registry;
use crate::support::{FaultyProxy, Instead, require};

#[tokio::test]
async fn a_layer_gets_through_connections_that_are_cut_after_a_mebibyte() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let proxy = FaultyProxy::start(&server.address);
    proxy.cut_after(1 << 20);
    let registry = connect(&proxy.address, &server.anonymous_config(&proxy.address)).await;
    let repository = registry.repository("a/b");
    let bytes = content(5 << 20, 1);
    let layer = in_file(&bytes);
    assert_eq!(repository.upload(&layer, None, &()).await.unwrap(), Sent::Uploaded);
    assert!(proxy.cuts() >= 1);
    assert_eq!(repository.blob(&layer.digest).await.unwrap(), bytes);
    // The next one profits from what was learned.
    let cuts = proxy.cuts();
    push(&repository, &content(3 << 20, 2), "v1").await;
    assert_eq!(proxy.cuts(), cuts);
}

#[tokio::test]
async fn passing_troubles_of_the_server_are_waited_out() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    for (request, status) in [
        ("POST /v2/a/b/blobs/uploads/", "500 Internal Server Error"),
        ("PATCH /v2/a/b/blobs/uploads/", "502 Bad Gateway"),
        ("PUT /v2/a/b/blobs/uploads/", "503 Service Unavailable"),
        ("PUT /v2/a/b/manifests/v1", "504 Gateway Timeout"),
        ("HEAD /v2/a/b/blobs/", "500 Internal Server Error"),
        ("HEAD /v2/a/b/manifests/v1", "502 Bad Gateway"),
    ] {
        let proxy = FaultyProxy::start(&server.address);
        proxy.answer(Instead { request, times: 2, status, headers: "" });
        let registry = connect(&proxy.address, &server.anonymous_config(&proxy.address)).await;
        let repository = registry.repository("a/b");
        let bytes = content(1000, u32::from(proxy.address.len() as u8) + status.len() as u32 * 7);
        let manifest = push(&repository, &bytes, "v1").await;
        assert_eq!(repository.digest("v1").await.unwrap().unwrap(), manifest.digest(), "{request}");
        assert_eq!(proxy.answered(), 2, "{request}");
    }
}

#[tokio::test]
async fn a_registry_that_wants_to_be_left_alone_is() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let proxy = FaultyProxy::start(&server.address);
    let registry = connect(&proxy.address, &server.anonymous_config(&proxy.address)).await;
    let repository = registry.repository("a/b");
    let request = "HEAD /v2/a/b/manifests/v1";
    let status = "429 Too Many Requests";
    proxy.answer(Instead { request, times: 1, status, headers: "Retry-After: 2\r\n" });
    let before = Instant::now();
    assert_eq!(repository.digest("v1").await.unwrap(), None);
    assert!(before.elapsed() >= Duration::from_secs(2));
    proxy.answer(Instead { request, times: 1, status, headers: "Retry-After: 3600\r\n" });
    let error = repository.digest("v1").await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::TooManyRequests { wait, .. } if wait.as_secs() == 3600),
        "{error}"
    );
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_given_up_soon_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let repository = connect("127.0.0.1:1", folder.path()).await.repository("a/b");
    let error = repository.check_push().await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot push to 127.0.0.1:1/a/b: the registry 127.0.0.1:1 can't be reached"),
        "{error}"
    );
}

#[tokio::test]
async fn slow_networks_are_no_errors() {
    if !require("registry") {
        return;
    }
    let server = Registry::start();
    let proxy = FaultyProxy::start(&server.address);
    proxy.delay(Duration::from_millis(20));
    let registry = connect(&proxy.address, &server.anonymous_config(&proxy.address)).await;
    let repository = registry.repository("a/b");
    uploaded(&repository, &content(500_000, 7)).await;
    assert_eq!(proxy.cuts(), 0);
    assert!(repository.has_blob(&blob(&content(500_000, 7)).digest).await.unwrap());
}
