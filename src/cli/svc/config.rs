use clap::Args;

use crate::cli::args::{Output, RenderArgs};
use crate::cli::{Context, rendering};
use crate::error::Exit;
use crate::render::Renderer;
use crate::secret::{self, Scope};
use crate::sink::StreamSink;
use crate::ui::Format;

/// Render the services as objects for Kubernetes
///
/// Works without a cluster. Passwords that are not kept yet are generated, and kept with the other secrets of the
/// cluster (csw svc secrets list).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc config --project my-project --bucket gs://my-bucket | kubectl apply -f -
  csw svc config --out manifests/ --kube-version 1.30
  csw svc config --bucket file:///outputs --namespace staging")]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    render: RenderArgs,
}

pub(super) fn run(context: &Context, args: ConfigArgs) -> anyhow::Result<Exit> {
    let ConfigArgs { render } = args;
    render.check_folder()?;
    let settings = context.settings(|o| render.adjust(o))?;
    let mut needs = Vec::new();
    let mut render_context = rendering::context(RenderArgs::release(&settings)?, &settings, &mut needs);
    render_context.digests = rendering::digests(render.images.as_deref())?;
    let templates = rendering::templates(&settings)?;
    let backend = secret::open(&settings)?;
    let kept = context.block_on(async { Ok(backend.entries(&Scope::Cluster).await?) })?;
    let services = rendering::services(&settings, &kept, &mut needs);
    rendering::nothing_missing(needs)?;
    let Some((services, changes)) = services else { anyhow::bail!("nothing is missing, and something is") };
    rendering::check_images(&render_context)?;
    let objects = Renderer::new(&templates, render_context)?.services(&services)?;
    let new = context.block_on(rendering::keep(backend.as_ref(), changes))?;
    if new > 0 {
        context.printer().note(format!(
            "generated {new} passwords and keys; see them with: csw svc secrets list --reveal"
        ));
    }
    match render.output() {
        Output::Stdout(Format::Yaml) => {
            let mut sink = StreamSink::new(context.printer().stdout());
            objects.iter().try_for_each(|object| sink.put(object))?;
            sink.finish()?;
        }
        Output::Stdout(format) => rendering::show(context.printer(), format, objects)?,
        Output::Folder(folder) => {
            let mut sink = render.directory(&folder)?;
            objects.iter().try_for_each(|object| sink.put("services", object))?;
            let written = sink.finish(|scope| scope == "services")?;
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
