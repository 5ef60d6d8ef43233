//! Brings images of the engine into the nodes of a local cluster, with the tool that made the cluster.

use std::fmt;
use std::io;
use std::process::Stdio;

use tokio::process::Command;

use super::Engine;
use super::push::{PushError, find_in_engine};
use crate::model::ImageReference;

/// What makes clusters on one's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClusterTool {
    /// Kubernetes in Docker.
    Kind,
    /// K3s in Docker.
    K3d,
    /// minikube.
    Minikube,
}

impl ClusterTool {
    fn program(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::K3d => "k3d",
            Self::Minikube => "minikube",
        }
    }

    fn arguments(self, cluster: Option<&str>, images: &[String]) -> Vec<String> {
        let (verb, flag): (&[&str], _) = match self {
            Self::Kind => (&["load", "docker-image"], "--name"),
            Self::K3d => (&["image", "import"], "--cluster"),
            Self::Minikube => (&["image", "load"], "--profile"),
        };
        let mut arguments: Vec<String> = verb.iter().map(|word| (*word).to_owned()).collect();
        arguments.extend_from_slice(images);
        arguments.extend(cluster.map(|name| format!("{flag}={name}")));
        arguments
    }
}

impl fmt::Display for ClusterTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// Loads images, all with one call of the tool; returns where they are, for people.
///
/// # Errors
/// When an image isn't in the engine, the tool isn't on PATH, or it fails.
pub async fn load(
    engine: &Engine,
    tool: ClusterTool,
    cluster: Option<&str>,
    images: &[ImageReference],
) -> Result<String, PushError> {
    for image in images {
        find_in_engine(engine, image).await?;
    }
    let names: Vec<String> = images.iter().map(ToString::to_string).collect();
    let output = Command::new(tool.program())
        .args(tool.arguments(cluster, &names))
        .env("DOCKER_HOST", engine.host())
        .envs(crate::http::Proxies::of_process().for_children())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await;
    let output = match output {
        Ok(output) => output,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(PushError::NoTool { tool: tool.program() });
        }
        Err(e) => return Err(PushError::Tool { tool: tool.program(), why: e.to_string() }),
    };
    if !output.status.success() {
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        let why = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(PushError::Tool { tool: tool.program(), why: why.trim().to_owned() });
    }
    let name = cluster.map(|name| format!(" cluster {name}")).unwrap_or_default();
    Ok(format!("{tool}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_called_as_it_wants() {
        let images = ["gcr.io/p/a:v1".to_owned(), "gcr.io/p/b:v1".to_owned()];
        let call = |tool: ClusterTool, cluster| tool.arguments(cluster, &images).join(" ");
        assert_eq!(call(ClusterTool::Kind, None), "load docker-image gcr.io/p/a:v1 gcr.io/p/b:v1");
        assert_eq!(
            call(ClusterTool::K3d, Some("dev")),
            "image import gcr.io/p/a:v1 gcr.io/p/b:v1 --cluster=dev"
        );
        assert_eq!(
            call(ClusterTool::Minikube, Some("dev")),
            "image load gcr.io/p/a:v1 gcr.io/p/b:v1 --profile=dev"
        );
    }
}
