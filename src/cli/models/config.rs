use clap::Args;

use super::selection::{Selection, SelectionArgs, Wanted};
use super::source::SourceArgs;
use crate::cli::args::{Output, RenderArgs};
use crate::cli::rendering::Models;
use crate::cli::{Context, rendering};
use crate::error::Exit;
use crate::model::ModelName;
use crate::render::Object;
use crate::sink::{StreamSink, WriteError};
use crate::ui::Format;

/// Render models as objects for Kubernetes
///
/// Works without a cluster. Nothing is written unless every model can be rendered. Without -n these are the models whose
/// file differs from the base branch (--base-branch, or that of the remote `origin`) where the configuration is in a git
/// repository that has one, else all of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n PSLmodels/Tax-Cruncher config --project my-project | kubectl apply -f -
  csw models config --all --out manifests/ --kube-version 1.30
  csw models config --base-branch origin/develop
  csw models config --all --source all --use-latest-tag")]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    render: RenderArgs,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Use each model's latest tag, which the web app knows, instead of the image tag
    #[arg(long)]
    use_latest_tag: bool,
}

pub(super) fn run(context: &Context, wanted: Wanted<'_>, args: ConfigArgs) -> anyhow::Result<Exit> {
    let ConfigArgs { render, source, selection, use_latest_tag } = args;
    render.check_folder()?;
    let settings = context.settings(|o| render.adjust(o))?;
    let catalog = source.load(context, &settings, wanted.names)?;
    let Some(selection) = wanted.choose(context, &settings, &catalog, &selection)? else {
        return Ok(Exit::Ok);
    };
    let (version, images) = (RenderArgs::release(&settings)?, render.images.as_deref());
    let models = Models::gather(context, &settings, version, &catalog, &selection, images, use_latest_tag)?;
    let renderer = models.renderer();
    // Nothing is written before everything is known to render.
    let checked = renderer.check(models.inputs())?;
    match render.output() {
        Output::Stdout(Format::Yaml) => {
            let mut sink = StreamSink::new(context.printer().stdout());
            renderer.stream::<WriteError>(checked, |object| sink.put(&object))?;
            sink.finish()?;
        }
        Output::Stdout(format) => {
            let mut objects = Vec::new();
            renderer.stream::<WriteError>(checked, |object| {
                objects.push(object);
                Ok(())
            })?;
            rendering::show(context.printer(), format, objects)?;
        }
        Output::Folder(folder) => {
            let mut sink = render.directory(&folder)?;
            renderer.stream::<WriteError>(checked, |object| sink.put(&scope(&object), &object))?;
            let rendered: Vec<String> = models.names().map(of_model).collect();
            let all = matches!(selection, Selection::All);
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
