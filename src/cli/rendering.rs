//! What `config` and `apply` of services and models share: from settings, project and secrets to what the renderer takes.

mod models;
mod output;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use secrecy::SecretString;

use crate::beneath::Beneath;
use crate::error::Failure;
use crate::image::build::BuildRecords;
use crate::model::ImageReference;
use crate::render::{KubeVersion, RedisPasswords, RenderContext, RenderError, ServicesContext, Templates};
use crate::secret::{Change, Scope, SecretBackend, SecretName, SecretValue};
use crate::settings::Settings;

pub(super) use models::Models;
pub(super) use output::show;

/// The folder of a project in which its own templates are.
const FOLDER: &str = "templates";

/// csw's templates and the project's own in place of some.
pub(super) fn templates(settings: &Settings) -> anyhow::Result<Templates> {
    let root = settings.root.join(FOLDER);
    let mut overrides = Vec::new();
    let Some(files) = own_templates(&root)? else { return Ok(Templates::with_overrides(overrides)?) };
    let folders: std::collections::BTreeSet<&str> = Templates::embedded()
        .filter_map(|(file, _)| file.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    for folder in folders {
        let path = root.join(folder);
        let unreadable = |path: &Path, e| Failure::config(format!("cannot read {}: {e}", path.display()));
        for name in files.names(folder).map_err(|e| unreadable(&path, e))? {
            // Editors leave other files behind.
            if Path::new(&name).extension().is_none_or(|e| e != "yaml") {
                continue;
            }
            let file = format!("{folder}/{name}");
            let bytes = files.read(&file).map_err(|e| unreadable(&root.join(&file), e))?;
            let text = String::from_utf8(bytes.unwrap_or_default())
                .map_err(|_| unreadable(&root.join(&file), std::io::ErrorKind::InvalidData.into()))?;
            overrides.push((file, text));
        }
    }
    overrides.sort();
    Ok(Templates::with_overrides(overrides)?)
}

/// The folder of a project's own templates, if it has one; links in it may not lead out of it.
pub(super) fn own_templates(root: &Path) -> anyhow::Result<Option<Beneath>> {
    match Beneath::open(root) {
        Ok(files) => Ok(Some(files)),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(e) => Err(e).with_context(|| format!("cannot read {}", root.display())),
    }
}

/// What all objects depend on, or what is missing for it.
pub(super) fn context(
    kube_version: KubeVersion,
    settings: &Settings,
    needs: &mut Vec<String>,
) -> RenderContext {
    let project = settings.project.value.clone();
    if project.is_none() {
        needs.push(
            "PROJECT, the images' path below the registry: --project, PROJECT, or `project` in csw.yaml"
                .into(),
        );
    }
    let mut kubernetes = settings.kubernetes.clone();
    match settings.namespace.value.as_deref().map(str::parse) {
        Some(Ok(namespace)) => kubernetes.namespace = namespace,
        Some(Err(e)) => needs.push(format!("a namespace: {e}")),
        None => {}
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // above zero and at most a year
    let grace_seconds = settings.grace_period.value.as_secs_f64().ceil() as u32;
    RenderContext {
        kube_version,
        registry: settings.registry.value.as_str().to_owned(),
        project: project.unwrap_or_default(),
        tag: settings.tag.value.to_string(),
        digests: None,
        kubernetes,
        grace_seconds,
    }
}

/// The digests that a build or push has written down.
pub(super) fn digests(file: Option<&Path>) -> anyhow::Result<Option<BTreeMap<String, String>>> {
    let Some(file) = file else { return Ok(None) };
    let records = BuildRecords::read(file)?;
    Ok(Some(records.images.into_iter().filter_map(|r| Some((r.image.to_string(), r.digest?))).collect()))
}

/// Fails with everything that is missing.
pub(super) fn nothing_missing(needs: Vec<String>) -> Result<(), RenderError> {
    if needs.is_empty() { Ok(()) } else { Err(RenderError::Missing { needs }) }
}

/// Fails where an image's name can't be made, before anything is stored.
pub(super) fn check_images(context: &RenderContext) -> anyhow::Result<()> {
    ImageReference::new(&context.registry, &context.project, "scheduler", &context.tag)?;
    Ok(())
}

/// What the services need, the passwords of Redis' users and the web app's token from the secrets.
pub(super) fn services(
    settings: &Settings,
    kept: &BTreeMap<SecretName, SecretValue>,
    needs: &mut Vec<String>,
) -> Option<(ServicesContext, Vec<Change>)> {
    let find = |name: &str| {
        kept.iter().find(|(n, _)| n.as_str() == name).map(|(_, v)| SecretString::from(v.expose().to_owned()))
    };
    let text = |name: &str| kept.iter().find(|(n, _)| n.as_str() == name).map(|(_, v)| v.expose().to_owned());
    let bucket = settings.bucket.value.clone().or_else(|| text("BUCKET"));
    if bucket.is_none() {
        needs.push(
            "BUCKET, where results are stored: --bucket, BUCKET, or `bucket` in csw.yaml; gs://… or s3://…, or file:///outputs \
             for a disk of the cluster"
                .into(),
        );
    }
    let cs_url = settings.cs_url.value.clone();
    let cs_api_token = settings.cs_api_token.value.clone().or_else(|| find("CS_API_TOKEN"));
    if cs_url.is_some() && cs_api_token.is_none() {
        needs.push(
            "CS_API_TOKEN, because a web app is set: csw svc secrets set CS_API_TOKEN, or the variable"
                .into(),
        );
    }
    let mut changes = Vec::new();
    let mut password = |name: &str| match find(name) {
        Some(password) => Ok(password),
        None => generate().and_then(|password| {
            let value = SecretValue::from(SecretString::from(password.clone()));
            changes.push(Change::Set(Scope::Cluster, name.parse().map_err(|e| format!("{e}"))?, value));
            Ok(SecretString::from(password))
        }),
    };
    let passwords =
        (password("REDIS_ADMIN_PW"), password("REDIS_SCHEDULER_PW"), password("REDIS_EXECUTOR_PW"));
    let cluster_key = password("CSW_CLUSTER_KEY");
    let scheduler_token = match settings.scheduler_token.value.clone() {
        Some(token) => Ok(token),
        // Whoever reaches the scheduler could run models, so callers always have to show one.
        None => password("CSW_SCHEDULER_TOKEN"),
    };
    let redis = match passwords {
        (Ok(admin), Ok(scheduler), Ok(executor)) => RedisPasswords { admin, scheduler, executor },
        (Err(e), ..) | (_, Err(e), _) | (.., Err(e)) => {
            needs.push(format!("randomness for passwords: {e}"));
            return None;
        }
    };
    let keys = cluster_key.and_then(|key| Ok((key, scheduler_token?)));
    let (cluster_key, scheduler_token) =
        keys.map_err(|e| needs.push(format!("randomness for keys: {e}"))).ok()?;
    let services = ServicesContext {
        cs_url,
        cs_api_token,
        scheduler_token: Some(scheduler_token),
        bucket: bucket?,
        redis,
        cluster_key,
    };
    Some((services, changes))
}

/// Keeps what was generated, so that the next run renders the same.
pub(super) async fn keep(backend: &dyn SecretBackend, changes: Vec<Change>) -> anyhow::Result<usize> {
    let new = changes.len();
    if new > 0 {
        backend.change(changes).await?;
    }
    Ok(new)
}

/// 40 letters and digits from the operating system's randomness: 238 bits.
pub(super) fn generate() -> Result<String, String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut password = String::new();
    while password.len() < 40 {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
        // Bytes beyond the last whole multiple of 62 would make some letters likelier.
        let letters = bytes.iter().filter(|b| **b < 248).filter_map(|b| ALPHABET.get(usize::from(*b % 62)));
        password.extend(letters.map(|l| char::from(*l)));
        password.truncate(40);
    }
    Ok(password)
}
