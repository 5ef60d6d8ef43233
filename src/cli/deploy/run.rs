use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::waiting::{Waiting, explain};
use super::{Desired, Progress, missing_images, show, until_interrupted};
use crate::cli::args::{ApplyArgs, DryRunMode, KubeArgs};
use crate::cli::{Context, rendering};
use crate::error::{Exit, Failure};
use crate::kube::doctor::{Finding, Level, unplaced};
use crate::kube::{Cluster, Observer, Target, Unready, ready::trivially_ready};
use crate::model::ObjectRef;
use crate::plan::ChangeSet;
use crate::render::KubeVersion;
use crate::secret;
use crate::settings::Settings;
use crate::sink::{Check, ClusterSink, Options, Outcome, Repair, Report};
use crate::ui::{Format, Printer, prompt};

/// So many objects that can't be applied are told with their reasons.
const SHOWN: usize = 10;

/// What is rendered for the release of Kubernetes that the cluster runs.
pub(in crate::cli) fn rendered(
    context: &Context,
    kube: &KubeArgs,
    render: impl FnOnce(&Settings, KubeVersion) -> anyhow::Result<Desired>,
) -> anyhow::Result<Desired> {
    let (settings, access) = kube.access(context)?;
    let minor = context.block_on(async { Ok(access.connect().await?.minor_version().await?) })?;
    // A newer release serves what the newest known one does; an older one is told apart by the renderer's error.
    let known = minor.min(u32::from(KubeVersion::NEWEST.minor()));
    render(&settings, format!("1.{known}").parse()?)
}

/// Plans, shows, asks, applies, waits.
pub(in crate::cli) fn run(
    context: &Context,
    kube: &KubeArgs,
    args: &ApplyArgs,
    desired: Desired,
) -> anyhow::Result<Exit> {
    let ApplyArgs {
        dry_run,
        prune,
        allow_empty,
        wait,
        timeout,
        force_conflicts,
        force_replace,
        concurrency,
        yes,
        output,
    } = args;
    let printer = context.printer();
    let (settings, access) = kube.access(context)?;
    let Desired { manifests, scope, passwords } = desired;
    let options = Options {
        force: *force_conflicts,
        replace: *force_replace,
        prune: *prune,
        allow_empty: *allow_empty,
        concurrency: *concurrency,
        scope,
    };
    let objects: Vec<_> = manifests.iter().map(|m| m.body().clone()).collect();
    let check = if *dry_run == Some(DryRunMode::Client) { Check::Client } else { Check::Server };
    context.block_on_unbroken(async {
        let sink = ClusterSink::new(access.connect().await?, &kube.applyset);
        let progress = Progress::new(printer);
        let plan = sink.plan(manifests, check, &options, &progress).await;
        progress.clear();
        let plan = plan?;
        let set = plan.set.clone();
        let table = *output == Format::Table;
        if table || dry_run.is_some() || set.blocked() {
            show(printer, *output, &if table { without_words(&set) } else { set.clone() }, None, None)?;
        }
        if dry_run.is_some() {
            printer.note(format!("{} (dry run)", set.summary));
            return if set.blocked() { Err(blocked(&set, &[]).into()) } else { Ok(Exit::Ok) };
        }
        if set.blocked() {
            return Err(blocked(&set, &[]).into());
        }
        let unplaced =
            if *wait { before_waiting(printer, sink.cluster(), &objects).await? } else { Vec::new() };
        if set.pending() && !*yes && prompt::possible() {
            let question = format!("{} in the context {}?", set.summary, set.context);
            if !prompt::confirm(&question)? {
                return Err(Failure::config("nothing was applied: you said no").into());
            }
        }
        if !passwords.is_empty() {
            let new = rendering::keep(secret::open(&settings)?.as_ref(), passwords).await?;
            printer.note(format!(
                "generated {new} passwords and keys; see them with: csw svc secrets list --reveal"
            ));
        }
        let targets = targets(plan.wanted());
        let cancel = CancellationToken::new();
        let begun = std::time::Instant::now();
        let outcome = until_interrupted(&cancel, sink.apply(plan, &options, &cancel, &progress)).await;
        progress.clear();
        let report = match outcome {
            None => {
                return Err(Failure::interrupted("interrupted; run the same command again to go on").into());
            }
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(Outcome::Blocked(report, rest))) => {
                show(
                    printer,
                    *output,
                    &if table { without_words(&rest) } else { rest.clone() },
                    Some(&report),
                    None,
                )?;
                return Err(blocked(&rest, &report.applied).into());
            }
            Some(Ok(Outcome::Done(report))) => report,
        };
        for Repair { object, what } in &report.repaired {
            printer.note(format!("{object}: {what}"));
        }
        printer.note(format!("{} in {:.1} s", told(&set, &report), begun.elapsed().as_secs_f64()));
        let unready = if *wait {
            let observer = Observer::new(sink.cluster(), targets, Some(&sink.selector()));
            let mut waiting = Waiting::new(printer);
            let waited = sink.cluster().wait(observer, timeout.to_duration(), &mut waiting);
            let waited = until_interrupted(&cancel, async {
                tokio::select! {
                    waited = waited => Some(waited),
                    () = cancel.cancelled() => None,
                }
            })
            .await
            .flatten();
            waiting.clear();
            match waited {
                Some(waited) => Some(waited?),
                None => {
                    return Err(Failure::interrupted(
                        "interrupted while waiting; everything had been applied",
                    )
                    .into());
                }
            }
        } else {
            None
        };
        if !table {
            show(printer, *output, &set, Some(&report), unready.as_deref())?;
        }
        match unready {
            Some(unready) if !unready.is_empty() => Err(not_ready(&unready, unplaced).into()),
            Some(_) => {
                printer.note("Everything is ready");
                Ok(Exit::Ok)
            }
            None => Ok(Exit::Ok),
        }
    })
}

