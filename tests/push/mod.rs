//! Images between the engine and registries, by the commands.

mod commands;
mod load;
mod network;
mod promote;
mod prune;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::registry::Registry;
use crate::support::{Corner, Csw, Sandbox, docker, docker_says};

/// A project whose images are at one registry.
struct Project {
    corner: Corner,
    sandbox: Sandbox,
    /// The registry's host, as images are named.
    host: String,
    config: std::path::PathBuf,
}

impl Project {
    /// At this host, logged in as the folder of Docker's configuration says.
    fn new(host: &str, config: &Path) -> Self {
        Self {
            corner: Corner::new(),
            sandbox: Sandbox::new(),
            host: host.to_owned(),
            config: config.to_owned(),
        }
    }

    /// At this registry, without anything between.
    fn at(registry: &Registry) -> Self {
        Self::new(&registry.address, &registry.docker_config(&registry.address))
    }

    fn csw<const N: usize>(&self, args: [&str; N]) -> Csw {
        self.sandbox
            .csw(args)
            .with_engine()
            .env("CSW_REGISTRY", &self.host)
            .env("PROJECT", self.corner.project())
            .env("TAG", "v1")
            .env("DOCKER_CONFIG", &self.config)
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.host, self.corner.project())
    }

    fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.corner.project())
    }

    /// Makes an image of one layer in the engine; its id.
    fn build(&self, name: &str, layer: &[u8]) -> String {
        let mut header = tar::Header::new_gnu();
        header.set_size(layer.len() as u64);
        header.set_mode(0o644);
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, "content", layer).unwrap();
        let archive = archive.into_inner().unwrap();
        let mut import = docker(["import", "--change", "CMD [\"/content\"]", "-", &self.image(name)]);
        let mut child = import.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&archive).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Images of all services, of so many bytes each.
    fn build_services(&self, size: usize) {
        for (seed, name) in ["scheduler", "outputs_processor", "redis"].iter().enumerate() {
            self.build(&format!("{name}:v1"), &super::registry::content(size, seed as u32 + 100));
        }
    }

    /// A model of which the image is called `examples_<title>_tasks`.
    fn add_model(&self, title: &str) {
        let text = format!(
            "owner: Examples\ntitle: {title}\ntimestamp: \"2026-01-31 12:00\"\nrepo_url: https://example.com/x.git\n"
        );
        self.sandbox.write(&format!("config/Examples/{title}.yaml"), text);
    }

    /// Removes the image `name:v1` from the engine, has it pull what the registry has by that digest, and gives its id.
    fn pulled(&self, registry: &str, name: &str, digest: &str) -> String {
        let local = self.image(&format!("{name}:v1"));
        docker_says(["rmi", &local]);
        let image = format!("{registry}/{}@{digest}", self.repository(name));
        let pull = docker(["pull", "--quiet", &image]).env("DOCKER_CONFIG", &self.config).output().unwrap();
        assert!(pull.status.success(), "{}", String::from_utf8_lossy(&pull.stderr));
        let id = docker_says(["image", "inspect", "--format", "{{.Id}}", &image]);
        docker_says(["tag", &image, &local]);
        docker_says(["rmi", &image]);
        id
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // An image that was pushed, and lost its tag to a later one, has its digest still.
        let filter = format!("reference=*/{}/*", self.corner.project());
        let format = "{{.Repository}}@{{.Digest}}";
        let listed = docker(["images", "--digests", "--format", format, "--filter", &filter]).output();
        let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for image in listed.unwrap_or_default().lines().filter(|image| !image.ends_with("@<none>")) {
            docker(["rmi", "--force", image]).output().ok();
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The digests that a push has told of.
fn digests(view: &Value) -> Vec<String> {
    let images = view["images"].as_array().unwrap();
    images.iter().map(|image| image["digest"].as_str().unwrap_or("-").to_owned()).collect()
}

async fn at_registry(registry: &Registry, path: &str, tag: &str) -> Option<String> {
    let config = registry.docker_config(&registry.address);
    super::registry::connect(&registry.address, &config).await.repository(path).digest(tag).await.unwrap()
}
