use std::collections::BTreeMap;

use crate::cli::Context;
use crate::cli::models::Selection;
use crate::cli::rendering::{self, Models};
use crate::config::{self, Catalog, Sources};
use crate::model::ModelName;
use crate::plan::{Manifest, PlanError, Scope};
use crate::render::{KubeVersion, Object, RenderError, Renderer};
use crate::secret::{self, Change};
use crate::settings::Settings;

/// The label by which services and models are told apart.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// What is to be applied.
pub(in crate::cli) struct Desired {
    pub(super) manifests: Vec<Manifest>,
    /// What of the set this run is about.
    pub(super) scope: Scope,
    /// Passwords that were generated, to be kept before they are used.
    pub(super) passwords: Vec<Change>,
}

impl Desired {
    /// Objects from elsewhere: all that there is to the set.
    pub(in crate::cli) fn whole(manifests: Vec<Manifest>) -> Self {
        Self { manifests, scope: Scope::All, passwords: Vec::new() }
    }

    /// What of the set this is about.
    pub(in crate::cli) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The objects, for who only looks.
    pub(in crate::cli) fn into_manifests(self) -> Vec<Manifest> {
        self.manifests
    }
}

/// The services and the models of the configuration's folder: all, or those of these names.
pub(in crate::cli) fn everything(
    context: &Context,
    settings: &Settings,
    version: KubeVersion,
    names: &[ModelName],
) -> anyhow::Result<Desired> {
    let Desired { mut manifests, passwords, scope } = services(context, settings, version)?;
    let catalog = config::load_valid(&Sources::files(&settings.config_dir.value))?;
    if !names.is_empty() {
        let selection = Selection::Named(names.to_vec());
        let some = models(context, settings, version, &catalog, &selection, false)?;
        manifests.extend(some.manifests);
        return Ok(Desired { manifests, scope: scope.and(some.scope), passwords });
    }
    if catalog.models().len() > 0 || catalog.diagnostics().has_errors() {
        manifests.extend(models(context, settings, version, &catalog, &Selection::All, false)?.manifests);
    }
    Ok(Desired { manifests, scope: Scope::All, passwords })
}

/// The services alone.
pub(in crate::cli) fn services(
    context: &Context,
    settings: &Settings,
    version: KubeVersion,
) -> anyhow::Result<Desired> {
    let mut needs = Vec::new();
    let render_context = rendering::context(version, settings, &mut needs);
    let templates = rendering::templates(settings)?;
    let backend = secret::open(settings)?;
    let kept = context.block_on(async { Ok(backend.entries(&secret::Scope::Cluster).await?) })?;
    let services = rendering::services(settings, &kept, &mut needs);
    rendering::nothing_missing(needs)?;
    let Some((services, passwords)) = services else { anyhow::bail!("nothing is missing, and something is") };
    rendering::check_images(&render_context)?;
    let objects = Renderer::new(&templates, render_context)?.services(&services)?;
    Ok(Desired { manifests: manifests(objects)?, scope: instances(["csw".to_owned()]), passwords })
}

/// What is selected of the models.
pub(in crate::cli) fn models(
    context: &Context,
    settings: &Settings,
    version: KubeVersion,
    catalog: &Catalog,
    selection: &Selection,
    use_latest_tag: bool,
) -> anyhow::Result<Desired> {
    let models = Models::gather(context, settings, version, catalog, selection, None, use_latest_tag)?;
    let renderer = models.renderer();
    let mut objects = Vec::new();
    renderer.stream::<RenderError>(renderer.check(models.inputs())?, |object| {
        objects.push(object);
        Ok(())
    })?;
    let scope = instances(models.names().map(|name| name.safe().to_string()));
    Ok(Desired { manifests: manifests(objects)?, scope, passwords: Vec::new() })
}

fn instances(names: impl IntoIterator<Item = String>) -> Scope {
    Scope::Labels(names.into_iter().map(|name| BTreeMap::from([(INSTANCE.to_owned(), name)])).collect())
}

fn manifests(objects: Vec<Object>) -> Result<Vec<Manifest>, PlanError> {
    let mut manifests = Vec::with_capacity(objects.len());
    let mut problems = Vec::new();
    for object in objects {
        let place = object.to_string();
        match Manifest::new(object.into_value()) {
            Ok(manifest) => manifests.push(manifest),
            Err(list) => problems.extend(list.into_iter().map(|p| format!("{place}: {p}"))),
        }
    }
    if problems.is_empty() { Ok(manifests) } else { Err(PlanError::Manifests { problems }) }
}
