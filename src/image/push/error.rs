use crate::error::{Diagnose, Exit};
use crate::image::ImageError;
use crate::image::registry::RegistryError;
use crate::model::ImageReference;

/// Why an image is not in its registry.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The registry, or the way to it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] ImageError),
    /// There is nothing to push.
    #[error("there is no image {image} in the Docker engine")]
    NotBuilt {
        /// What it would be called.
        image: Box<ImageReference>,
    },
    /// Its name was given to another image after it was built.
    #[error("{image} is not the image that was built: that has the id {expected}")]
    Moved {
        /// Its name.
        image: Box<ImageReference>,
        /// The id of the one that was built.
        expected: String,
    },
    /// The engine doesn't answer as it should.
    #[error("cannot push {image}: the Docker engine can't {what}: {why}")]
    Unusable {
        /// The image.
        image: Box<ImageReference>,
        /// What it was asked for.
        what: &'static str,
        /// What happened.
        why: String,
    },
    /// The engine doesn't do what it is asked for.
    #[error("the Docker engine can't {what}: {why}")]
    EngineRefused {
        /// What it was asked for.
        what: &'static str,
        /// Its words.
        why: String,
    },
    /// What the engine hands out can't be kept for sending.
    #[error("cannot push {image}: {source} while its layers are written to {folder}")]
    Space {
        /// The image.
        image: Box<ImageReference>,
        /// Where to.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The tool of the local cluster isn't there.
    #[error("cannot load images: {tool} is not on PATH")]
    NoTool {
        /// The program.
        tool: &'static str,
    },
    /// The tool of the local cluster failed.
    #[error("cannot load images: {tool} failed: {why}")]
    Tool {
        /// The program.
        tool: &'static str,
        /// Its last words.
        why: String,
    },
    /// Its layers would have to be moved over the network.
    #[error("cannot promote {from} to {to}: they are at different registries")]
    OtherRegistry {
        /// The image.
        from: Box<ImageReference>,
        /// What it should be called.
        to: Box<ImageReference>,
    },
    /// The image isn't named so that it can be pushed.
    #[error("{image} has no tag to push it to")]
    Untagged {
        /// The image.
        image: Box<ImageReference>,
    },
}

impl Diagnose for PushError {
    fn exit(&self) -> Exit {
        match self {
            Self::Registry(e) => e.exit(),
            Self::Engine(e) => e.exit(),
            Self::NotBuilt { .. }
            | Self::Moved { .. }
            | Self::Space { .. }
            | Self::Untagged { .. }
            | Self::OtherRegistry { .. }
            | Self::NoTool { .. } => Exit::Config,
            Self::Unusable { .. } | Self::EngineRefused { .. } | Self::Tool { .. } => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(e) => e.hints(),
            Self::Engine(e) => e.hints(),
            Self::NotBuilt { .. } => vec![
                "Build it with `csw svc build` or `csw models build`, with the same --tag and --project"
                    .into(),
                "See what is there with `csw images list`".into(),
            ],
            Self::Moved { image, expected } => vec![
                format!("Give it its name back with `docker tag {expected} {image}`, or build it anew"),
                "See what is there with `csw images list`".into(),
            ],
            Self::Space { .. } => vec!["Make space there, or name another folder with TMPDIR".into()],
            Self::NoTool { tool } => {
                vec![format!(
                    "Install {tool}, or choose another with --load; without it the images are pushed"
                )]
            }
            Self::Tool { .. } => {
                vec!["Name the cluster with --load-cluster NAME, and see that it runs".into()]
            }
            Self::OtherRegistry { from, to } => vec![format!(
                "Bring it there with `docker pull {from}`, `docker tag {from} {to}` and `docker push {to}`"
            )],
            Self::Unusable { .. } | Self::EngineRefused { .. } | Self::Untagged { .. } => Vec::new(),
        }
    }
}
