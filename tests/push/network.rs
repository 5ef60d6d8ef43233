use std::process::Stdio;
use std::time::Duration;

use super::{Project, at_registry, json};
use crate::registry::content;
use crate::support::registry::{Login, Registry};
use crate::support::{FaultyProxy, Instead, require};

#[tokio::test]
async fn a_push_gets_through_connections_that_are_all_cut_after_a_mebibyte() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::with(Login::Basic, false);
    let proxy = FaultyProxy::start(&registry.address);
    proxy.cut_after(1 << 20);
    let project = Project::new(&proxy.address, &registry.docker_config(&proxy.address));
    project.add_model("Solow");
    let id = project.build("examples_solow_tasks:v1", &content(5 << 20, 3));
    let output = project.csw(["models", "push", "-o", "json"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("sent by csw"), "{}", output.stderr);
    assert!(proxy.cuts() > 0);
    let view = json(&output.stdout);
    let digest = view["images"][0]["digest"].as_str().unwrap();
    let path = project.repository("examples_solow_tasks");
    assert_eq!(at_registry(&registry, &path, "v1").await.as_deref(), Some(digest));
    // What arrived is the image: the engine pulls it, checks all digests, and has the same id.
    let client =
        crate::registry::connect(&registry.address, &registry.docker_config(&registry.address)).await;
    let manifest = client.repository(&path).manifest("v1").await.unwrap().unwrap();
    assert_eq!(manifest.config().unwrap().digest, id);
    proxy.cut_after(u64::MAX);
    assert_eq!(project.pulled(&proxy.address, "examples_solow_tasks", digest), id);
}

#[tokio::test]
async fn nothing_is_tagged_by_a_push_that_is_killed_and_the_next_one_succeeds() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    let proxy = FaultyProxy::start(&registry.address);
    let project = Project::new(&proxy.address, &registry.docker_config(&proxy.address));
    project.add_model("Solow");
    project.build("examples_solow_tasks:v1", &content(8 << 20, 4));
    // Slow enough that the layer is under way for many seconds.
    proxy.delay(Duration::from_millis(50));
    let mut command = project.csw(["models", "push"]).into_command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let path = project.repository("examples_solow_tasks");
    while registry.uploads(&path).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "the push has ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(at_registry(&registry, &path, "v1").await, None);
    proxy.delay(Duration::ZERO);
    project.csw(["models", "push"]).ok();
    assert!(at_registry(&registry, &path, "v1").await.is_some());
}

#[test]
fn a_registry_in_trouble_is_waited_for() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    for (request, status, headers) in [
        ("GET /v2/", "503 Service Unavailable", ""),
        ("HEAD /v2/", "500 Internal Server Error", ""),
        ("GET /v2/", "429 Too Many Requests", "Retry-After: 1\r\n"),
        ("PUT /v2/", "502 Bad Gateway", ""),
        ("POST /v2/", "429 Too Many Requests", "Retry-After: 1\r\n"),
    ] {
        let proxy = FaultyProxy::start(&registry.address);
        proxy.answer(Instead { request, times: 2, status, headers });
        let project = Project::new(&proxy.address, &registry.docker_config(&proxy.address));
        project.add_model("Solow");
        project.build("examples_solow_tasks:v1", &content(3000, 5));
        let output = project.csw(["models", "push"]).output();
        assert_eq!(output.code, 0, "{request} {status}: {}", output.stderr);
        assert_eq!(proxy.answered(), 2, "{request} {status}");
    }
}

#[test]
fn a_registry_that_is_down_is_named_within_seconds() {
    if !require("docker") || !require("registry") {
        return;
    }
    let mut registry = Registry::start();
    let project = Project::at(&registry);
    project.build_services(1000);
    registry.kill();
    let output = project.csw(["svc", "push"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    let expected = format!("the registry {} can't be reached", registry.address);
    assert!(output.stderr.contains(&expected), "{}", output.stderr);
}

#[tokio::test]
async fn a_registry_with_a_certificate_of_its_own_takes_images() {
    if !require("docker") || !require("registry") || !require("openssl") {
        return;
    }
    let registry = Registry::with(Login::Basic, true);
    let project = Project::at(&registry);
    project.build_services(2000);
    project.csw(["svc", "push"]).ok();
    assert!(at_registry(&registry, &project.repository("redis"), "v1").await.is_some());
}

#[test]
fn layers_that_find_no_place_are_told_of_with_the_folder() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    let proxy = FaultyProxy::start(&registry.address);
    proxy.cut_after(1 << 20);
    let project = Project::new(&proxy.address, &registry.docker_config(&proxy.address));
    project.add_model("Solow");
    project.build("examples_solow_tasks:v1", &content(2 << 20, 6));
    let output = project.csw(["models", "push"]).env("TMPDIR", "/nonexistent").output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("its layers are written to /nonexistent"), "{}", output.stderr);
    assert!(output.stderr.contains("TMPDIR"), "{}", output.stderr);
}
