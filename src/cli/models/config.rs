use std::collections::BTreeMap;

use clap::Args;
use secrecy::SecretString;

use super::source::SourceArgs;
use crate::cli::args::RenderArgs;
use crate::cli::{Context, rendering};
use crate::error::{Exit, Failure};
use crate::model::ModelName;
use crate::render::{ModelInput, Object, Renderer};
use crate::secret::{self, Scope};
use crate::sink::{DirectorySink, StreamSink, WriteError};

/// Render models as objects for Kubernetes
///
/// Works without a cluster. Nothing is written unless every model can be rendered.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n PSLmodels/Tax-Cruncher config --project my-project | kubectl apply -f -
  csw models config -o manifests/ --kube-version 1.30
  csw models config --source all --use-latest-tag")]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    render: RenderArgs,

    #[command(flatten)]
    source: SourceArgs,

    /// Use each model's latest tag, which the web app knows, instead of the image tag
    #[arg(long)]
    use_latest_tag: bool,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: ConfigArgs) -> anyhow::Result<Exit> {
    let ConfigArgs { render, source, use_latest_tag } = args;
    let settings = context.settings(|o| render.adjust(o))?;
    let mut needs = Vec::new();
    let render_context = rendering::context(render.kube_version, &settings, &mut needs);
    let templates = rendering::templates(&settings)?;
    let catalog = source.load(context, &settings)?;
    if names.is_empty() && catalog.diagnostics().has_errors() {
        // Some of the models are broken: the others alone would be taken for all.
        context.printer().warn(catalog.diagnostics().render(context.printer().report_style()));
        return Ok(Exit::Config);
    }
    let listed = catalog.select(names)?;
    if use_latest_tag {
        for listed in listed.iter().filter(|l| l.model.latest_tag.is_none()) {
            needs.push(format!(
                "a latest tag of {}: the web app knows none (--source all)",
                listed.model.name
            ));
        }
    }
    rendering::nothing_missing(needs)?;
    rendering::check_images(&render_context)?;
    if listed.is_empty() {
        return Err(Failure::config("there is no model to render")
            .hint("write the first with `csw models new OWNER/TITLE`")
            .into());
    }
    let scopes: Vec<Scope> = listed.iter().map(|l| Scope::Model(l.model.name.clone())).collect();
    let backend = secret::open(&settings)?;
    let secrets: Vec<BTreeMap<String, SecretString>> = context
        .block_on(async { Ok(backend.entries_of(&scopes).await?) })?
        .into_iter()
        .map(|all| all.into_iter().map(|(n, v)| (n.to_string(), v.expose().to_owned().into())).collect())
        .collect();
    let renderer = Renderer::new(&templates, render_context)?;
    let inputs = listed.iter().zip(&secrets).map(|(listed, secrets)| ModelInput {
        model: &listed.model,
        secrets,
        tag: listed.model.latest_tag.as_deref().filter(|_| use_latest_tag),
    });
    // Nothing is written before everything is known to render.
    let checked = renderer.check(inputs)?;
    match render.folder() {
        None => {
            let mut sink = StreamSink::new(context.printer().stdout());
            renderer.stream::<WriteError>(checked, |object| sink.put(&object))?;
            sink.finish()?;
        }
        Some(folder) => {
            let mut sink = DirectorySink::new(folder.clone())?;
            renderer.stream::<WriteError>(checked, |object| sink.put(&scope(&object), &object))?;
            let rendered: Vec<String> = listed.iter().map(|l| of_model(&l.model.name)).collect();
            let all = names.is_empty();
            let written = sink.finish(|scope| {
                if all { scope.starts_with("model ") } else { rendered.iter().any(|r| r == scope) }
            })?;
            context.printer().note(format!(
                "{} files in {}, {} of earlier runs removed",
                written.files,
                folder.display(),
                written.removed
            ));
        }
    }
    Ok(Exit::Ok)
}

fn of_model(name: &ModelName) -> String {
    format!("model {}", name.safe())
}

/// Which model an object belongs to, by the label that all templates set.
fn scope(object: &Object) -> String {
    let instance = object.value().pointer("/metadata/labels/app.kubernetes.io~1instance");
    format!("model {}", instance.and_then(|i| i.as_str()).unwrap_or_default())
}
