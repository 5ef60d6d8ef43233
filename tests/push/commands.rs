use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Project, at_registry, digests, json};
use crate::registry::content;
use crate::support::registry::{Login, PASSWORD, Registry, USER};
use crate::support::{docker_says, on_path, require};

/// Requests so far, those for tokens too.
fn count(registry: &Registry) -> usize {
    registry.requests().len() + registry.tokens.as_ref().map_or(0, |tokens| tokens.given().len())
}

#[tokio::test]
async fn services_are_pushed_once_and_the_second_time_costs_nothing() {
    if !require("docker") || !require("registry") || !require("openssl") {
        return;
    }
    for login in [Login::None, Login::Basic, Login::Token] {
        let registry = Registry::with(login, false);
        let project = Project::at(&registry);
        project.build_services(20_000);
        let first = project.csw(["svc", "push", "-o", "json"]).output();
        assert_eq!(first.code, 0, "{login:?}: {}", first.stderr);
        assert!(!first.stderr.contains("sent by csw"), "{login:?}: {}", first.stderr);
        let view = json(&first.stdout);
        for image in view["images"].as_array().unwrap() {
            let name = image["target"].as_str().unwrap();
            let digest = at_registry(&registry, &project.repository(name), "v1").await;
            assert_eq!(digest.as_deref(), image["digest"].as_str());
            assert_eq!(image["existing"], false);
        }
        let id = docker_says(["image", "inspect", "--format", "{{.Id}}", &project.image("scheduler:v1")]);
        assert_eq!(project.pulled(&registry.address, "scheduler", &digests(&view)[0]), id);
        let before = count(&registry);
        let second = project.csw(["svc", "push", "-o", "json"]).output();
        assert_eq!(second.code, 0, "{}", second.stderr);
        let again = json(&second.stdout);
        assert_eq!(digests(&again), digests(&view));
        assert!(again["images"].as_array().unwrap().iter().all(|image| image["existing"] == true));
        // Three images, three requests each: as anybody, for a token, and with it.
        let most = if login == Login::None { 3 } else { 9 };
        assert!(count(&registry) - before <= most, "{login:?}: {:#?}", registry.requests());
    }
}

#[test]
fn models_are_pushed_under_more_tags_and_their_digests_kept() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    let project = Project::at(&registry);
    project.add_model("Solow");
    let id = project.build("examples_solow_tasks:v1", &content(5000, 1));
    let image = project.image("examples_solow_tasks:v1");
    let record = serde_json::json!({"images": [{
        "target": "Examples/Solow", "image": image, "id": id, "digest": null, "commit": null,
        "content_key": "k", "duration_seconds": 0.5, "skipped": false,
    }]});
    project.sandbox.write("build.json", record.to_string());
    let push = ["models", "-n", "Examples/Solow", "push", "--also-tag", "latest", "--images", "build.json"];
    let said = project.csw(push).ok();
    let digest =
        json(&project.sandbox.read("build.json"))["images"][0]["digest"].as_str().unwrap().to_owned();
    assert!(said.contains(&digest) && said.contains("pushed"), "{said}");
    let names = project.csw(["models", "push", "-o", "name"]).ok();
    assert_eq!(names, format!("{image}@{digest}\n"));
    // Somebody gives its name to another image before it is pushed.
    let other = project.build("examples_solow_tasks:v1", &content(5000, 7));
    let output = project.csw(push).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains(&format!("{image} is not the image that was built")), "{}", output.stderr);
    docker_says(["tag", &id, &image]);
    docker_says(["rmi", &other]);
    let listed = json(&project.csw(["images", "list", "--registry", "-o", "json"]).ok());
    let tags: Vec<_> = listed["images"].as_array().unwrap().iter().map(|image| &image["image"]).collect();
    assert_eq!(tags, [&project.image("examples_solow_tasks:latest"), &image]);
    assert!(
        listed["images"]
            .as_array()
            .unwrap()
            .iter()
            .all(|i| i["digest"] == digest.as_str() && i["id"] == id.as_str())
    );
}

