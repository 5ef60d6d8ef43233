use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::cli::Context;
use crate::config::{self, Sources, schema};
use crate::error::{Exit, Failure};
use crate::model::{BuildTimestamp, ModelName};

/// Write the configuration file of a new model
///
/// The file is commented and valid as it is; its path is printed. The schema that editors check it against is put
/// beside it where it is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models new PSLmodels/Tax-Cruncher
  csw models new Me/My-Model --repo-url ../my-model
  csw models new Me/My-Model --force        # start over")]
pub(super) struct NewArgs {
    /// The model's name
    #[arg(value_name = "OWNER/TITLE", value_parser = super::name)]
    model: Option<ModelName>,

    /// Where its repository is: a git URL or a path [default: https://github.com/OWNER/TITLE]
    #[arg(long, value_name = "URL")]
    repo_url: Option<String>,

    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: NewArgs) -> anyhow::Result<Exit> {
    let NewArgs { model, repo_url, force } = args;
    let (Some(name), None) = (model.as_ref().or(names.first()), names.get(usize::from(model.is_none())))
    else {
        return Err(Failure::usage("name one model, as in `csw models new OWNER/TITLE`").into());
    };
    let settings = context.settings(|_| {})?;
    let folder = settings.config_dir.value.as_path();
    let repo_url = match repo_url {
        Some(url) => from_root(&url, folder)?,
        None => format!("https://github.com/{name}"),
    };
    let path = folder.join(name.owner()).join(format!("{}.yaml", name.title()));
    refuse_collision(folder, name, &path)?;
    let now: BuildTimestamp = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M").to_string().parse()?;
    let text = config::model_template(name, &now, &repo_url, "../schema/model.schema.json");
    config::check_model_file(&path, &text, folder)?;
    write(&path, &text, force)?;
    write_schema(&folder.join("schema").join("model.schema.json"))?;
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(&path).display();
    context.printer().data(format!("{shown}\n"))?;
    context.printer().note(format!("Edit it, then check it with `csw models lint {shown}`"));
    Ok(Exit::Ok)
}

/// A relative path that was given for the working folder, as one from the project's root.
fn from_root(url: &str, config_dir: &Path) -> anyhow::Result<String> {
    if !url.starts_with('.') {
        return Ok(url.to_owned());
    }
    let folder = fs::canonicalize(url).with_context(|| format!("cannot find {url}"))?;
    let root = config_dir.parent().unwrap_or(config_dir);
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    Ok(match folder.strip_prefix(&root) {
        Ok(below) => format!("./{}", below.display()),
        Err(_) => folder.display().to_string(),
    })
}

fn refuse_collision(folder: &Path, name: &ModelName, path: &Path) -> anyhow::Result<()> {
    let catalog = config::load_valid(&Sources::files(folder))?;
    let same =
        |l: &&config::Listed| l.model.name.safe() == name.safe() && l.source.path.as_deref() != Some(path);
    match catalog.listed().iter().find(same) {
        None => Ok(()),
        Some(other) => {
            let what = if other.model.name == *name {
                "is there already"
            } else {
                "would get the same name in a cluster"
            };
            let message =
                format!("{} {what}: {}:{}", other.model.name, other.source.shown, other.source.line);
            Err(Failure::config(message).hint("choose another name").into())
        }
    }
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let shown = path.display();
    let parent = path.parent().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    if force {
        return fs::write(path, text).with_context(|| format!("cannot write {shown}"));
    }
    match fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(|| format!("cannot write {shown}")),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let failure = Failure::config(format!("{shown} is there already"));
            Err(failure.hint("overwrite it with --force").into())
        }
        Err(e) => Err(e).with_context(|| format!("cannot write {shown}")),
    }
}

/// The schema belongs to this csw, not to the user: an older one is replaced.
fn write_schema(path: &Path) -> anyhow::Result<()> {
    if fs::read_to_string(path).is_ok_and(|text| text == schema::MODEL_SCHEMA) {
        return Ok(());
    }
    write(path, schema::MODEL_SCHEMA, true)
}
