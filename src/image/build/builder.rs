use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, BuilderVersion, ListContainersOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures::TryStreamExt as _;

use super::plan::DOCKERFILE;
use super::present::{Present, familiar, tag};
use super::session::Session;
use super::story::{Event, Story};
use super::turn::Turn;
use super::{BuildRecord, Plan, Workshop};
use crate::executor::environment::PrepareProgress;
use crate::image::base::inspect;
use crate::image::context::Sent;
use crate::image::error::message;
use crate::image::{ImageError, dockerfile, engine_auth};

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
    /// when all of it is done; an image that loses its last name to the new one is removed. A build that fails or is
    /// cancelled leaves nothing behind in the engine but BuildKit's cache.
    ///
    /// # Errors
    /// When a step fails, the engine refuses, the connection breaks, or it is cancelled. The whole log is in a file that
    /// the error names.
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
        let cancelled = || ImageError::Interrupted { name: plan.target.name.clone() };
        let _turn = tokio::select! {
            turn = Turn::take(&self.parts.cache, &image, progress) => turn?,
            () = self.parts.cancel.cancelled() => return Err(cancelled()),
        };
        if !options.force && !options.no_cache {
            let present = Present::of_key(&self.parts.engine, &plan.key).await?;
            if let Some(found) = present.find(&plan.key, &image) {
                if !found.named {
                    tag(&self.parts.engine, &found.id, &image).await?;
                }
                return Ok(record(found.id, found.digest, true));
            }
        }
        for base in &plan.bases {
            tokio::select! {
                fetched = self.bases.fetch(base, progress) => fetched?,
                () = self.parts.cancel.cancelled() => return Err(cancelled()),
            }
        }
        let before = inspect(&self.parts.engine, &image.to_string()).await?.and_then(|i| i.id);
        let id = self.run(&plan, options.no_cache, progress).await?;
        if let Some(before) = before.filter(|before| *before != id) {
            // Its parents are the builder's cache.
            self.remove_nameless(&before, false).await;
        }
        Ok(record(id, None, false))
    }

    async fn run(
        &self,
        plan: &Plan,
        no_cache: bool,
        progress: &dyn PrepareProgress,
    ) -> Result<String, ImageError> {
        let log_path = log_path(&self.parts.cache, &plan.target.name);
        let mut log = open(&log_path)?;
        let mut story = Story::default();
        let mut write = |line: &str| drop(writeln!(log, "{line}"));
        write(&format!("# {} from:\n{}", plan.target.reference, plan.dockerfile));
        let session = match self.buildkit {
            true => Session::start(&self.parts.engine, &self.parts.secrets, &self.parts.credentials).await?,
            false => None,
        };
        let docker = match self.buildkit {
            // Asked for BuildKit, bollard opens a session of its own, which knows no secrets.
            true => self.parts.engine.docker().clone().with_request_modifier(as_buildkit),
            false => engine_auth::with_logins(&self.parts.engine),
        };
        // BuildKit asks for those that it needs.
        let logins = match self.buildkit {
            true => None,
            false => Some(self.logins(&plan.dockerfile, progress).await),
        };
        let mut options = BuildImageOptionsBuilder::default()
            .dockerfile(DOCKERFILE)
            .t(&plan.target.reference.to_string())
            .rm(true)
            .forcerm(true)
            .nocache(no_cache)
            .version(BuilderVersion::BuilderV1)
            .buildargs(&self.parts.arguments.clone().into_iter().collect())
            .labels(&plan.labels)
            .build();
        options.session = session.as_ref().map(|s| s.id().to_owned());
        let body = bollard::body_try_stream(plan.context.clone().into_stream(Sent::default()));
        let mut stream = docker.build_image(options, logins, Some(body));
        let ended = loop {
            let heard = tokio::select! {
                biased;
                () = self.parts.cancel.cancelled() => break Some(None),
                heard = stream.try_next() => heard,
            };
            match heard {
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
                Err(e) => break Some(Some(e)),
            }
        };
        // The engine ends a build that nobody listens to.
        drop(stream);
        if let Some(session) = session {
            session.close().await;
        }
        if let (None, Some(id)) = (&ended, story.image()) {
            return Ok(id.to_owned());
        }
        if let Some(id) = story.unfinished() {
            self.until_unused(id).await;
            self.remove_nameless(id, true).await;
        }
        Err(match ended {
            None => failed(plan, &story, "the engine ended without an image".into(), log_path),
            Some(None) => ImageError::Interrupted { name: plan.target.name.clone() },
            Some(Some(error)) => {
                write(&message(&error));
                match error {
                    // What a step or the builder says; the rest is the connection's or the engine's.
                    Error::DockerStreamError { error } => failed(plan, &story, error, log_path),
                    error => ImageError::engine(format!("build {}", plan.target.reference))(error),
                }
            }
        })
    }

    /// Logins at the registries of all images that a Dockerfile names.
    async fn logins(
        &self,
        dockerfile: &str,
        progress: &dyn PrepareProgress,
    ) -> HashMap<String, DockerCredentials> {
        let images = [dockerfile::bases(dockerfile), dockerfile::sources(dockerfile)].concat();
        engine_auth::logins(&self.parts.credentials, &images, progress).await
    }

    /// Waits until the engine has removed the container of a step that it was at: it does, once nobody listens.
    async fn until_unused(&self, image: &str) {
        const PATIENCE: Duration = Duration::from_secs(10);
        let filters = HashMap::from([("ancestor", vec![image])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let unused = async {
            while let Ok(found) = self.parts.engine.docker().list_containers(Some(options.clone())).await
                && !found.is_empty()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, unused).await.is_err() {
            tracing::debug!(image, "a container of it is still there");
        }
    }

    /// Removes an image that has no name, and those without one that it was made from, if they are to go too. One that a
    /// container or another image still uses stays.
    async fn remove_nameless(&self, id: &str, with_parents: bool) {
        let nameless = |image: bollard::models::ImageInspect| {
            image.repo_tags.is_none_or(|t| t.is_empty()) && image.repo_digests.is_none_or(|d| d.is_empty())
        };
        if !inspect(&self.parts.engine, id).await.is_ok_and(|found| found.is_some_and(nameless)) {
            return;
        }
        let options = RemoveImageOptionsBuilder::default().noprune(!with_parents).build();
        if let Err(e) = self.parts.engine.docker().remove_image(id, Some(options), None).await {
            tracing::debug!(%e, id, "an image without a name stays");
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
