use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Context;
use crate::cli::args::KubeArgs;
use crate::error::Exit;
use crate::kube::ready::{Verdict, image_digests};
use crate::kube::{DEFAULT_CONCURRENCY, Observer, Sight, Target};
use crate::model::ObjectRef;
use crate::sink::ClusterSink;
use crate::ui::{Format, Printer, Table, sentence};

/// How long the first look may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Show everything that was applied: whether it is ready, and if not, why
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw cluster status
  csw cluster status --watch
  csw cluster status -o json | jq '.objects[] | select(.ready | not)'")]
pub(super) struct StatusArgs {
    /// Go on, and show what changes: a line an object, or a JSON document a line with -o json
    #[arg(short, long)]
    watch: bool,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    kube: KubeArgs,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    object: ObjectRef,
    ready: bool,
    status: String,
    created: Option<String>,
    images: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct View {
    context: String,
    applyset: String,
    objects: Vec<Row>,
}

pub(super) fn run(context: &Context, args: StatusArgs) -> anyhow::Result<Exit> {
    let StatusArgs { watch, output, kube } = args;
    let printer = context.printer();
    let (_, access) = kube.access(context)?;
    context.block_on(async {
        let sink = ClusterSink::new(access.connect().await?, &kube.applyset);
        let mut members: Vec<_> = sink.members(DEFAULT_CONCURRENCY).await?.into_values().collect();
        members.sort_by_cached_key(|m| (m.object.order(), m.object.gvk.kind.clone(), m.object.clone()));
        let targets =
            members.into_iter().map(|m| Target { object: m.object, resource: m.resource }).collect();
        let mut observer = Observer::new(sink.cluster(), targets, Some(&sink.selector())).curious();
        if !observer.targets().is_empty() {
            observer.settle(PATIENCE).await?;
        }
        let objects = rows(&observer);
        for kind in observer.blind() {
            printer.warn(format!("warning: {kind}s can't be looked at: reasons and images may be missing"));
        }
        let view = View {
            context: sink.cluster().context().to_owned(),
            applyset: sink.parent().resource_name(),
            objects: objects.clone(),
        };
        printer
            .view(output, &view, table, |v| v.objects.iter().map(|r| r.object.resource_name()).collect())?;
        if !watch {
            return Ok(Exit::Ok);
        }
        let mut shown: BTreeMap<ObjectRef, String> =
            objects.into_iter().map(|r| (r.object.clone(), r.status)).collect();
        loop {
            observer.changed().await?;
            for row in rows(&observer) {
                if shown.get(&row.object) != Some(&row.status) {
                    shown.insert(row.object.clone(), row.status.clone());
                    line(printer, output, &row)?;
                }
            }
        }
    })
}

fn rows(observer: &Observer) -> Vec<Row> {
    let around = observer.surroundings();
    let mut rows = Vec::new();
    for (i, target) in observer.targets().iter().enumerate() {
        let Sight::Present(object) = observer.sight(i) else {
            let gone = "deleted".to_owned();
            let object = target.object.clone();
            rows.push(Row {
                object,
                ready: false,
                status: gone,
                created: None,
                images: BTreeSet::new(),
                reason: None,
            });
            continue;
        };
        let text = |p: &str| object.pointer(p).and_then(Value::as_str);
        let verdict = observer.verdict(i).unwrap_or_else(|| Verdict::Waiting("is looked for".into()));
        let reason = match &verdict {
            Verdict::Troubled(t) | Verdict::Failed(t) => Some(t.reason.clone()),
            Verdict::Ready(_) | Verdict::Waiting(_) => None,
        };
        rows.push(Row {
            object: target.object.clone(),
            ready: verdict.is_ready(),
            status: verdict.words(),
            created: text("/metadata/creationTimestamp").map(str::to_owned),
            images: around
                .pods_under(text("/metadata/uid").unwrap_or_default())
                .flat_map(image_digests)
                .collect(),
            reason,
        });
    }
    rows
}

fn table(view: &View) -> Table {
    let mut table = Table::new(&["OBJECT", "READY", "AGE", "IMAGE", "STATUS"], "Nothing was applied");
    for row in &view.objects {
        let images: Vec<&str> = row.images.iter().map(|i| short(i)).collect();
        table.row([
            row.object.to_string(),
            if row.ready { "yes" } else { "no" }.to_owned(),
            age(row.created.as_deref()),
            if images.is_empty() { "-".to_owned() } else { images.join(",") },
            sentence(&row.status),
        ]);
    }
    table
}

fn line(printer: Printer, output: Format, row: &Row) -> anyhow::Result<()> {
    let text = match output {
        Format::Json | Format::Yaml => serde_json::to_string(row)?,
        Format::Name => row.object.resource_name(),
        Format::Table => {
            format!("{}  {}  {}", row.object, if row.ready { "ready" } else { "not ready" }, row.status)
        }
    };
    Ok(printer.data(text + "\n")?)
}

/// `sha256:0123456789ab`: enough to tell two apart.
fn short(digest: &str) -> &str {
    let end = digest.find(':').map_or(12, |colon| colon + 13);
    digest.get(..end).unwrap_or(digest)
}

/// `3d`, `5h`, `7m`, `12s`, as kubectl has it.
fn age(created: Option<&str>) -> String {
    let Some(created) = created.and_then(|c| c.parse::<jiff::Timestamp>().ok()) else {
        return "-".to_owned();
    };
    let seconds = jiff::Timestamp::now().duration_since(created).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_short_and_ages_round() {
        assert_eq!(short("sha256:0123456789abcdef"), "sha256:0123456789ab");
        assert_eq!(short("odd"), "odd");
        let ago = |s: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(s)).to_string();
        assert_eq!(age(Some(&ago(3_700))), "61m");
        assert_eq!(age(Some(&ago(300_000))), "3d");
        assert_eq!(age(None), "-");
    }
}
