use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bollard::errors::Error;
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion, RemoveImageOptionsBuilder};
use futures::TryStreamExt as _;

use super::plan::DOCKERFILE;
use super::present::{Present, familiar, tag};
use super::session::Session;
use super::story::{Event, Story};
use super::turn::Turn;
use super::{BuildRecord, Plan, Workshop};
use crate::executor::environment::PrepareProgress;
use crate::image::ImageError;
use crate::image::base::inspect;
use crate::image::context::Sent;
use crate::image::error::message;

/// How thoroughly to build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Build even if the engine has an image of the same content.
    pub force: bool,
    /// Take nothing from the builder's cache; implies `force`.
    pub no_cache: bool,
}

impl Workshop {
    /// Builds an image, unless the engine has one of the same content: that gets the name then. The name moves only
    /// when all of it is done; an image that loses its last name to the new one is removed.
    ///
    /// # Errors
    /// When a step fails, the engine refuses, or the connection breaks. The whole log is in a file that the error names.
    pub async fn build(
        &self,
        plan: Plan,
        options: BuildOptions,
        progress: &dyn PrepareProgress,
    ) -> Result<BuildRecord, ImageError> {
        let started = Instant::now();
        let image = plan.target.reference.clone();
        let record = |id: String, digest, skipped| BuildRecord {
            target: plan.target.name.clone(),
            image: image.clone(),
            id,
            digest,
            commit: plan.commit.clone(),
            content_key: plan.key.clone(),
            duration_seconds: started.elapsed().as_secs_f64(),
            skipped,
        };
        let _turn = Turn::take(&self.cache, &image, progress).await?;
        if !options.force && !options.no_cache {
            let present = Present::of_key(&self.engine, &plan.key).await?;
            if let Some(found) = present.find(&plan.key, &image) {
                if !found.named {
                    tag(&self.engine, &found.id, &image).await?;
                }
                return Ok(record(found.id, found.digest, true));
            }
        }
        for base in &plan.bases {
            self.bases.fetch(base, progress).await?;
        }
        let before = inspect(&self.engine, &image.to_string()).await?.and_then(|i| i.id);
        let id = self.run(&plan, options.no_cache, progress).await?;
        if let Some(before) = before.filter(|before| *before != id) {
            self.remove_nameless(&before).await;
        }
        Ok(record(id, None, false))
    }

    async fn run(
        &self,
        plan: &Plan,
        no_cache: bool,
        progress: &dyn PrepareProgress,
    ) -> Result<String, ImageError> {
        let log_path = log_path(&self.cache, &plan.target.name);
        let mut log = open(&log_path)?;
        let mut story = Story::default();
        let mut write = |line: &str| drop(writeln!(log, "{line}"));
        write(&format!("# {} from:\n{}", plan.target.reference, plan.dockerfile));
        let session = match self.buildkit {
            true => Session::start(&self.engine, &self.secrets).await?,
            false => None,
        };
        let docker = match self.buildkit {
            // Asked for BuildKit, bollard opens a session of its own, which knows no secrets.
            true => self.engine.docker().clone().with_request_modifier(as_buildkit),
            false => self.engine.docker().clone(),
        };
        let mut options = BuildImageOptionsBuilder::default()
            .dockerfile(DOCKERFILE)
            .t(&plan.target.reference.to_string())
            .rm(true)
            .forcerm(true)
            .nocache(no_cache)
            .version(BuilderVersion::BuilderV1)
            .buildargs(&self.arguments.clone().into_iter().collect())
            .labels(&plan.labels)
            .build();
        options.session = session.as_ref().map(|s| s.id().to_owned());
        let body = bollard::body_try_stream(plan.context.clone().into_stream(Sent::default()));
        let mut stream = docker.build_image(options, None, Some(body));
        let ended = loop {
            match stream.try_next().await {
                Ok(Some(info)) => {
                    for event in story.hear(info) {
                        match event {
                            Event::Step(step) => {
                                write(&step);
                                // The builder's own business is of no interest while it goes well.
                                if !step.starts_with("[internal]") {
                                    progress.step(&step);
                                }
                            }
                            Event::Cached(step) => write(&format!("CACHED {step}")),
                            Event::Aside(line) => write(&line),
                            Event::Line(line) => {
                                write(&line);
                                progress.detail(&line);
                            }
                        }
                    }
                }
                Ok(None) => break None,
                Err(e) => break Some(e),
            }
        };
        drop(stream);
        if let Some(session) = session {
            session.close().await;
        }
        match (ended, story.image()) {
            (None, Some(id)) => Ok(id.to_owned()),
            (None, None) => Err(failed(plan, &story, "the engine ended without an image".into(), log_path)),
            (Some(error), _) => {
                write(&message(&error));
                match error {
                    // What a step or the builder says; the rest is the connection's or the engine's.
                    Error::DockerStreamError { error } => Err(failed(plan, &story, error, log_path)),
                    error => Err(ImageError::engine(format!("build {}", plan.target.reference))(error)),
                }
            }
        }
    }

    /// Removes an image that has lost its last name. One that a container or another image still uses stays.
    async fn remove_nameless(&self, id: &str) {
        let nameless = |image: bollard::models::ImageInspect| {
            image.repo_tags.is_none_or(|t| t.is_empty()) && image.repo_digests.is_none_or(|d| d.is_empty())
        };
        if !inspect(&self.engine, id).await.is_ok_and(|found| found.is_some_and(nameless)) {
            return;
        }
        // Its parents are the builder's cache.
        let options = RemoveImageOptionsBuilder::default().noprune(true).build();
        if let Err(e) = self.engine.docker().remove_image(id, Some(options), None).await {
            tracing::debug!(%e, id, "the image that was replaced stays");
        }
    }
}

fn as_buildkit(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    let uri = request.uri().to_string();
    if uri.contains("/build?")
        && let Ok(uri) = uri.replace("version=1", "version=2").parse()
    {
        *request.uri_mut() = uri;
    }
    request
}

fn failed(plan: &Plan, story: &Story, reason: String, log: PathBuf) -> ImageError {
    let failed = story.failed();
    ImageError::Build { name: plan.target.name.clone(), step: failed.step, last: failed.last, reason, log }
}

/// Where the whole log of the last build of an image is.
fn log_path(cache: &Path, target: &str) -> PathBuf {
    cache.join("logs").join("images").join(format!("{}.log", familiar(target).replace('/', "-")))
}

fn open(path: &Path) -> Result<File, ImageError> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).and_then(|()| File::create(path)).map_err(|e| ImageError::io(path, e))
}
