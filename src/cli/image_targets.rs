//! What images are called: those of the services, and those of models. `build`, `test`, `push` and `images` ask here.

use crate::cli::rendering;
use crate::config::Listed;
use crate::error::Failure;
use crate::image::build::Target;
use crate::model::{ImageReference, ModelName};
use crate::settings::Settings;

/// The services that have an image.
pub(super) const SERVICES: [&str; 3] = ["scheduler", "outputs_processor", "redis"];

/// The images of the services.
///
/// # Errors
/// When the project isn't set, or doesn't make a valid reference.
pub(super) fn of_services(settings: &Settings) -> anyhow::Result<Vec<Target>> {
    SERVICES.iter().map(|name| of_service(settings, name)).collect()
}

/// The image of one of [`SERVICES`].
///
/// # Errors
/// As [`of_services`].
pub(super) fn of_service(settings: &Settings, name: &str) -> anyhow::Result<Target> {
    target(settings, name, name, &settings.tag.value.to_string())
}

/// The image of a model at the tag of the settings.
///
/// # Errors
/// As [`of_services`].
pub(super) fn of_model(settings: &Settings, model: &ModelName) -> anyhow::Result<Target> {
    at(settings, model, &settings.tag.value.to_string())
}

/// The images' path below the registry.
///
/// # Errors
/// When it isn't set.
pub(super) fn project(settings: &Settings) -> anyhow::Result<&str> {
    settings.project.value.as_deref().ok_or_else(|| {
        let failure = Failure::config("no project is set: it is the images' path below the registry");
        failure.hint("name it with --project, PROJECT, or `project` in csw.yaml").into()
    })
}

/// The images of models, each at its latest tag or at the one of the settings.
///
/// # Errors
/// As [`of_services`], and when a latest tag is wanted that the web app doesn't know.
pub(super) fn of_models(
    settings: &Settings,
    models: &[&Listed],
    use_latest_tag: bool,
) -> anyhow::Result<Vec<Target>> {
    if use_latest_tag {
        rendering::nothing_missing(without_latest_tag(models).collect())?;
    }
    let tag = settings.tag.value.to_string();
    models
        .iter()
        .map(|listed| {
            let model = &listed.model;
            let own = model.latest_tag.as_deref().filter(|_| use_latest_tag);
            at(settings, &model.name, own.unwrap_or(&tag))
        })
        .collect()
}

/// The latest tags that the web app doesn't know, each in words.
pub(super) fn without_latest_tag(models: &[&Listed]) -> impl Iterator<Item = String> {
    let without = models.iter().filter(|listed| listed.model.latest_tag.is_none());
    without
        .map(|listed| format!("a latest tag of {}: the web app knows none (--source all)", listed.model.name))
}

fn at(settings: &Settings, model: &ModelName, tag: &str) -> anyhow::Result<Target> {
    target(settings, &model.to_string(), &format!("{}_tasks", model.safe_underscored()), tag)
}

fn target(settings: &Settings, name: &str, image: &str, tag: &str) -> anyhow::Result<Target> {
    let reference = ImageReference::new(settings.registry.value.as_str(), project(settings)?, image, tag)?;
    Ok(Target { name: name.to_owned(), reference })
}
