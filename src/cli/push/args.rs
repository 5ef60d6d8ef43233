use std::path::PathBuf;

use clap::Args;

use crate::image::load::ClusterTool;
use crate::model::ImageReference;
use crate::ui::Format;

/// Where images go.
#[derive(Debug, Args)]
pub(in crate::cli) struct PushArgs {
    /// Only check that the images may be pushed; nothing is built, sent or tagged for that
    #[arg(long, conflicts_with_all = ["also_tags", "load", "use_kind", "images"])]
    pub(super) check: bool,

    /// Tag that the images get as well; may be given several times
    #[arg(long = "also-tag", value_name = "TAG", value_parser = tag)]
    pub(super) also_tags: Vec<String>,

    /// Load the images into the nodes of a local cluster instead of pushing them
    #[arg(long, value_enum, value_name = "TOOL", conflicts_with = "also_tags")]
    load: Option<ClusterTool>,

    /// The same as --load kind
    #[arg(long, conflicts_with_all = ["load", "also_tags"])]
    use_kind: bool,

    /// Name of the local cluster [default: the tool's own default]
    #[arg(long, value_name = "NAME")]
    pub(super) load_cluster: Option<String>,

    /// Result of a build (`build --out`) that gets the images' digests, for `config --images`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["load", "use_kind"])]
    pub(super) images: Option<PathBuf>,

    /// Images under way at once [default: the setting build_jobs]
    #[arg(short, long, value_name = "N", value_parser = jobs)]
    pub(super) jobs: Option<usize>,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) output: Format,
}

impl PushArgs {
    /// The local cluster that the images go to, if it is one.
    pub(super) fn tool(&self) -> Option<ClusterTool> {
        if self.use_kind { Some(ClusterTool::Kind) } else { self.load }
    }
}

/// How many at once.
pub(in crate::cli) fn jobs(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=100).contains(n));
    number.ok_or_else(|| "expected a whole number from 1 to 100".to_owned())
}

/// A tag by itself.
pub(in crate::cli) fn tag(text: &str) -> Result<String, String> {
    let any: Result<ImageReference, _> = format!("localhost/any:{text}").parse();
    match any {
        Ok(image) if image.tag() == Some(text) => Ok(text.to_owned()),
        _ => Err("expected a tag: at most 128 letters, digits, `_`, `.` and `-`".to_owned()),
    }
}
