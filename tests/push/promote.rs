use super::{Project, at_registry, digests, json};
use crate::registry::content;
use crate::support::registry::{Login, Registry};
use crate::support::require;

#[tokio::test]
async fn images_get_more_tags_by_digest_without_being_sent() {
    if !require("docker") || !require("registry") || !require("openssl") {
        return;
    }
    let registry = Registry::with(Login::Token, false);
    let project = Project::at(&registry);
    project.build_services(4000);
    let view = json(&project.csw(["svc", "push", "-o", "json"]).ok());
    let name = format!("{}@{}", project.image("scheduler:v1"), digests(&view)[0]);
    let before = registry.requests().len();
    let promote = ["images", "promote", &name, "--to", "stable", "--to", "latest", "-o", "json"];
    let promoted = json(&project.csw(promote).ok());
    assert_eq!(promoted["images"].as_array().unwrap().len(), 2);
    let path = project.repository("scheduler");
    for tag in ["stable", "latest"] {
        assert_eq!(at_registry(&registry, &path, tag).await.unwrap(), digests(&view)[0]);
    }
    assert!(registry.requests()[before..].iter().all(|request| !request.contains("/blobs/")));
    let again = project.csw(["images", "promote", &name, "--to", "stable"]).ok();
    assert!(again.contains("already there"), "{again}");
    // Somebody pushes another image to the tag: what was meant is not what is there.
    project.build("scheduler:v1", &content(4000, 77));
    let moved = json(&project.csw(["svc", "push", "-o", "json"]).ok());
    let output = project.csw(["images", "promote", &name, "--to", "stable"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains(&digests(&moved)[0]), "{}", output.stderr);
    assert_eq!(at_registry(&registry, &path, "stable").await.unwrap(), digests(&view)[0]);
}

#[tokio::test]
async fn an_image_goes_to_another_project_of_its_registry_by_mounting() {
    if !require("docker") || !require("registry") || !require("openssl") {
        return;
    }
    let registry = Registry::with(Login::Token, false);
    let project = Project::at(&registry);
    project.build_services(4000);
    let view = json(&project.csw(["svc", "push", "-o", "json"]).ok());
    let production = format!("{}/production/scheduler:v1", registry.address);
    project.csw(["images", "promote", &project.image("scheduler:v1"), "--to-image", &production]).ok();
    assert_eq!(at_registry(&registry, "production/scheduler", "v1").await.unwrap(), digests(&view)[0]);
    let missing = project.image("scheduler:v0");
    let output = project.csw(["images", "promote", &missing, "--to", "v3"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains(&format!("there is no image {missing} at")), "{}", output.stderr);
    let elsewhere = "localhost:1/production/scheduler:v1";
    let output =
        project.csw(["images", "promote", &project.image("scheduler:v1"), "--to-image", elsewhere]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("docker pull"), "{}", output.stderr);
}
