use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::own_files::own_files;
use super::{BuildSecret, Target};
use crate::executor::ImageModel;
use crate::executor::environment::{self, Installation, PrepareProgress, Repository};
use crate::image::base::{Base, Bases};
use crate::image::content_key::ContentKey;
use crate::image::context::{Context, Ignore, OwnFile, Tree};
use crate::image::credentials::CredentialStore;
use crate::image::{Engine, ImageError, ImageTemplates, Lock, Program, dockerfile};
use crate::model::Model;

/// The label whose value identifies what an image was made of.
pub const CONTENT_KEY_LABEL: &str = "studio.compute.csw.content-key";

/// The label that names the service or model of an image.
pub const TARGET_LABEL: &str = "studio.compute.csw.target";

/// Where a model's Dockerfile is in its context.
pub(super) const DOCKERFILE: &str = "csw/Dockerfile";

/// Where a model's repository is in its image.
pub const MODEL_FOLDER: &str = "/model";

/// What all builds of a run share.
#[derive(Debug)]
pub struct Workshop {
    pub(super) parts: WorkshopParts,
    /// Whether BuildKit builds, else the classic builder.
    pub(super) buildkit: bool,
    pub(super) bases: Bases,
}

/// What makes a [`Workshop`].
#[derive(Debug)]
pub struct WorkshopParts {
    /// The engine that builds.
    pub engine: Engine,
    /// The texts that Dockerfiles are made from.
    pub templates: ImageTemplates,
    /// What base images are locked to.
    pub lock: Lock,
    /// Logins at the registries of base images.
    pub credentials: CredentialStore,
    /// The `csw` that goes into the images.
    pub program: Program,
    /// The folder for checkouts, locks and logs.
    pub cache: PathBuf,
    /// What models' images start from.
    pub base_image: String,
    /// What the service `redis` starts from.
    pub redis_base_image: String,
    /// Whether BuildKit builds where the engine has it.
    pub buildkit: bool,
    /// Arguments of builds; none of them is a secret.
    pub arguments: BTreeMap<String, String>,
    /// What steps of a build may see, and images never hold.
    pub secrets: Vec<BuildSecret>,
    /// PEM certificates of those that services may trust.
    pub certificates: Vec<u8>,
    /// Cancelled to end builds early; they leave nothing behind then.
    pub cancel: CancellationToken,
}

/// An image that is ready to be built.
#[derive(Debug)]
pub struct Plan {
    /// What it is for, and its name.
    pub target: Target,
    /// Its Dockerfile.
    pub dockerfile: String,
    /// Everything that the builder gets to see.
    pub context: Context,
    /// What identifies its content.
    pub key: String,
    /// The commit of the model's repository.
    pub commit: Option<String>,
    /// Its labels.
    pub labels: HashMap<String, String>,
    pub(super) bases: Vec<Base>,
}

impl Workshop {
    /// Gets ready to build.
    ///
    /// # Errors
    /// When there are build secrets, and only the classic builder: it would keep them in the image.
    pub fn new(parts: WorkshopParts) -> Result<Self, ImageError> {
        let buildkit = parts.buildkit && parts.engine.has_buildkit();
        if !buildkit && !parts.secrets.is_empty() {
            return Err(ImageError::SecretsNeedBuildKit);
        }
        let bases = Bases::new(parts.engine.clone(), parts.lock.clone(), parts.credentials.clone());
        Ok(Self { parts, buildkit, bases })
    }

    /// The engine that builds.
    pub fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    /// Cancelled to end builds early.
    pub fn cancel(&self) -> &CancellationToken {
        &self.parts.cancel
    }

