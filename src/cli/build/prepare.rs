use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::BuildArgs;
use crate::beneath::Beneath;
use crate::cli::rendering::own_templates;
use crate::error::Failure;
use crate::image::build::{Workshop, WorkshopParts};
use crate::image::credentials::CredentialStore;
use crate::image::{Engine, ImageTemplates, Lock, Program};
use crate::secret::{SecretName, SecretValue};
use crate::settings::Settings;

/// csw's templates of images, and the project's own in place of some or for single models.
pub(in crate::cli) fn image_templates(settings: &Settings) -> anyhow::Result<ImageTemplates> {
    let mut overrides = Vec::new();
    if let Some(files) = own_templates(&settings.root.join("templates"))? {
        read_below(&files, "images", true, &mut overrides)?;
    }
    overrides.sort();
    Ok(ImageTemplates::with_overrides(overrides)?)
}

/// Files of a folder, and of the owners' folders in it. Editors leave others behind.
fn read_below(
    files: &Beneath,
    folder: &str,
    deeper: bool,
    found: &mut Vec<(String, String)>,
) -> anyhow::Result<()> {
    let failed = |name: &str| format!("cannot read {}", files.path().join(name).display());
    for name in files.names(folder).with_context(|| failed(folder))? {
        let file = format!("{folder}/{name}");
        if files.has_folder(&file) && deeper {
            read_below(files, &file, false, found)?;
        } else if Path::new(&name).extension().is_some_and(|e| e == "Dockerfile" || e == "sh") {
            let bytes = files.read(&file).with_context(|| failed(&file))?.unwrap_or_default();
            found.push((file.clone(), String::from_utf8(bytes).with_context(|| failed(&file))?));
        }
    }
    Ok(())
}

/// What all builds of a run share. `secrets` are the values and `names` the names that must not become arguments.
pub(in crate::cli) async fn workshop(
    settings: &Settings,
    args: &BuildArgs,
    secrets: &BTreeMap<SecretName, SecretValue>,
    names: &BTreeSet<String>,
) -> anyhow::Result<Workshop> {
    refuse_secrets(&args.arguments, secrets, names)?;
    let engine = Engine::connect(None).await?;
    let classic = std::env::var("DOCKER_BUILDKIT").is_ok_and(|v| matches!(v.as_str(), "0" | "false"));
    let cache = settings.cache_dir.value.clone();
    let given = args.program.clone().or_else(|| settings.program.value.clone());
    let parts = WorkshopParts {
        templates: image_templates(settings)?,
        credentials: CredentialStore::from_environment(),
        lock: Lock::read(&Lock::path(&settings.root))?,
        program: Program::find(given.as_deref(), &cache)?,
        base_image: settings.base_image.value.clone(),
        redis_base_image: settings.redis_base_image.value.clone(),
        buildkit: !classic,
        arguments: args.arguments.iter().cloned().collect(),
        secrets: args.secrets.clone(),
        certificates: certificates()?,
        cancel: CancellationToken::new(),
        engine,
        cache,
    };
    Ok(Workshop::new(parts)?)
}

/// Arguments of a build stay in the image's history, for everybody who has the image.
fn refuse_secrets(
    arguments: &[(String, String)],
    secrets: &BTreeMap<SecretName, SecretValue>,
    names: &BTreeSet<String>,
) -> anyhow::Result<()> {
    // Short values are found in many texts that have nothing to do with them.
    let is_value =
        |value: &str| secrets.values().any(|s| s.expose().len() >= 6 && value.contains(s.expose()));
    let is_name = |name: &str| names.contains(name) || secrets.keys().any(|n| n.as_str() == name);
    let wrong: Vec<&str> = arguments
        .iter()
        .filter(|(name, value)| is_name(name) || is_value(value))
        .map(|(name, _)| name.as_str())
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let message = format!(
        "secrets as build arguments: {}; everybody who has the image could read them",
        wrong.join(", ")
    );
    Err(Failure::config(message)
        .hint("show it to the steps that need it as a file: --secret id=NAME,env=VARIABLE, and RUN --mount=type=secret,id=NAME")
        .into())
}

/// The certificates that this machine trusts, for services to trust the same.
fn certificates() -> anyhow::Result<Vec<u8>> {
    const PLACES: [&str; 5] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let named = std::env::var_os("SSL_CERT_FILE").filter(|p| !p.is_empty()).map(PathBuf::from);
    let path = match named {
        Some(path) => path,
        None => PLACES.iter().map(PathBuf::from).find(|p| p.is_file()).ok_or_else(|| {
            Failure::config("this machine has no CA certificates for the services' images").hint(
                "install them (Debian: apt install ca-certificates), or name a PEM file: SSL_CERT_FILE=FILE",
            )
        })?,
    };
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_no_build_argument_by_name_or_value() {
        let secrets =
            BTreeMap::from([("TOKEN".parse().unwrap(), SecretValue::from("abcdef-123".to_owned()))]);
        let names = BTreeSet::from(["PASSWORD".to_owned()]);
        let check = |name: &str, value: &str| {
            refuse_secrets(&[(name.to_owned(), value.to_owned())], &secrets, &names)
                .map_err(|e| e.to_string())
        };
        check("VERSION", "1.2").unwrap();
        for (name, value) in [("TOKEN", "x"), ("PASSWORD", "x"), ("URL", "https://me:abcdef-123@host/")] {
            let error = check(name, value).unwrap_err();
            assert!(error.contains(name) && !error.contains("abcdef-123"), "{error}");
        }
    }
}