/// Says what pods will wait for in vain, so that nobody has to wait to hear it: places that no node has are told (one may
/// be about to come), and images that are nowhere end it. Returns what to do about the places.
async fn before_waiting(
    printer: Printer,
    cluster: &Cluster,
    objects: &[serde_json::Value],
) -> anyhow::Result<Vec<String>> {
    let (unplaced, images) = futures::join!(unplaced(cluster, objects), missing_images(cluster, objects));
    let (missing, unseen): (Vec<Finding>, Vec<Finding>) =
        images.into_iter().partition(|finding| finding.level == Level::Problem);
    for Finding { message, advice, .. } in unplaced.iter().chain(&unseen) {
        printer.warn(match advice {
            Some(advice) => format!("{message}\n  {advice}"),
            None => message.clone(),
        });
    }
    if !missing.is_empty() {
        let messages: Vec<&str> = missing.iter().map(|finding| finding.message.as_str()).collect();
        let failure =
            Failure::remote(format!("nothing was applied: images are missing\n{}", messages.join("\n")));
        let advice = missing.iter().filter_map(|finding| finding.advice.clone());
        return Err(advice.fold(failure, Failure::hint).into());
    }
    Ok(unplaced.into_iter().filter_map(|finding| finding.advice).collect())
}

fn targets(wanted: &[(ObjectRef, crate::kube::Resource)]) -> Vec<Target> {
    wanted
        .iter()
        .filter(|(object, _)| !trivially_ready(&object.gvk))
        .map(|(object, resource)| Target { object: object.clone(), resource: resource.clone() })
        .collect()
}

fn told(set: &ChangeSet, report: &Report) -> String {
    let s = &set.summary;
    let replaced = if s.replace > 0 { format!("{} replaced, ", s.replace) } else { String::new() };
    format!(
        "{} created, {} updated, {replaced}{} unchanged, {} deleted",
        s.create,
        s.update,
        s.unchanged,
        report.pruned.len()
    )
}

fn not_ready(unready: &[Unready], unplaced: Vec<String>) -> Failure {
    let count =
        if unready.len() == 1 { "1 object is".into() } else { format!("{} objects are", unready.len()) };
    let failure = Failure::failed(format!("{count} not ready:\n{}", explain(unready)));
    unplaced
        .into_iter()
        .fold(failure, Failure::hint)
        .hint("Run `csw cluster status` to see everything, or apply again with a longer --timeout")
}

/// The set for the table above the error that says why it is blocked: once is enough.
fn without_words(set: &ChangeSet) -> ChangeSet {
    let mut set = set.clone();
    for change in set.changes.iter_mut().filter(|c| c.is_blocked()) {
        change.reason = "see below".to_owned();
    }
    set
}

/// The server or another field manager is against it.
fn blocked(set: &ChangeSet, applied: &[ObjectRef]) -> Failure {
    let s = &set.summary;
    let mut what = Vec::new();
    if s.conflict > 0 {
        what.push(format!("{} in conflict with other field managers", s.conflict));
    }
    if s.refused > 0 {
        what.push(format!("{} refused by the server", s.refused));
    }
    let more = (s.conflict + s.refused).checked_sub(SHOWN).filter(|more| *more > 0);
    let more = more.map(|more| format!("and {more} more: see them with -o json"));
    let reasons: Vec<String> = set
        .changes
        .iter()
        .filter(|c| c.is_blocked())
        .take(SHOWN)
        .map(|c| format!("{}: {}", c.object, c.reason))
        .chain(more)
        .collect();
    let remedies: BTreeSet<&str> =
        set.changes.iter().filter(|c| c.is_blocked()).filter_map(|c| c.remedy).collect();
    let applied = if applied.is_empty() {
        "nothing was applied".to_owned()
    } else {
        format!("only {} applied", applied.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    };
    let failure = Failure::remote(format!("{applied}: {}\n{}", what.join(", "), reasons.join("\n")));
    remedies.into_iter().fold(failure, Failure::hint)
}
