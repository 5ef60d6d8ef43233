use clap::{ArgAction, Args};
use secrecy::SecretString;

use crate::settings::Overrides;
use crate::ui::{ColorChoice, Printer, Verbosity};

/// Heading of the options of every command.
pub(in crate::cli) const GLOBAL_OPTIONS: &str = "Global options";

/// Flags of every command. The environment variables they mirror are read with the settings, so that
/// `csw cluster info` can tell the two apart.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Image tag [env: TAG] [default: today]
    #[arg(help_heading = GLOBAL_OPTIONS, long, global = true, value_name = "TAG")]
    tag: Option<String>,

    /// Cloud project [env: PROJECT]
    #[arg(help_heading = GLOBAL_OPTIONS, long, global = true, value_name = "PROJECT")]
    project: Option<String>,

    /// Image registry [env: CSW_REGISTRY] [default: gcr.io]
    #[arg(help_heading = GLOBAL_OPTIONS, long, global = true, value_name = "REGISTRY")]
    cr: Option<String>,

    /// Where results are stored: a gs://, s3:// or file:// URL [env: BUCKET] [default: a folder]
    #[arg(help_heading = GLOBAL_OPTIONS, long, global = true, value_name = "URL")]
    bucket: Option<String>,

    /// Web app that results are pushed to [env: CS_URL]
    #[arg(help_heading = GLOBAL_OPTIONS, long, global = true, value_name = "URL")]
    cs_url: Option<String>,

    /// Token for the web app; other users of the machine can see it here, so prefer the environment [env: CS_API_TOKEN]
    #[arg(help_heading = GLOBAL_OPTIONS, long, global = true, value_name = "TOKEN")]
    cs_api_token: Option<SecretString>,

    /// When to use colour
    #[arg(
        help_heading = GLOBAL_OPTIONS,
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = false
    )]
    color: ColorChoice,

    /// Say nothing but errors
    #[arg(help_heading = GLOBAL_OPTIONS, short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Say more; twice for the details, three times for the libraries' too
    #[arg(help_heading = GLOBAL_OPTIONS, short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

impl GlobalArgs {
    pub(crate) fn printer(&self) -> Printer {
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, n) => Verbosity::Verbose(n),
        };
        Printer::new(self.color, verbosity)
    }

    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            tag: self.tag.clone(),
            project: self.project.clone(),
            registry: self.cr.clone(),
            bucket: self.bucket.clone(),
            cs_url: self.cs_url.clone(),
            cs_api_token: self.cs_api_token.clone(),
            ..Overrides::default()
        }
    }
}
