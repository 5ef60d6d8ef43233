use std::path::PathBuf;

use clap::Args;

use crate::cli::args::out;
use crate::cli::push::tag;
use crate::image::build::BuildSecret;
use crate::ui::Format;

/// How to build images.
#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArgs {
    /// Build even what has not changed
    #[arg(long)]
    pub(in crate::cli) force: bool,

    /// Take nothing from the builder's cache
    #[arg(long)]
    pub(in crate::cli) no_cache: bool,

    /// Push each image when it is built; whether that is permitted is asked before anything is built
    #[arg(long)]
    pub(in crate::cli) push: bool,

    /// With --push: tag that the images get as well; may be given several times
    #[arg(long = "also-tag", value_name = "TAG", value_parser = tag, requires = "push")]
    pub(in crate::cli) also_tags: Vec<String>,

    /// Images built at once [env: CSW_BUILD_JOBS] [default: 4]
    #[arg(short, long, value_name = "N")]
    pub(in crate::cli) jobs: Option<usize>,

    /// Go on with the others when one fails; they are listed at the end
    #[arg(long)]
    pub(in crate::cli) ignore_ci_errors: bool,

    /// The csw that goes into images; a static one runs on every base [env: CSW_PROGRAM] [default: this one]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) program: Option<PathBuf>,

    /// Argument of the build; not for secrets, which everybody who has the image could read
    #[arg(long = "build-arg", value_name = "NAME=VALUE", value_parser = argument)]
    pub(in crate::cli) arguments: Vec<(String, String)>,

    /// Secret that steps see as a file and images never hold: id=NAME,src=FILE or id=NAME,env=VARIABLE, and
    /// target=PATH for where
    #[arg(long = "secret", value_name = "SECRET")]
    pub(in crate::cli) secrets: Vec<BuildSecret>,

    /// File to write what was built to as well, as JSON; `config --images` and `push --images` take it
    #[arg(long, value_name = "FILE", value_parser = out)]
    pub(in crate::cli) out: Option<PathBuf>,

    /// How to write what was built to stdout
    #[arg(short, long, alias = "format", value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) output: Format,
}

fn argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(valid) {
        return Err(format!("`{name}` is no name of an argument: letters, digits and `_`"));
    }
    Ok((name.to_owned(), value.to_owned()))
}
