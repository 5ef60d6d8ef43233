use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Context;
use crate::config::Catalog;
use crate::error::{Exit, Failure};
use crate::model::ModelName;
use crate::publish::{Comparison, changed_files};
use crate::settings::Settings;

/// Which models a command that changes something works on, beside `-n`.
#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Work on all models, not only on those whose file differs from the base branch
    #[arg(long, conflicts_with = "base_branch")]
    all: bool,
}

/// What of the catalogue is worked on.
#[derive(Debug)]
pub(in crate::cli) enum Selection {
    /// Everything.
    All,
    /// What a user names.
    Named(Vec<ModelName>),
    /// What differs from a base branch; not empty.
    Changed(Vec<ModelName>),
}

impl Selection {
    /// The models in question; no name stands for all.
    pub(in crate::cli) fn names(&self) -> &[ModelName] {
        match self {
            Self::All => &[],
            Self::Named(names) | Self::Changed(names) => names,
        }
    }
}

/// What the flags of all commands for models say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// `-n`
    pub(super) names: &'a [ModelName],
    /// `--base-branch`
    pub(super) base_branch: Option<&'a str>,
}

impl Wanted<'_> {
    /// Chooses: models that are named, or those whose file differs from the base branch where there is one to compare
    /// with, or all of them. Says what it chose for whom named none; nothing if there is nothing to do.
    pub(super) fn choose(
        &self,
        context: &Context,
        settings: &Settings,
        catalog: &Catalog,
        args: &SelectionArgs,
    ) -> anyhow::Result<Option<Selection>> {
        let SelectionArgs { all } = args;
        if !self.names.is_empty() {
            return Ok(Some(Selection::Named(self.names.to_vec())));
        }
        if catalog.diagnostics().has_errors() {
            return Err(broken(context, catalog));
        }
        // What only the web app knows has no file that could differ.
        let files = catalog.listed().iter().any(|l| l.source.path.is_some());
        if *all || (self.base_branch.is_none() && !files) {
            return Ok(Some(Selection::All));
        }
        let folder = &settings.config_dir.value;
        let printer = context.printer();
        let changed = match changed_files(folder, self.base_branch)? {
            Comparison::Changed(changed) => changed,
            Comparison::NoRepository => return Ok(Some(Selection::All)),
            Comparison::Alone => {
                printer.note("the repository has no base branch to compare with: these are all models");
                return Ok(Some(Selection::All));
            }
        };
        // The same file may be reached by several paths.
        let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let files: BTreeSet<PathBuf> = changed.files.iter().map(real).collect();
        let differs = |path: &PathBuf| files.contains(&real(path));
        let names: Vec<ModelName> = catalog
            .listed()
            .iter()
            .filter(|l| l.source.path.as_ref().is_some_and(differs))
            .map(|l| l.model.name.clone())
            .collect();
        if !changed.removed.is_empty() {
            let gone: Vec<String> = changed
                .removed
                .iter()
                .map(|p| p.strip_prefix(&settings.root).unwrap_or(p).display().to_string())
                .collect();
            printer.note(format!(
                "gone since {}: {}; `csw cluster apply --prune` deletes what is left on a cluster",
                changed.base,
                gone.join(", ")
            ));
        }
        if names.is_empty() {
            printer.note(format!(
                "no model differs from {}: there is nothing to do; --all takes all of them, -n those you name",
                changed.base
            ));
            return Ok(None);
        }
        let list: Vec<String> = names.iter().map(ToString::to_string).collect();
        printer.note(format!("differs from {}: {}", changed.base, list.join(", ")));
        Ok(Some(Selection::Changed(names)))
    }
}

/// What a table without a model says.
pub(super) fn none(catalog: &Catalog) -> &'static str {
    match catalog.diagnostics().has_errors() {
        true => "No valid models",
        false => "No models yet: write the first with `csw models new OWNER/TITLE`",
    }
}

/// Tells what is wrong with models, after those that were asked for: a broken file that nobody asked for is no reason to
/// fail.
pub(super) fn tell_mistakes(context: &Context, names: &[ModelName], catalog: &Catalog) -> Exit {
    let found = catalog.diagnostics();
    if !names.is_empty() || found.is_empty() {
        return Exit::Ok;
    }
    context.printer().warn(found.render(context.printer().report_style()));
    if found.has_errors() { Exit::Config } else { Exit::Ok }
}

/// Some of the models are broken: the others alone would be taken for all.
pub(in crate::cli) fn broken(context: &Context, catalog: &Catalog) -> anyhow::Error {
    context.printer().warn(catalog.diagnostics().render(context.printer().report_style()));
    Failure::config("some models are not valid")
        .hint("see `csw models lint`, or name those to work on with -n")
        .into()
}
