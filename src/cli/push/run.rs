use super::progress::Bars;
use super::view::PushView;
use super::{PushArgs, records};
use crate::cli::Context;
use crate::error::Exit;
use crate::image::Engine;
use crate::image::build::{BuildRecords, Target};
use crate::image::credentials::CredentialStore;
use crate::image::load;
use crate::image::push::{PushRequest, Pushed, Registries, check, push};
use crate::model::ImageReference;
use crate::settings::Settings;
use crate::ui::{self, Printer};

/// Pushes the images of these targets, or loads them into a local cluster; tells of each what became of it.
pub(in crate::cli) fn run(
    context: &Context,
    settings: &Settings,
    targets: &[Target],
    args: &PushArgs,
) -> anyhow::Result<Exit> {
    let printer = context.printer();
    if args.check {
        let images: Vec<_> = targets.iter().map(|target| target.reference.clone()).collect();
        return permitted(context, settings, &images);
    }
    if let Some(tool) = args.tool() {
        let images: Vec<_> = targets.iter().map(|target| target.reference.clone()).collect();
        let loaded = context.block_on(async {
            let engine = Engine::connect(None).await?;
            Ok(load::load(&engine, tool, args.load_cluster.as_deref(), &images).await?)
        })?;
        printer.note(format!("{} images loaded into {loaded}", images.len()));
        return Ok(Exit::Ok);
    }
    let mut records = args.images.as_deref().map(BuildRecords::read).transpose()?;
    let built = |image: &ImageReference| {
        let mut all = records.iter().flat_map(|records| &records.images);
        all.find(|record| record.image == *image).map(|record| record.id.clone())
    };
    let requests: Vec<PushRequest> = targets
        .iter()
        .map(|Target { reference, .. }| PushRequest {
            image: reference.clone(),
            also_tags: args.also_tags.clone(),
            id: built(reference),
        })
        .collect();
    let jobs = args.jobs.unwrap_or(settings.build_jobs.value);
    let outcomes = context.block_on(async {
        let engine = Engine::connect(None).await?;
        let registries = Registries::new(CredentialStore::from_environment());
        let bars = Bars::new(printer);
        Ok(push(&engine, &registries, &requests, jobs, &bars).await)
    })?;
    let pushed: Vec<&Pushed> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    if let Some((path, records)) = args.images.as_deref().zip(records.as_mut()) {
        records::add_digests(printer, path, records, &pushed)?;
    }
    let rows = targets.iter().zip(&outcomes);
    let rows = rows.map(|(target, outcome)| (target.name.as_str(), &target.reference, outcome));
    let view = PushView::new(rows, &args.also_tags);
    printer.view(args.output, &view, PushView::table, PushView::names)?;
    let failed: Vec<&str> = targets
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| outcome.is_err())
        .map(|(target, _)| target.name.as_str())
        .collect();
    if !failed.is_empty() && targets.len() > 1 {
        let (wrong, total) = (failed.len(), targets.len());
        printer.note(format!("{wrong} of {total} images were not pushed: {}", failed.join(", ")));
    }
    // Each in full: they may have nothing to do with one another.
    let failures = outcomes.into_iter().filter_map(Result::err);
    let exits = failures.map(|failure| ui::report(printer, &failure.into()));
    Ok(exits.max_by_key(|exit| *exit as u8).unwrap_or(Exit::Ok))
}

/// Checks that these images may be pushed, and tells of each repository to which they may not.
fn permitted(context: &Context, settings: &Settings, images: &[ImageReference]) -> anyhow::Result<Exit> {
    let registries = Registries::new(CredentialStore::from_environment());
    let at_once = settings.build_jobs.value;
    context.block_on(async { Ok(may_push(context.printer(), &registries, images, at_once).await) })
}

/// The same, while more is going on.
pub(in crate::cli) async fn may_push(
    printer: Printer,
    registries: &Registries,
    images: &[ImageReference],
    at_once: usize,
) -> Exit {
    let refusals = check(registries, images, at_once).await;
    let exits = refusals.into_iter().map(|refusal| ui::report(printer, &refusal.into()));
    exits.max_by_key(|exit| *exit as u8).unwrap_or(Exit::Ok)
}
