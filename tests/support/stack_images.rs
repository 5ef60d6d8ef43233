//! Images of the services and of models as a cluster runs them: built by csw itself, with the static csw in them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Once, OnceLock};

use sha2::{Digest as _, Sha256};

use super::docker::{Base, base_image, docker, docker_says};
use super::require::{missing, require};
use super::{Csw, Sandbox};

/// A registry that nobody has: the images are in the engine, and stay there.
const REGISTRY: &str = "csw.test";
/// The tag under which they are built.
const BUILT: &str = "built";

/// The images of csw's services.
const SERVICES: [&str; 3] = ["scheduler", "outputs_processor", "redis"];

/// The csw that runs in images from scratch: the one that `CSW_TEST_STATIC_PROGRAM` names, else one that is built now,
/// which takes minutes the first time. `None` leaves the test out, like [`require`].
pub fn static_program() -> Option<PathBuf> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if !require("docker") {
        return None;
    }
    let named = std::env::var_os("CSW_TEST_STATIC_PROGRAM").filter(|path| !path.is_empty());
    let program = PROGRAM.get_or_init(|| named.map_or_else(build, |path| Ok(path.into())));
    if let Err(why) = program {
        missing("static-program", why);
    }
    program.clone().ok()
}

fn build() -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/static_program.sh");
    // Where this very test was built.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new("sh").arg(script).env("CARGO_TARGET_DIR", target).output();
    let output = output.map_err(|e| format!("sh: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // A program that doesn't compile is no lack of this machine's, unless it can't be linked statically.
        assert!(!said.contains("could not compile"), "{said}");
        return Err(said.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("no message").to_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap().trim().into())
}

/// Images that the engine keeps for the next run: one in which nothing has changed finds them all built.
pub struct StackImages {
    program: PathBuf,
    project: String,
    python: String,
    redis: String,
    tag: String,
}

impl StackImages {
    /// Builds the images of all services, and of these models of the sandbox's project, on Debian's Python and Redis.
    /// `None` leaves the test out, like [`require`].
    pub fn build(sandbox: &Sandbox, models: &[&str]) -> Option<Self> {
        let program = static_program()?;
        let (python, redis) = (base_image(Base::Python)?, base_image(Base::Redis)?);
        // Of this checkout alone: another's would take the names away from images that pods are being started from.
        let checkout = Sha256::digest(env!("CARGO_MANIFEST_DIR"));
        let project = format!(
            "csw-test-stack-{:02x}{:02x}{:02x}{:02x}",
            checkout[0], checkout[1], checkout[2], checkout[3]
        );
        let mut images = Self { program, project, python, redis, tag: BUILT.to_owned() };
        images.with(sandbox.csw(["svc", "build"])).ok();
        if !models.is_empty() {
            images.with(sandbox.csw(["models", "-n", &models.join(","), "build"])).ok();
        }
        images.name_by_content(models);
        Some(images)
    }

    /// Gives the images a tag that tells what is in them: a node that has pulled a name never asks for it again.
    fn name_by_content(&mut self, models: &[&str]) {
        static TIDIED: Once = Once::new();
        TIDIED.call_once(|| self.remove_old_names());
        let image =
            |model: &&str| model.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric() && c != '/', "");
        let models = models.iter().map(|model| image(model).replace('/', "_") + "_tasks");
        let names: Vec<String> = SERVICES.iter().map(|&name| name.to_owned()).chain(models).collect();
        let mut content = Sha256::new();
        for name in &names {
            content.update(docker_says(["image", "inspect", "--format", "{{.Id}}", &self.image(name)]));
        }
        let tag: String = content.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
        for name in &names {
            docker_says(["tag", &self.image(name), &format!("{REGISTRY}/{}/{name}:{tag}", self.project)]);
        }
        self.tag = tag;
    }

    /// Takes away the names that earlier runs have given; what is in the images stays under the one that they were built
    /// with, or goes.
    fn remove_old_names(&self) {
        let images = format!("{REGISTRY}/{}/*", self.project);
        let said = docker_says(["images", "--format", "{{.Repository}}:{{.Tag}}", &images]);
        for name in said.lines().filter(|name| !name.ends_with(&format!(":{BUILT}"))) {
            // One of which a container is left over stays until it has gone too.
            drop(docker(["rmi", name]).output());
        }
    }

    /// A run of csw that knows the engine and these images by its settings: registry, project, tag, bases.
    pub fn with(&self, csw: Csw) -> Csw {
        // What csw remembers of its program, so that it need not be read anew.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stack-images");
        csw.with_engine()
            .env("CSW_REGISTRY", REGISTRY)
            .env("PROJECT", &self.project)
            .env("TAG", &self.tag)
            .env("CSW_BASE_IMAGE", &self.python)
            .env("CSW_REDIS_BASE_IMAGE", &self.redis)
            .env("CSW_PROGRAM", &self.program)
            .env("CSW_CACHE_DIR", cache)
    }

    /// The name of an image, as in `scheduler` and `examples_solow_tasks`.
    pub fn image(&self, name: &str) -> String {
        format!("{REGISTRY}/{}/{name}:{}", self.project, self.tag)
    }

    /// The static csw.
    pub fn program(&self) -> &Path {
        &self.program
    }
}