    /// The image of a service: `scheduler`, `outputs_processor` or `redis`.
    ///
    /// # Errors
    /// When its template is wrong, its base can't be had, or the program does not run in it.
    pub async fn plan_service(
        &self,
        target: Target,
        progress: &dyn PrepareProgress,
    ) -> Result<Plan, ImageError> {
        let unknown =
            || ImageError::UnknownTemplates { files: vec![format!("images/{}.Dockerfile", target.name)] };
        let (file, text) = self.parts.templates.of_service(&target.name).ok_or_else(unknown)?;
        let text = dockerfile::render(&file, text, self.service_values())?;
        if dockerfile::is_from_scratch(&text) {
            self.parts.program.must_be_static()?;
        }
        let user = "root:x:0:0:root:/root:/sbin/nologin\ncsw:x:65532:65532:csw:/tmp:/sbin/nologin\n";
        let own = vec![
            OwnFile::program("csw/root/usr/local/bin/csw", self.parts.program.path()),
            OwnFile::text("csw/root/etc/passwd", user),
            OwnFile::text("csw/root/etc/group", "root:x:0:\ncsw:x:65532:\n"),
            OwnFile::bytes("csw/root/etc/ssl/certs/ca-certificates.crt", self.parts.certificates.clone()),
            OwnFile::folder("csw/root/tmp", 0o1777),
        ];
        // What a Dockerfile doesn't take it doesn't depend on: redis is the same whichever csw builds it.
        let takes = |text: &str| text.contains("csw/root");
        let mut key = ContentKey::new();
        if takes(&text) {
            key = key
                .with("program", self.parts.program.digest())
                .with("certificates", &self.parts.certificates)
                .with("user", user);
        }
        let (bases, text, key) = self.based(&text, &text, key, progress).await?;
        let labels = [("org.opencontainers.image.title", format!("csw {}", target.name))];
        let context = Context { own: if takes(&text) { own } else { Vec::new() }, tree: None };
        Ok(self.plan(target, text, context, key, None, labels, bases))
    }

    /// The image of a model.
    ///
    /// # Errors
    /// When its repository can't be had or asks for what can't be understood, its template is wrong, or its base can't
    /// be had.
    pub async fn plan_model(
        &self,
        model: &Model,
        target: Target,
        progress: &dyn PrepareProgress,
    ) -> Result<Plan, ImageError> {
        let repository = environment::fetch(&self.parts.cache, model, progress)
            .await
            .map_err(|source| ImageError::Source { name: target.name.clone(), source: Box::new(source) })?;
        let install = Installation::read(&repository.folder, MODEL_FOLDER)
            .map_err(|source| ImageError::Source { name: target.name.clone(), source: Box::new(source) })?;
        let tree = self.tree(&repository.folder, repository.in_place)?;
        let (file, text) = self.parts.templates.of_model(&model.name);
        let render = |mounts: &str| {
            let values = self.model_values(model, &repository.commit, &install, mounts);
            dockerfile::render(&file, text, values)
        };
        let script =
            dockerfile::render("images/install.sh", self.parts.templates.install_script(), json!({}))?;
        let description = ImageModel {
            model: model.name.clone(),
            entry: model.entry.clone(),
            workdir: MODEL_FOLDER.into(),
            commit: repository.commit.clone(),
            python: None,
        };
        let description = serde_json::to_string(&description)
            .map_err(|e| ImageError::io(Path::new(ImageModel::PATH), e.into()))?;
        let own = own_files(&repository.folder, &install, &script, &description, &self.parts.program);
        // A commit says all about its files. An author's folder may differ from any, and commits of others' files in the
        // same repository don't change it.
        let source = match repository.in_place {
            true => self.digest(&tree).await?,
            false => in_commit(&repository),
        };
        let key = ContentKey::new()
            .with("model", model.name.to_string())
            .with("source", &source)
            .with("program", self.parts.program.digest())
            .with("script", &script)
            .with("install", format!("{install:?}"))
            .with("entry", serde_json::to_string(&model.entry).unwrap_or_default())
            .with("timestamp", model.timestamp.as_ref().map(ToString::to_string).unwrap_or_default())
            .with("secrets", format!("{:?}", self.parts.secrets));
        let (bases, text, key) = self.based(&render(&self.mounts())?, &render("")?, key, progress).await?;
        if dockerfile::is_from_scratch(&text) {
            self.parts.program.must_be_static()?;
        }
        let mut labels = vec![
            ("org.opencontainers.image.title", target.name.clone()),
            ("org.opencontainers.image.revision", repository.commit.clone()),
        ];
        labels.extend(model.oneliner.clone().map(|text| ("org.opencontainers.image.description", text)));
        if let Some(crate::model::RepoLocation::Git(url)) = &model.repo {
            labels.push(("org.opencontainers.image.source", url.to_string()));
        }
        let context = Context { own, tree: Some(("model".to_owned(), tree)) };
        Ok(self.plan(target, text, context, key, Some(repository.commit), labels, bases))
    }

