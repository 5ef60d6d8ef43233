use std::num::NonZero;
use std::time::Instant;

use futures::{StreamExt as _, stream};

use super::progress::{Board, Style, github_error};
use super::{BuildArgs, view};
use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::image::ImageError;
use crate::image::build::{BuildOptions, BuildRecord, BuildRecords, Target, Workshop};
use crate::model::Model;
use crate::ui;

/// An image to build.
pub(in crate::cli) struct Job<'m> {
    /// What it is for, and its name.
    pub(in crate::cli) target: Target,
    /// What it is made of.
    pub(in crate::cli) what: What<'m>,
}

/// What an image is made of.
pub(in crate::cli) enum What<'m> {
    /// A service of csw's.
    Service,
    /// A model, and the file that configures it with the line.
    Model(&'m Model, Option<(&'m str, usize)>),
}

/// Builds images, several at once, and tells what became of them. Unless errors are to be ignored, none is begun after
/// one has failed.
pub(in crate::cli) async fn run(
    context: &Context,
    workshop: &Workshop,
    args: &BuildArgs,
    at_once: usize,
    jobs: Vec<Job<'_>>,
) -> anyhow::Result<Exit> {
    let printer = context.printer();
    let board = Board::new(printer);
    let width = jobs.iter().map(|j| j.target.name.len()).max().unwrap_or_default();
    let options = BuildOptions { force: args.force, no_cache: args.no_cache };
    let at_once = NonZero::new(at_once).unwrap_or(NonZero::<usize>::MIN).get();
    let total = jobs.len();
    let mut running = stream::iter(jobs)
        .map(|job| {
            let board = &board;
            async move {
                let started = Instant::now();
                let place = board.place(&job.target.name, width);
                let built = one(workshop, &job, options, &place).await;
                let seconds = started.elapsed().as_secs_f64();
                place.end(&match &built {
                    Ok(record) if record.skipped => "unchanged".to_owned(),
                    Ok(_) => format!("built in {seconds:.1} s"),
                    Err(_) => format!("failed after {seconds:.1} s"),
                });
                (job, built)
            }
        })
        .buffer_unordered(at_once);
    let (mut records, mut failed) = (BuildRecords::default(), Vec::new());
    let mut exit = None;
    while let Some((job, built)) = running.next().await {
        match built {
            Ok(record) => records.images.push(record),
            Err(error) => {
                let error = anyhow::Error::from(error);
                if board.style() == Style::Groups {
                    let file = if let What::Model(_, file) = job.what { file } else { None };
                    board.note(&github_error(
                        file,
                        &job.target.name,
                        &ui::logs::masked(&format!("{error:#}")),
                    ));
                }
                let this = ui::report(printer, &error);
                exit = exit.or(Some(this));
                failed.push(job.target.name);
                if !args.ignore_ci_errors {
                    break;
                }
            }
        }
    }
    drop(running);
    records.images.sort_by(|a, b| a.target.cmp(&b.target));
    if let Some(path) = &args.output {
        records.write(path)?;
    }
    view::show(printer, args.format, &records)?;
    match exit {
        None => Ok(Exit::Ok),
        Some(_) if args.ignore_ci_errors => {
            failed.sort();
            let message = format!("{} of {total} images were not built: {}", failed.len(), failed.join(", "));
            Err(Failure::config(message).into())
        }
        Some(exit) => {
            let rest = total - records.images.len() - failed.len();
            if rest > 0 {
                printer.note(format!("{rest} others were not built; --ignore-ci-errors goes on with them"));
            }
            Ok(exit)
        }
    }
}

async fn one(
    workshop: &Workshop,
    job: &Job<'_>,
    options: BuildOptions,
    place: &super::progress::Place<'_>,
) -> Result<BuildRecord, ImageError> {
    let plan = match &job.what {
        What::Service => workshop.plan_service(job.target.clone(), place).await?,
        What::Model(model, _) => workshop.plan_model(model, job.target.clone(), place).await?,
    };
    workshop.build(plan, options, place).await
}
