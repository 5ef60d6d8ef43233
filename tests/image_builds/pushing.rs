//! `build --push`: nothing is built that may not be pushed.

use serde_json::Value;

use super::support::Project;
use crate::support::registry::{Login, Registry};
use crate::support::{Csw, docker, docker_says, require};

const RUN: (&str, &str) = ("run.sh", "echo '{}'\n");

struct Published {
    project: Project,
    registry: Registry,
}

impl Published {
    fn new(titles: &[&str]) -> Option<Self> {
        if !require("registry") {
            return None;
        }
        let published = Self { project: Project::new()?, registry: Registry::with(Login::Basic, false) };
        for title in titles {
            published.project.model(title, "", &[RUN, ("x", published.project.corner.project())]);
        }
        Some(published)
    }

    fn csw(&self, args: &[&str]) -> Csw {
        let address = &self.registry.address;
        let csw = self.project.csw(args).env("CSW_REGISTRY", address);
        csw.env("DOCKER_CONFIG", self.registry.docker_config(address))
    }

    fn image(&self, name: &str) -> String {
        self.project.image(name).replace("csw.test/", &format!("{}/", self.registry.address))
    }
}

#[test]
fn what_is_built_is_pushed_and_its_digest_recorded() {
    let Some(published) = Published::new(&["One", "Two"]) else { return };
    let build = |more: &[&str]| {
        let args = [&["models", "build", "--push", "--also-tag", "latest", "--out", "build.json"], more];
        published.csw(&args.concat()).ok();
        let written: Value = serde_json::from_str(&published.project.sandbox.read("build.json")).unwrap();
        written["images"].as_array().unwrap().clone()
    };
    let built = build(&[]);
    assert_eq!(built.len(), 2, "{built:?}");
    for record in &built {
        let (image, digest) = (record["image"].as_str().unwrap(), record["digest"].as_str().unwrap());
        let config = published.registry.docker_config(&published.registry.address);
        for tag in [image.to_owned(), image.replace(":v1", ":latest")] {
            let pulled = docker(["--config", config.to_str().unwrap(), "pull", &tag]).output().unwrap();
            let said = String::from_utf8_lossy(&pulled.stdout).into_owned();
            assert!(said.contains(digest), "{tag}: {said}{}", String::from_utf8_lossy(&pulled.stderr));
        }
        docker_says(["rmi", &image.replace(":v1", ":latest")]);
    }
    let again = build(&[]);
    for (record, before) in again.iter().zip(&built) {
        assert_eq!((&record["skipped"], &record["digest"]), (&true.into(), &before["digest"]));
    }
    // Both verbs by themselves know the same.
    let text = published.csw(&["models", "push", "-o", "json"]).ok();
    let pushed: Value = serde_json::from_str(&text).unwrap();
    assert!(pushed["images"].as_array().unwrap().iter().all(|image| image["existing"] == true), "{pushed}");
}

#[test]
fn nothing_is_built_that_may_not_be_pushed() {
    let Some(published) = Published::new(&["Secret"]) else { return };
    let address = &published.registry.address;
    let config = published.registry.anonymous_config(address);
    let output = published.csw(&["models", "build", "--push"]).env("DOCKER_CONFIG", config).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains(&format!("docker login {address}")), "{}", output.stderr);
    assert!(!output.stderr.contains("built in"), "{}", output.stderr);
    let image = published.image("tests_secret_tasks");
    assert!(!docker(["image", "inspect", &image]).output().unwrap().status.success());
    // A registry that is down is found out as early.
    let output = published.csw(&["models", "build", "--push"]).env("CSW_REGISTRY", "127.0.0.1:1").output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(
        output.stderr.contains("127.0.0.1:1") && !output.stderr.contains("built in"),
        "{}",
        output.stderr
    );
}