    /// The base images that a Dockerfile of these templates would start from.
    ///
    /// # Errors
    /// When a template is wrong.
    pub fn bases_of(
        templates: &ImageTemplates,
        base_image: &str,
        redis_base_image: &str,
        services: &[&str],
        models: &[&Model],
    ) -> Result<Vec<String>, ImageError> {
        let mut found = Vec::new();
        for name in services {
            let unknown =
                || ImageError::UnknownTemplates { files: vec![format!("images/{name}.Dockerfile")] };
            let (file, text) = templates.of_service(name).ok_or_else(unknown)?;
            let values = json!({"base": base_image, "redis_base": redis_base_image});
            found.extend(dockerfile::bases(&dockerfile::render(&file, text, values)?));
        }
        for model in models {
            let (file, text) = templates.of_model(&model.name);
            let values = model_values(model, "", &Installation::default(), "", base_image, false);
            found.extend(dockerfile::bases(&dockerfile::render(&file, text, values)?));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn service_values(&self) -> serde_json::Value {
        json!({"base": self.parts.base_image, "redis_base": self.parts.redis_base_image})
    }

    fn model_values(
        &self,
        model: &Model,
        commit: &str,
        install: &Installation,
        mounts: &str,
    ) -> serde_json::Value {
        model_values(model, commit, install, mounts, &self.parts.base_image, self.buildkit)
    }

    /// What `RUN` of a step that installs is told, so that it finds the builder's caches and the build's secrets.
    fn mounts(&self) -> String {
        if !self.buildkit {
            return String::new();
        }
        let secrets: String = self.parts.secrets.iter().map(|s| format!("{} ", s.mount())).collect();
        format!("--mount=type=cache,target=/root/.cache/pip {secrets}")
    }

    fn tree(&self, folder: &Path, in_place: bool) -> Result<Tree, ImageError> {
        Tree::list(folder, &Ignore::read(folder)?, in_place)
    }

    async fn digest(&self, tree: &Tree) -> Result<String, ImageError> {
        let tree = tree.clone();
        let failed = |e: tokio::task::JoinError| ImageError::io(Path::new("."), std::io::Error::other(e));
        tokio::task::spawn_blocking(move || tree.digest()).await.map_err(failed)?
    }

    /// Pins the bases of a Dockerfile; `plain` is the same one without what only concerns the builder.
    async fn based(
        &self,
        text: &str,
        plain: &str,
        key: ContentKey,
        progress: &dyn PrepareProgress,
    ) -> Result<(Vec<Base>, String, String), ImageError> {
        let mut pinned = HashMap::new();
        let mut key = key.with("dockerfile", plain).with("platform", self.parts.engine.platform());
        for image in dockerfile::bases(plain) {
            let base = self.bases.resolve(&image, progress).await?;
            key = key.with("base", &base.identity);
            pinned.insert(image, base);
        }
        for (name, value) in &self.parts.arguments {
            key = key.with("argument", name).with("value", value);
        }
        let text = dockerfile::with_bases(text, |image| pinned.get(image).map(|b| b.pinned.clone()));
        Ok((pinned.into_values().collect(), text, key.finish()))
    }

    #[allow(clippy::too_many_arguments)] // the parts of a plan, each once
    fn plan(
        &self,
        target: Target,
        dockerfile: String,
        mut context: Context,
        key: String,
        commit: Option<String>,
        labels: impl IntoIterator<Item = (&'static str, String)>,
        bases: Vec<Base>,
    ) -> Plan {
        context.own.insert(0, OwnFile::text(DOCKERFILE, dockerfile.clone()));
        let mut labels: HashMap<String, String> =
            labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        labels.insert(CONTENT_KEY_LABEL.to_owned(), key.clone());
        labels.insert(TARGET_LABEL.to_owned(), target.name.clone());
        Plan { target, dockerfile, context, key, commit, labels, bases }
    }
}

fn model_values(
    model: &Model,
    commit: &str,
    install: &Installation,
    mounts: &str,
    base: &str,
    buildkit: bool,
) -> serde_json::Value {
    let install = (!install.nothing()).then(|| json!({"whole": install.whole, "projects": install.projects}));
    json!({
        "base": base,
        "name": model.name,
        "owner": model.name.owner(),
        "title": model.name.title(),
        "safe": model.name.safe(),
        "env": model.env,
        "build": model.timestamp,
        "commit": commit,
        "install": install,
        "mounts": mounts,
        "buildkit": buildkit,
    })
}

/// The commit, and the folder of it that the model is in.
fn in_commit(repository: &Repository) -> String {
    let folder = repository.folder.to_string_lossy();
    let below = folder.rsplit_once(repository.commit.as_str()).map_or("", |(_, below)| below);
    format!("{} {}", repository.commit, below.trim_matches('/'))
}
