use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::selection::broken;
use super::source::SourceArgs;
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::cli::stack_config::keep_cache_private;
use crate::error::Exit;
use crate::executor::environment::{Environments, PrepareProgress, Prepared};
use crate::model::ModelName;
use crate::ui::{Format, Printer, Table};

/// Make models ready to run on this machine
///
/// Gets the repository of each model at its commit, and makes the environment that it asks for (environment.yml,
/// requirements.txt, pyproject.toml, setup.py, cs-config/). Done by itself before a model's first job. What was made
/// before is used again while nothing has changed. All of it is below the cache folder; `csw cluster info` names it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models prepare Examples/Solow
  csw models -n PSLmodels/Tax-Cruncher prepare --update
  csw models prepare -o json | jq -r '.[].python'")]
pub(super) struct PrepareArgs {
    /// Models to prepare, as -n; all if none is named
    #[arg(value_name = "OWNER/TITLE", value_parser = super::name, add = model_names())]
    models: Vec<ModelName>,

    /// Ask each repository whether its branch or tag has moved
    #[arg(long)]
    update: bool,

    #[command(flatten)]
    source: SourceArgs,

    /// How to write what was prepared
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Serialize)]
struct PreparedView {
    name: ModelName,
    #[serde(flatten)]
    prepared: Prepared,
    /// Seconds that it took.
    seconds: f64,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: PrepareArgs) -> anyhow::Result<Exit> {
    let PrepareArgs { models, update, source, output } = args;
    let names = [names, &models].concat();
    let settings = context.settings(|_| {})?;
    let catalog = source.load_or_examples(context, &settings)?;
    let selected = catalog.select(&names)?;
    keep_cache_private(context.printer(), &settings)?;
    let environments = Environments::new(&settings.cache_dir.value, &settings.python.value);
    let printer = context.printer();
    let mut views = Vec::new();
    let mut failed = None;
    if names.is_empty() && catalog.diagnostics().has_errors() {
        failed = Some(crate::ui::report(printer, &broken(context, &catalog)));
    }
    context.block_on(async {
        for listed in selected {
            let model = &listed.model;
            let started = Instant::now();
            let progress = Steps::new(printer, &model.name);
            let prepared = match update {
                true => environments.refresh(model, &progress).await,
                false => environments.prepare(model, &progress).await,
            };
            drop(progress);
            match prepared {
                Ok(prepared) => views.push(PreparedView {
                    name: model.name.clone(),
                    prepared,
                    seconds: started.elapsed().as_secs_f64(),
                }),
                // The others are worth having all the same.
                Err(e) => {
                    let error = anyhow::Error::from(e).context(format!("cannot prepare {}", model.name));
                    failed = Some(crate::ui::report(printer, &error));
                }
            }
        }
        Ok(())
    })?;
    printer.view(
        output,
        &views,
        |views| {
            let mut table = Table::new(&["NAME", "COMMIT", "FOLDER", "PYTHON"], "Nothing was prepared");
            for view in views {
                let python = view.prepared.python.as_ref().map_or("-".into(), |p| p.display().to_string());
                let commit = view.prepared.commit.chars().take(18).collect();
                table.row([
                    view.name.to_string(),
                    commit,
                    view.prepared.workdir.display().to_string(),
                    python,
                ]);
            }
            table
        },
        |views| views.iter().map(|v| v.name.to_string()).collect(),
    )?;
    Ok(failed.unwrap_or(Exit::Ok))
}

/// Shows what is being done, once it takes long enough to wonder.
struct Steps {
    printer: Printer,
    name: ModelName,
    started: Instant,
    state: Mutex<(String, Option<ProgressBar>)>,
}

const PATIENCE: Duration = Duration::from_millis(250);

impl Steps {
    fn new(printer: Printer, name: &ModelName) -> Self {
        Self { printer, name: name.clone(), started: Instant::now(), state: Mutex::default() }
    }

    fn show(&self, step: Option<&str>, detail: &str) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(step) = step {
            state.0 = step.to_owned();
        }
        if !self.printer.progress() || (state.1.is_none() && self.started.elapsed() < PATIENCE) {
            return;
        }
        let (step, bar) = &mut *state;
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_prefix(format!("{}: {step}", self.name));
        bar.set_message(detail.to_owned());
    }
}

impl PrepareProgress for Steps {
    fn step(&self, what: &str) {
        if !self.printer.progress() {
            self.printer.note(format!("{}: {what}", self.name));
        }
        self.show(Some(what), "");
    }

    fn detail(&self, line: &str) {
        self.show(None, line);
    }

    fn note(&self, line: &str) {
        let note = || self.printer.note(format!("{}: {line}", self.name));
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &state.1 {
            Some(bar) => bar.suspend(note),
            None => note(),
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bar) = &state.1 {
            bar.finish_and_clear();
        }
    }
}
