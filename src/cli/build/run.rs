use std::num::NonZero;
use std::time::Instant;

use futures::{StreamExt as _, stream};

use super::outcome::Outcomes;
use super::progress::{Board, Place};
use super::{BuildArgs, view};
use crate::cli::Context;
use crate::cli::push::may_push;
use crate::cli::up::Signals;
use crate::error::{Exit, Failure};
use crate::image::ImageError;
use crate::image::build::{BuildOptions, BuildRecord, Target, Workshop};
use crate::image::credentials::CredentialStore;
use crate::image::push::{PushError, PushRequest, Registries, push};
use crate::model::Model;

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
/// one has failed, and those under way are ended. So they are by Ctrl-C.
pub(in crate::cli) async fn run(
    context: &Context,
    workshop: &Workshop,
    args: &BuildArgs,
    at_once: usize,
    jobs: Vec<Job<'_>>,
) -> anyhow::Result<Exit> {
    let printer = context.printer();
    let mut signals = Signals::new()?;
    let cancel = workshop.cancel();
    let registries = args.push.then(|| Registries::new(CredentialStore::from_environment()));
    if let Some(registries) = &registries {
        let images: Vec<_> = jobs.iter().map(|job| job.target.reference.clone()).collect();
        let permitted = tokio::select! {
            permitted = may_push(printer, registries, &images, at_once) => permitted,
            () = signals.next() => return Err(Failure::interrupted("interrupted").into()),
        };
        if permitted != Exit::Ok {
            return Ok(permitted);
        }
    }
    let board = Board::new(printer);
    let width = jobs.iter().map(|j| j.target.name.len()).max().unwrap_or_default();
    let at_once = NonZero::new(at_once).unwrap_or(NonZero::<usize>::MIN).get();
    let bench = Bench { workshop, args, registries };
    let mut outcomes = Outcomes::new(&board, printer, jobs.len());
    let mut running = stream::iter(jobs)
        .map(|job| {
            let place = board.place(&job.target.name, width);
            let bench = &bench;
            async move {
                let (record, error) = bench.make(&job, place).await;
                (job, record, error)
            }
        })
        .buffer_unordered(at_once);
    let mut interrupted = false;
    loop {
        let (job, record, error) = tokio::select! {
            next = running.next() => match next {
                Some(done) => done,
                None => break,
            },
            () = signals.next() => {
                if interrupted {
                    return Err(Failure::interrupted("interrupted").into());
                }
                interrupted = true;
                cancel.cancel();
                board.note("Ending the builds (Ctrl-C again leaves that to the engine)");
                continue;
            }
        };
        outcomes.built(record);
        match error {
            None => {}
            // What has been ended need not be told of one by one.
            Some(_) if cancel.is_cancelled() => {}
            Some(error) => {
                outcomes.failed(&job, &error);
                if !args.ignore_ci_errors {
                    cancel.cancel();
                }
            }
        }
    }
    drop(running);
    let records = outcomes.records();
    if let Some(path) = &args.out {
        records.write(path)?;
    }
    view::show(printer, args.output, &records)?;
    if interrupted {
        return Err(Failure::interrupted("interrupted").into());
    }
    outcomes.end(args.ignore_ci_errors)
}

/// What makes images, and where they go.
struct Bench<'b> {
    workshop: &'b Workshop,
    args: &'b BuildArgs,
    /// Where they are pushed to, if they are to be.
    registries: Option<Registries>,
}

impl Bench<'_> {
    /// Builds an image and pushes it, if that is asked for. One that is built and not pushed is both.
    async fn make(&self, job: &Job<'_>, place: Place<'_>) -> (Option<BuildRecord>, Option<anyhow::Error>) {
        let started = Instant::now();
        let built = self.build(job, &place).await;
        let seconds = || started.elapsed().as_secs_f64();
        let mut record = match built {
            Ok(record) => record,
            Err(error) => {
                let how = if matches!(error, ImageError::Interrupted { .. }) { "ended" } else { "failed" };
                place.end(&format!("{how} after {:.1} s", seconds()));
                return (None, Some(error.into()));
            }
        };
        let mut said =
            if record.skipped { "unchanged".to_owned() } else { format!("built in {:.1} s", seconds()) };
        let Some(registries) = &self.registries else {
            place.end(&said);
            return (Some(record), None);
        };
        let pushed = self.push(registries, job, &record.id, &place).await;
        let error = match pushed {
            Ok((digest, existing)) => {
                record.digest = Some(digest);
                said.push_str(if existing { ", was at the registry" } else { ", pushed" });
                None
            }
            Err(error) => {
                said.push_str(", not pushed");
                Some(error)
            }
        };
        place.end(&said);
        (Some(record), error)
    }

    async fn build(&self, job: &Job<'_>, place: &Place<'_>) -> Result<BuildRecord, ImageError> {
        let options = BuildOptions { force: self.args.force, no_cache: self.args.no_cache };
        let workshop = self.workshop;
        let cancel = workshop.cancel();
        let planned = async {
            match &job.what {
                What::Service => workshop.plan_service(job.target.clone(), place).await,
                What::Model(model, _) => workshop.plan_model(model, job.target.clone(), place).await,
            }
        };
        let plan = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                return Err(ImageError::Interrupted { name: job.target.name.clone() });
            }
            plan = planned => plan?,
        };
        workshop.build(plan, options, place).await
    }

    /// The digest at the registry, and whether it was there already.
    async fn push(
        &self,
        registries: &Registries,
        job: &Job<'_>,
        id: &str,
        place: &Place<'_>,
    ) -> anyhow::Result<(String, bool)> {
        let request = PushRequest {
            image: job.target.reference.clone(),
            also_tags: self.args.also_tags.clone(),
            id: Some(id.to_owned()),
        };
        let cancel = self.workshop.cancel();
        let mut outcomes = tokio::select! {
            outcomes = push(self.workshop.engine(), registries, std::slice::from_ref(&request), 1, place) => outcomes,
            () = cancel.cancelled() => {
                return Err(ImageError::Interrupted { name: job.target.name.clone() }.into());
            }
        };
        let pushed =
            outcomes.pop().unwrap_or_else(|| Err(PushError::NotBuilt { image: Box::new(request.image) }))?;
        Ok((pushed.digest, pushed.way == crate::image::push::Way::Existing))
    }
}
