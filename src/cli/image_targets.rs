//! What `build` and `push` work on: the images of the services, and those of models.

use crate::cli::rendering;
use crate::config::Listed;
use crate::error::Failure;
use crate::image::build::Target;
use crate::model::ImageReference;
use crate::settings::Settings;

/// The services that have an image.
const SERVICES: [&str; 3] = ["scheduler", "outputs_processor", "redis"];

/// The images of the services.
///
/// # Errors
/// When the project isn't set, or doesn't make a valid reference.
pub(super) fn of_services(settings: &Settings) -> anyhow::Result<Vec<Target>> {
    let tag = settings.tag.value.to_string();
    SERVICES.iter().map(|name| target(settings, name, name, &tag)).collect()
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
    let without: Vec<String> = models
        .iter()
        .filter(|listed| use_latest_tag && listed.model.latest_tag.is_none())
        .map(|listed| format!("a latest tag of {}: the web app knows none (--source all)", listed.model.name))
        .collect();
    rendering::nothing_missing(without)?;
    let tag = settings.tag.value.to_string();
    models
        .iter()
        .map(|listed| {
            let model = &listed.model;
            let own = model.latest_tag.as_deref().filter(|_| use_latest_tag);
            let image = format!("{}_tasks", model.name.safe_underscored());
            target(settings, &model.name.to_string(), &image, own.unwrap_or(&tag))
        })
        .collect()
}

fn target(settings: &Settings, name: &str, image: &str, tag: &str) -> anyhow::Result<Target> {
    let Some(project) = &settings.project.value else {
        let failure = Failure::config("no PROJECT is set, the images' path below the registry");
        return Err(failure.hint("name it with --project, PROJECT, or `project` in csw.yaml").into());
    };
    let reference = ImageReference::new(&settings.registry.value, project, image, tag)?;
    Ok(Target { name: name.to_owned(), reference })
}
