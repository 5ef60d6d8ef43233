use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use csw::error::{Diagnose as _, Exit};
use csw::image::registry::RegistryError;

use super::{connect, content, push, uploaded};
use crate::support::registry::{Login, PASSWORD, Registry, USER};
use crate::support::require;
use crate::support::token_server::IDENTITY_TOKEN;

fn config(folder: &Path, host: &str, entry: &str) {
    fs::write(folder.join("config.json"), format!(r#"{{"auths": {{"{host}": {entry}}}}}"#)).unwrap();
}

#[tokio::test]
async fn a_password_is_shown_once_it_is_asked_for() {
    if !require("registry") {
        return;
    }
    let server = Registry::with(Login::Basic, false);
    let repository = connect(&server.address, &server.docker_config(&server.address)).await.repository("a/b");
    repository.check_push().await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0], "POST /v2/a/b/blobs/uploads/ 401");
    assert_eq!(requests[1], "POST /v2/a/b/blobs/uploads/ 202");
    assert!(requests[2].starts_with("DELETE /v2/a/b/blobs/uploads/") && requests[2].ends_with(" 204"));
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(server.uploads("a/b").is_empty(), "{:?}", server.uploads("a/b"));
}

#[tokio::test]
async fn no_password_and_a_wrong_one_are_told_apart() {
    if !require("registry") {
        return;
    }
    let server = Registry::with(Login::Basic, false);
    let anonymous = connect(&server.address, &server.anonymous_config(&server.address)).await;
    let error = anonymous.repository("a/b").check_push().await.unwrap_err();
    assert!(error.to_string().contains("wants credentials and there are none"), "{error}");
    assert_eq!(error.exit(), Exit::Remote);
    assert_eq!(error.hints(), [format!("Log in with `docker login {}`", server.address)]);
    let folder = tempfile::tempdir().unwrap();
    let auth = STANDARD.encode(format!("{USER}:wr0ng"));
    config(folder.path(), &server.address, &format!(r#"{{"auth": "{auth}"}}"#));
    let error =
        connect(&server.address, folder.path()).await.repository("a/b").check_push().await.unwrap_err();
    assert!(error.to_string().contains("does not take the credentials"), "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"));
}

#[tokio::test]
async fn tokens_are_fetched_for_what_is_done_and_used_again() {
    if !require("registry") || !require("openssl") {
        return;
    }
    let server = Registry::with(Login::Token, false);
    let registry = connect(&server.address, &server.docker_config(&server.address)).await;
    let repository = registry.repository("a/b");
    repository.check_push().await.unwrap();
    push(&repository, &content(1000, 1), "v1").await;
    let tokens = server.tokens.as_ref().unwrap();
    assert_eq!(tokens.given(), ["repository:a/b:pull,push", "repository:a/b:pull,push,delete"]);
    let error = registry.repository("locked/b").check_push().await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
    assert!(error.hints()[0].contains("--project"));
    // Without a login reading goes, and writing doesn't.
    let anonymous = connect(&server.address, &server.anonymous_config(&server.address)).await;
    assert!(anonymous.repository("a/b").digest("v1").await.unwrap().is_some());
    let error = anonymous.repository("a/b").check_push().await.unwrap_err();
    assert!(matches!(error, RegistryError::Login { anonymous: true, .. }), "{error}");
}

#[tokio::test]
async fn a_token_that_has_expired_is_fetched_anew() {
    if !require("registry") || !require("openssl") {
        return;
    }
    let server = Registry::with(Login::Token, false);
    let repository = connect(&server.address, &server.docker_config(&server.address)).await.repository("a/b");
    let tokens = server.tokens.as_ref().unwrap();
    // Long over: registries allow clocks to differ by a minute.
    tokens.lifetime(0);
    tokens.age(3600);
    let error = repository.check_push().await.unwrap_err();
    assert!(matches!(error, RegistryError::Login { .. } | RegistryError::Denied { .. }), "{error}");
    assert_eq!(tokens.given().len(), 1);
    tokens.age(0);
    tokens.lifetime(300);
    uploaded(&repository, &content(1000, 2)).await;
    assert_eq!(tokens.given().len(), 2);
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    if !require("registry") || !require("openssl") {
        return;
    }
    let server = Registry::with(Login::Token, false);
    let folder = tempfile::tempdir().unwrap();
    let entry = |token: &str| format!(r#"{{"auth": "MDA6", "identitytoken": "{token}"}}"#);
    config(folder.path(), &server.address, &entry(IDENTITY_TOKEN));
    connect(&server.address, folder.path()).await.repository("a/b").check_push().await.unwrap();
    config(folder.path(), &server.address, &entry("sp0iled"));
    let error =
        connect(&server.address, folder.path()).await.repository("a/b").check_push().await.unwrap_err();
    assert!(error.to_string().contains("incorrect username or password"), "{error}");
    assert!(!format!("{error:?}").contains("sp0iled") && !format!("{error:?}").contains(PASSWORD));
}