#[test]
fn what_is_not_built_is_named_with_what_to_do_and_the_others_are_pushed() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    let project = Project::at(&registry);
    project.build("scheduler:v1", &content(5000, 2));
    let output = project.csw(["svc", "push"]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    let redis = format!("error: there is no image {} in the Docker engine", project.image("redis:v1"));
    assert!(output.stderr.contains(&redis), "{}", output.stderr);
    assert!(output.stderr.contains("csw svc build"), "{}", output.stderr);
    let listed = "2 of 3 images were not pushed: outputs_processor, redis";
    assert!(output.stderr.contains(listed), "{}", output.stderr);
    assert!(output.stdout.contains("sha256:"), "{}", output.stdout);
}

#[test]
fn refused_logins_say_so_and_never_the_password() {
    if !require("docker") || !require("registry") || !require("openssl") {
        return;
    }
    let registry = Registry::with(Login::Basic, false);
    let project = Project::new(&registry.address, &registry.anonymous_config(&registry.address));
    project.build_services(1000);
    let output = project.csw(["svc", "push"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("wants credentials and there are none"), "{}", output.stderr);
    assert!(output.stderr.contains(&format!("docker login {}", registry.address)), "{}", output.stderr);
    let wrong = tempfile::tempdir().unwrap();
    let config = format!(
        r#"{{"auths": {{"{}": {{"username": "{USER}", "password": "wr0ngPassw0rd"}}}}}}"#,
        registry.address
    );
    fs::write(wrong.path().join("config.json"), config).unwrap();
    let output = project.csw(["svc", "push", "-vvv"]).env("DOCKER_CONFIG", wrong.path()).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("does not take the credentials"), "{}", output.stderr);
    assert!(!output.stderr.contains("wr0ngPassw0rd"), "{}", output.stderr);
    let output = project
        .csw(["svc", "push", "-vvv"])
        .env("DOCKER_CONFIG", registry.docker_config(&registry.address))
        .output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    assert!(!output.stderr.contains(PASSWORD) && !output.stderr.contains(&encoded), "{}", output.stderr);
}

#[test]
fn credential_helpers_are_asked_by_docker_s_protocol() {
    if !require("docker") || !require("registry") {
        return;
    }
    assert!(on_path("sh"));
    let registry = Registry::with(Login::Basic, false);
    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("docker-credential-mycloud");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] || exit 2\nread server\n[ \"$server\" = {} ] || {{ echo credentials not found in native keychain; exit 1; }}\ncat {}\n",
        registry.address,
        folder.path().join("answer").display()
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let answer = serde_json::json!({"ServerURL": registry.address, "Username": USER, "Secret": PASSWORD});
    fs::write(folder.path().join("answer"), answer.to_string()).unwrap();
    fs::write(folder.path().join("config.json"), r#"{"credsStore": "mycloud"}"#).unwrap();
    let project = Project::new(&registry.address, folder.path());
    project.build_services(1000);
    let path = std::env::join_paths(
        [folder.path().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let output = project.csw(["svc", "push"]).env("PATH", &path).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    // Without it on PATH, it is named.
    let output = project.csw(["svc", "push"]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("docker-credential-mycloud failed"), "{}", output.stderr);
}

#[tokio::test]
async fn two_pushes_of_the_same_image_at_once_both_succeed() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    let project = Project::at(&registry);
    project.build_services(3_000_000);
    let pushes: Vec<_> = (0..2)
        .map(|_| project.csw(["svc", "push", "-o", "json"]).into_command())
        .map(|mut command| {
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let outputs: Vec<_> = pushes.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let views: Vec<_> = outputs
        .iter()
        .map(|output| {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            json(&String::from_utf8_lossy(&output.stdout))
        })
        .collect();
    assert_eq!(digests(&views[0]), digests(&views[1]));
    for name in ["scheduler", "outputs_processor", "redis"] {
        assert!(at_registry(&registry, &project.repository(name), "v1").await.is_some());
    }
}

#[test]
fn rights_are_checked_without_an_image() {
    if !require("registry") || !require("openssl") {
        return;
    }
    let registry = Registry::with(Login::Token, false);
    let project = Project::at(&registry);
    project.csw(["svc", "push", "--check"]).ok();
    assert!(registry.uploads(&project.repository("scheduler")).is_empty());
    let output = project.csw(["svc", "push", "--check", "--project", "locked"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    let denied = |name| {
        format!("cannot push to {}/locked/{name}: {} does not permit it", registry.address, registry.address)
    };
    for name in ["scheduler", "outputs_processor", "redis"] {
        assert!(output.stderr.contains(&denied(name)), "{}", output.stderr);
    }
}
