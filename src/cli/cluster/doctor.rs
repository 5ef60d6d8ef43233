use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::Context;
use crate::cli::args::KubeArgs;
use crate::cli::deploy;
use crate::error::{Diagnose as _, Exit, classify};
use crate::kube::doctor::{Finding, Level, examine};
use crate::kube::{Access, DEFAULT_CONCURRENCY, KubeError};
use crate::plan::Manifest;
use crate::sink::ClusterSink;
use crate::ui::{Format, Table};

/// Look for what could go wrong with the cluster, and say what to do about it
#[derive(Debug, Args)]
#[command(
    after_help = "Images, nodes, image pull secrets and volume claims are looked at: for what the configuration or
the files that are named would bring, and for what is applied.
Exits with 4 when there is a problem.

Examples:
  csw cluster doctor
  csw cluster doctor -f manifests/ --context staging
  csw cluster doctor -o json | jq '.findings[] | select(.level != \"ok\")'"
)]
pub(super) struct DoctorArgs {
    /// Objects that are to be applied: file, folder or `-`; may be given several times
    #[arg(short, long = "filename", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    kube: KubeArgs,
}

#[derive(Serialize)]
struct View {
    context: String,
    server: String,
    findings: Vec<Finding>,
}

pub(super) fn run(context: &Context, args: DoctorArgs) -> anyhow::Result<Exit> {
    let DoctorArgs { files, output, kube } = args;
    let mut findings = Vec::new();
    let desired =
        if files.is_empty() { configured(context, &kube, &mut findings) } else { deploy::read(&files)? };
    let mut objects: Vec<_> = desired.iter().map(|m| m.body().clone()).collect();
    let wanted: BTreeSet<_> = desired.iter().map(|m| m.object().identity()).collect();
    let (_, access) = kube.access(context)?;
    context.block_on(async {
        // A context that may not be touched may still be looked at.
        let guarded = access.connect().await;
        if let Err(error @ KubeError::ContextNotAllowed { .. }) = &guarded {
            findings.push(Finding {
                check: "context",
                level: Level::Problem,
                message: error.to_string(),
                advice: error.hints().into_iter().next(),
            });
        }
        let cluster = match guarded {
            Err(KubeError::ContextNotAllowed { .. }) => {
                Access { allowed_contexts: Vec::new(), ..access.clone() }.connect().await?
            }
            other => other?,
        };
        let sink = ClusterSink::new(cluster.clone(), &kube.applyset);
        // What can't be listed is found by the examination.
        if let Ok(members) = sink.members(DEFAULT_CONCURRENCY).await {
            // What will be changed is looked at as it will be.
            objects.extend(
                members.into_values().filter(|m| !wanted.contains(&m.object.identity())).map(|m| m.live),
            );
        }
        findings.extend(deploy::missing_images(&cluster, &objects).await);
        findings.extend(examine(&cluster, &objects, &sink.parent().resource_name()).await);
        let worst = findings.iter().map(|f| f.level).max().unwrap_or(Level::Ok);
        let view =
            View { context: cluster.context().to_owned(), server: cluster.server().to_owned(), findings };
        context.printer().view(output, &view, table, |v| {
            v.findings.iter().filter(|f| f.level != Level::Ok).map(|f| f.check.to_owned()).collect()
        })?;
        Ok(if worst == Level::Problem { Exit::Remote } else { Exit::Ok })
    })
}

/// What an apply would bring, as far as the configuration is complete.
fn configured(context: &Context, kube: &KubeArgs, findings: &mut Vec<Finding>) -> Vec<Manifest> {
    let rendered = deploy::rendered(context, kube, |settings, version| {
        deploy::everything(context, settings, version, &[])
    });
    match rendered {
        Ok(desired) => desired.into_manifests(),
        Err(error) => {
            let (exit, hints) = classify(&error);
            // A cluster that can't be reached is found by the examination.
            if exit == Exit::Config {
                findings.push(Finding {
                    check: "configuration",
                    level: Level::Warning,
                    message: format!(
                        "what an apply would bring is not looked at: {}",
                        error.to_string().replace('\n', " ")
                    ),
                    advice: hints.into_iter().next(),
                });
            }
            Vec::new()
        }
    }
}

fn table(view: &View) -> Table {
    let mut table = Table::new(&["LEVEL", "CHECK", "FINDING"], "Nothing was looked at");
    for Finding { check, level, message, advice } in &view.findings {
        let level = match level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        };
        table.row([level, check, message.as_str()]);
        if let Some(advice) = advice {
            table.row(["", "", &format!("→ {advice}")]);
        }
    }
    table
}
