use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use crate::cli::Context;
use crate::cli::image_targets::without_latest_tag;
use crate::cli::models::{Selection, broken};
use crate::config::{Catalog, Listed};
use crate::error::Failure;
use crate::model::ModelName;
use crate::render::{KubeVersion, ModelInput, Renderer};
use crate::secret::{self, Scope};
use crate::settings::Settings;

/// Models to render, and everything that it takes.
pub(in crate::cli) struct Models<'c> {
    listed: Vec<&'c Listed>,
    /// Each model's, in the same order.
    secrets: Vec<BTreeMap<String, SecretString>>,
    renderer: Renderer,
    use_latest_tag: bool,
}

impl<'c> Models<'c> {
    /// What of the catalogue is selected, for a release of Kubernetes; its images pinned by the file `images`, if given. All that is missing is told at once.
    pub(in crate::cli) fn gather(
        context: &Context,
        settings: &Settings,
        version: KubeVersion,
        catalog: &'c Catalog,
        selection: &Selection,
        images: Option<&Path>,
        use_latest_tag: bool,
    ) -> anyhow::Result<Self> {
        if !matches!(selection, Selection::Named(_)) && catalog.diagnostics().has_errors() {
            return Err(broken(context, catalog));
        }
        let mut needs = Vec::new();
        let mut render_context = super::context(version, settings, &mut needs);
        render_context.digests = super::digests(images)?;
        let templates = super::templates(settings)?;
        let listed = catalog.select(selection.names())?;
        if use_latest_tag {
            needs.extend(without_latest_tag(&listed));
        }
        super::nothing_missing(needs)?;
        super::check_images(&render_context)?;
        if listed.is_empty() {
            return Err(Failure::config("there is no model")
                .hint("write the first with `csw models new OWNER/TITLE`")
                .into());
        }
        let scopes: Vec<Scope> = listed.iter().map(|l| Scope::Model(l.model.name.clone())).collect();
        let backend = secret::open(settings)?;
        let secrets = context
            .block_on(async { Ok(backend.entries_of(&scopes).await?) })?
            .into_iter()
            .map(|all| all.into_iter().map(|(n, v)| (n.to_string(), v.expose().to_owned().into())).collect())
            .collect();
        let renderer = Renderer::new(&templates, render_context)?;
        Ok(Self { listed, secrets, renderer, use_latest_tag })
    }

    /// Their names, in order.
    pub(in crate::cli) fn names(&self) -> impl Iterator<Item = &ModelName> {
        self.listed.iter().map(|l| &l.model.name)
    }

    /// What renders them.
    pub(in crate::cli) fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// What the renderer is given for each.
    pub(in crate::cli) fn inputs(&self) -> impl Iterator<Item = ModelInput<'_>> {
        self.listed.iter().zip(&self.secrets).map(|(listed, secrets)| ModelInput {
            model: &listed.model,
            secrets,
            tag: listed.model.latest_tag.as_deref().filter(|_| self.use_latest_tag),
        })
    }
}
