use std::collections::BTreeSet;

use clap::Args;

use super::Wanted;
use super::selection::SelectionArgs;
use super::source::SourceArgs;
use crate::cli::Context;
use crate::cli::build::{self, BuildArgs, Job, What};
use crate::cli::image_targets;
use crate::error::{Exit, Failure};
use crate::model::Model;
use crate::secret::{self, Scope};

/// Build the images of models
///
/// Gets each repository at its commit, with your own git and its credentials, and builds an image of it with what it asks
/// for (environment.yml, requirements.txt, pyproject.toml, setup.py, cs-config/). What has not changed is not built
/// again; a new `timestamp` in the model's file asks for it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n Examples/Solow build --project my-project
  csw models build --tag v1 --jobs 2 --out build.json
  csw models -n PSLmodels/Tax-Cruncher build --secret id=pip,src=pip.conf,target=/etc/pip.conf
  REPO_TAG=my-branch csw models -n PSLmodels/Tax-Cruncher build")]
pub(super) struct ModelsBuildArgs {
    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Repository instead of the model's: a git URL or a folder
    #[arg(long, env = "REPO_URL", value_name = "URL", hide_env_values = true)]
    repo_url: Option<String>,

    /// Branch, tag or commit instead of the model's
    #[arg(long, env = "REPO_TAG", value_name = "TAG", hide_env_values = true)]
    repo_tag: Option<String>,

    #[command(flatten)]
    build: BuildArgs,
}

pub(super) fn run(
    context: &Context,
    wanted: Wanted<'_>,
    ignore_ci_errors: bool,
    args: ModelsBuildArgs,
) -> anyhow::Result<Exit> {
    let ModelsBuildArgs { source, selection, repo_url, repo_tag, build: mut args } = args;
    args.ignore_ci_errors |= ignore_ci_errors;
    let settings = context.settings(|_| {})?;
    let catalog = source.load(context, &settings, wanted.names)?;
    let Some(selection) = wanted.choose(context, &settings, &catalog, &selection)? else {
        return Ok(Exit::Ok);
    };
    let selected = catalog.select(selection.names())?;
    let given = |text: Option<String>| text.filter(|t| !t.is_empty());
    let (repo_url, repo_tag) = (given(repo_url), given(repo_tag));
    if selected.len() > 1 && (repo_url.is_some() || repo_tag.is_some()) {
        let failure = Failure::usage("REPO_URL and REPO_TAG are of one model, and several are to be built");
        return Err(failure.hint("name the model: csw models -n OWNER/TITLE build").into());
    }
    let mut models: Vec<Model> = selected.iter().map(|l| l.model.clone()).collect();
    for model in &mut models {
        if let Some(url) = &repo_url {
            let cwd = std::env::current_dir()?;
            model.repo = Some(crate::config::repo_location(url, &cwd).map_err(Failure::config)?);
        }
        if let Some(tag) = &repo_tag {
            model.repo_tag = Some(tag.clone());
        }
    }
    let jobs = models
        .iter()
        .zip(&selected)
        .map(|(model, listed)| {
            let file =
                listed.source.path.as_ref().map(|_| (listed.source.shown.as_str(), listed.source.line));
            Ok(Job {
                target: image_targets::of_model(&settings, &model.name)?,
                what: What::Model(model, file),
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let secret_names: BTreeSet<String> = models.iter().flat_map(|m| m.secrets.iter().cloned()).collect();
    let scopes: Vec<Scope> =
        models.iter().map(|m| Scope::Model(m.name.clone())).chain([Scope::Cluster]).collect();
    let backend = secret::open(&settings)?;
    context.block_on_unbroken(async {
        let kept = match args.arguments.is_empty() {
            // Only to compare arguments with them.
            true => Default::default(),
            false => backend.entries_of(&scopes).await?.into_iter().flatten().collect(),
        };
        let workshop = build::workshop(&settings, &args, &kept, &secret_names).await?;
        let at_once = args.jobs.unwrap_or(settings.build_jobs.value);
        build::run(context, &workshop, &args, at_once, jobs).await
    })
}
