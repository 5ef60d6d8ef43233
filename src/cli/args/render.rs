use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, ValueEnum as _};

use super::folder::is_format;
use super::out;
use crate::model::{DnsLabel, ModelError};
use crate::render::{KubeVersion, RenderError};
use crate::settings::{Overrides, Settings};
use crate::sink::{DirectorySink, WriteError};
use crate::ui::Format;

/// Where objects go, and what they are rendered for.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// How to write the objects to stdout; as in csw 1.6 also `-`, which is yaml, or a folder, which is --out
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml", value_parser = OutputParser)]
    output: Output,

    /// Folder to write the objects to instead, a file each
    #[arg(long, value_name = "DIR", value_parser = out, conflicts_with = "output")]
    out: Option<PathBuf>,

    /// Write to a folder in which there are other files, and over them
    #[arg(long)]
    force: bool,

    /// Release of Kubernetes to render for, 1.20 to 1.36 [env: CSW_KUBE_VERSION] [default: 1.36]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kube_version: Option<KubeVersion>,

    /// File that a build or push wrote (`build --out`): its digests pin the images
    #[arg(long, value_name = "FILE")]
    pub(crate) images: Option<PathBuf>,

    /// Namespace of the objects [env: CSW_NAMESPACE] [default: csw]
    #[arg(long, value_name = "NAMESPACE", value_parser = label)]
    namespace: Option<DnsLabel>,
}

/// Where objects are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Stdout.
    Stdout(Format),
    /// A file each, in a folder.
    Folder(PathBuf),
}

impl RenderArgs {
    /// Adds what these flags say to the settings'.
    pub(crate) fn adjust(&self, overrides: &mut Overrides) {
        overrides.kube_version = self.kube_version.map(|version| version.to_string());
        overrides.namespace = self.namespace.as_ref().map(ToString::to_string);
    }

    /// The release, which these flags have been added to the settings of.
    pub(crate) fn release(settings: &Settings) -> anyhow::Result<KubeVersion> {
        match &settings.kube_version.value {
            None => Ok(KubeVersion::default()),
            Some(text) => Ok(text.parse()?),
        }
    }

    /// Refuses a folder that can't be written to, before anything is done.
    pub(crate) fn check_folder(&self) -> Result<(), WriteError> {
        match self.output() {
            Output::Folder(folder) => DirectorySink::check(&folder, self.force),
            Output::Stdout(_) => Ok(()),
        }
    }

    /// What writes to the folder.
    pub(crate) fn directory(&self, folder: &Path) -> Result<DirectorySink, WriteError> {
        DirectorySink::new(folder.to_owned(), self.force)
    }

    /// Where the objects go.
    pub(crate) fn output(&self) -> Output {
        self.out.clone().map_or_else(|| self.output.clone(), Output::Folder)
    }
}

/// Takes a format and, as csw 1.6 did, `-` or a folder. No folder is called as a format is: whoever says so wants the
/// format.
#[derive(Debug, Clone)]
struct OutputParser;

impl TypedValueParser for OutputParser {
    type Value = Output;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Output, clap::Error> {
        let refuse = |message: String| Err(command.clone().error(ErrorKind::InvalidValue, message));
        let known = value.to_str().and_then(|word| Format::from_str(word, false).ok());
        let path = Path::new(value);
        match (known, path.file_name().and_then(OsStr::to_str)) {
            (Some(format), _) => Ok(Output::Stdout(format)),
            (None, _) if value == "-" => Ok(Output::Stdout(Format::Yaml)),
            (None, _) if value.is_empty() => refuse("-o: expected a format".to_owned()),
            (None, Some(word)) if is_format(word) => refuse(format!(
                "-o {}: is `{word}` the format that is wanted (-o {word}), or the folder (--out {0})?",
                path.display()
            )),
            _ => Ok(Output::Folder(path.to_owned())),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Format::value_variants().iter().filter_map(|f| {
            let value = f.to_possible_value()?;
            Some(match f {
                Format::Yaml => value.help("A stream of YAML documents"),
                Format::Json => value.help("One JSON document: a List"),
                _ => value,
            })
        })))
    }
}

fn version(text: &str) -> Result<KubeVersion, RenderError> {
    text.parse()
}

fn label(text: &str) -> Result<DnsLabel, ModelError> {
    text.parse()
}
