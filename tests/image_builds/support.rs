//! Projects whose images are built in a corner of the engine.

use serde_json::Value;

use crate::support::{Base, Corner, Csw, Sandbox, base_image, docker_says, missing, on_path};

/// A small static program for images whose program doesn't matter.
pub const PROGRAM: &str = "busybox";

/// A project with a folder of its own and a corner of the engine.
pub struct Project {
    pub sandbox: Sandbox,
    pub corner: Corner,
    base: String,
}

impl Project {
    /// `None` leaves the test out: no engine, nothing to make a base image of, no BusyBox.
    pub fn new() -> Option<Self> {
        let shell = base_image(Base::Shell)?;
        if !on_path(PROGRAM) {
            missing(PROGRAM, "not on PATH");
            return None;
        }
        let corner = Corner::new();
        // A name of its own, which a test may move.
        let base = format!("csw.test/{}/base:1", corner.project());
        docker_says(["tag", &shell, &base]);
        Some(Self { sandbox: Sandbox::new(), corner, base })
    }

    /// The image that all others start from.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The name of an image of this project.
    pub fn image(&self, name: &str) -> String {
        format!("csw.test/{}/{name}:v1", self.corner.project())
    }

    /// Writes a model's file; its repository is a folder with these files.
    pub fn model(&self, title: &str, more: &str, files: &[(&str, &str)]) {
        let timestamp = if more.contains("timestamp:") { "" } else { "timestamp: 2026-01-01\n" };
        let text = format!(
            "owner: Tests\ntitle: {title}\n{timestamp}repo_url: ./repos/{title}\nentry: {{command: [sh, run.sh]}}\n{more}"
        );
        self.sandbox.write(&format!("config/Tests/{title}.yaml"), text);
        for (path, text) in files {
            self.sandbox.write(&format!("repos/{title}/{path}"), text);
        }
    }

    /// csw with the engine, the base, the small program and a tag.
    pub fn csw(&self, args: &[&str]) -> Csw {
        self.sandbox
            .csw(args)
            .with_engine()
            .env("PROJECT", self.corner.project())
            .env("CSW_REGISTRY", "csw.test")
            .env("TAG", "v1")
            .env("CSW_BASE_IMAGE", &self.base)
            .env("CSW_REDIS_BASE_IMAGE", &self.base)
            .env("CSW_PROGRAM", busybox())
    }

    /// Builds and gives back the records, by target.
    pub fn build(&self, args: &[&str]) -> Vec<Value> {
        let text = self.csw(&[args, &["-o", "json"]].concat()).ok();
        let records: Value = serde_json::from_str(&text).unwrap();
        records["images"].as_array().unwrap().clone()
    }
}

pub fn busybox() -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|f| f.join(PROGRAM)).find(|p| p.is_file()).unwrap()
}

/// What a command prints in an image.
pub fn in_image(image: &str, script: &str) -> String {
    docker_says(["run", "--rm", "--network=none", "--entrypoint=/bin/sh", image, "-c", script])
}
