//! Base images that only some may have: builds and `csw svc lock` log in as Docker does.

use serde_json::Value;

use super::support::{Project, in_image};
use crate::support::registry::{Login, PASSWORD, Registry};
use crate::support::{Csw, docker, docker_says, require};

const RUN: (&str, &str) = ("run.sh", "echo '{}'\n");

struct Private {
    project: Project,
    registry: Registry,
}

impl Private {
    /// A registry that wants a login, with the base image in it.
    fn new() -> Option<Self> {
        if !require("registry") {
            return None;
        }
        let private = Self { project: Project::new()?, registry: Registry::with(Login::Basic, false) };
        private.put("base");
        Some(private)
    }

    fn name(&self, image: &str) -> String {
        format!("{}/{}/{image}:1", self.registry.address, self.project.corner.project())
    }

    /// Puts the base image there under this name, and not in the engine.
    fn put(&self, image: &str) {
        let name = self.name(image);
        docker_says(["tag", self.project.base(), &name]);
        let config = self.registry.docker_config(&self.registry.address);
        docker_says(["--config", config.to_str().unwrap(), "push", "--quiet", &name]);
        self.forget(image);
    }

    fn forget(&self, image: &str) {
        docker(["rmi", &self.name(image)]).output().unwrap();
    }

    fn csw(&self, args: &[&str], logged_in: bool) -> Csw {
        let address = &self.registry.address;
        let config = match logged_in {
            true => self.registry.docker_config(address),
            false => self.registry.anonymous_config(address),
        };
        self.project.csw(args).env("DOCKER_CONFIG", config).env("CSW_BASE_IMAGE", self.name("base"))
    }
}

#[test]
fn a_private_base_is_pulled_with_dockers_credentials_by_both_builders() {
    let Some(private) = Private::new() else { return };
    let project = &private.project;
    project.model("Based", "", &[RUN, ("x", project.corner.project())]);
    for builder in ["1", "0"] {
        let build = |logged_in| {
            private.forget("base");
            let csw = private.csw(&["models", "build", "--no-cache", "-vvv"], logged_in);
            csw.env("DOCKER_BUILDKIT", builder).output()
        };
        let output = build(false);
        assert_eq!(output.code, 4, "{}", output.stderr);
        assert!(
            output.stderr.contains(&format!("cannot pull {}", private.name("base"))),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains("docker login"), "{}", output.stderr);
        let output = build(true);
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert!(!output.stderr.contains(PASSWORD), "{}", output.stderr);
        let image = project.image("tests_based_tasks");
        let told = docker_says(["history", "--no-trunc", &image]) + &docker_says(["inspect", &image]);
        assert!(!told.contains(PASSWORD) && !told.contains("auth"), "{told}");
    }
    private.forget("base");
}

#[test]
fn an_image_that_only_a_step_names_is_had_with_them_too() {
    let Some(private) = Private::new() else { return };
    let project = &private.project;
    private.put("tools");
    project.model("Copies", "", &[RUN, ("x", project.corner.project())]);
    project.sandbox.write("csw.yaml", "");
    let dockerfile = format!(
        "FROM {{{{ base }}}}\nCOPY --from={} /etc/passwd /copied\nCOPY model/ /model/\n",
        private.name("tools")
    );
    project.sandbox.write("templates/images/Tests/Copies.Dockerfile", dockerfile);
    for builder in ["1", "0"] {
        private.forget("tools");
        let csw = private.csw(&["models", "build", "--no-cache"], true).env("DOCKER_BUILDKIT", builder);
        let output = csw.output();
        assert_eq!(output.code, 0, "{builder}: {}", output.stderr);
        let copied = in_image(&project.image("tests_copies_tasks"), "cat /copied");
        assert!(copied.starts_with("root:"), "{copied}");
    }
    private.forget("tools");
    private.forget("base");
}

#[test]
fn a_private_base_is_locked_to_its_digest() {
    let Some(private) = Private::new() else { return };
    let project = &private.project;
    project.model("Pinned", "", &[RUN, ("x", project.corner.project())]);
    let output =
        private.csw(&["svc", "lock"], false).env("CSW_REDIS_BASE_IMAGE", private.name("base")).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("docker login"), "{}", output.stderr);
    let lock = private.csw(&["svc", "lock", "-o", "json"], true);
    let lock: Value = serde_json::from_str(&lock.ok()).unwrap();
    let digest = lock["images"][private.name("base")]["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:"), "{lock}");
    let built = private.csw(&["models", "build", "-o", "json"], true).ok();
    assert!(built.contains("\"skipped\": false"), "{built}");
    let repository = private.name("base");
    let pinned = format!("{}@{digest}", repository.strip_suffix(":1").unwrap());
    let history = docker_says(["image", "inspect", "-f", "{{.Id}}", &pinned]);
    docker_says(["rmi", &pinned]);
    assert!(history.starts_with("sha256:"), "{history}");
}
