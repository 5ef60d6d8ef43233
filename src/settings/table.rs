//! Every setting, a row each: adding one is adding a row here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::file::SettingsFile;
use super::resolve::{Places, Resolver};
use super::{Contexts, Effective, Overrides, RegistryName, Row, Setting, SettingsError, Tag, Value};
use crate::model::{Isolation, KubernetesSettings, Seconds};

/// `key: type, flag with how the command line gives it, variable, default in words => default;`. A default may use the
/// settings above it.
macro_rules! settings {
    ($places:ident; $(
        $(#[doc = $about:literal])+
        $key:ident: $type:ty, $flag:expr, $env:literal, $words:literal => $default:expr;
    )+) => {
        /// Every effective setting.
        #[derive(Debug, Clone)]
        pub struct Settings {
            /// The folder of `csw.yaml`, else the working folder. Relative paths of the file start here.
            pub root: PathBuf,
            /// The settings file that was found.
            pub file: Option<PathBuf>,
            /// The layout on a Kubernetes cluster: the file's section `kubernetes`.
            pub kubernetes: KubernetesSettings,
            /// What running stacks of this user leave there, so that the command line finds them.
            pub state_dir: PathBuf,
            $($(#[doc = $about])+ pub $key: Setting<$type>,)+
        }

        /// All settings, in the order of `csw cluster info`.
        pub const ROWS: &[Row] = &[$(Row {
            key: stringify!($key),
            flag: match $flag { Some((name, _)) => Some(name), None => None },
            env: $env,
            default: $words,
            about: concat!($($about),+),
            kind: <$type as Value>::KIND,
        }),+];

        impl Settings {
            /// Resolves everything for the working folder `cwd`.
            ///
            /// # Errors
            /// When `csw.yaml` can't be read, holds an unknown key or a value that is not valid, or a flag or a variable
            /// does: all of it is named.
            pub fn resolve(overrides: Overrides, cwd: &Path) -> Result<Self, SettingsError> {
                let found = SettingsFile::find(cwd, ROWS)?;
                let (file, root) = found.as_ref().map_or((None, cwd.to_owned()), |f| (Some(f.path()), f.folder()));
                let $places = &Places::new(&root);
                let kubernetes = found.as_ref().map(SettingsFile::kubernetes).unwrap_or_default();
                let mut resolver = Resolver::new(found, cwd);
                $(
                    let given: Option<(&'static str, Given)> = $flag;
                    let given = given.and_then(|(name, read)| Some((name, read(&overrides)?)));
                    let $key: Option<Setting<$type>> = resolver.take(stringify!($key), given, $env);
                    let $key = $key.unwrap_or_else(|| Setting { value: $default, origin: super::Origin::Default });
                )+
                resolver.done()?;
                let state_dir = $places.xdg("XDG_STATE_HOME", ".local/state");
                Ok(Self { root, file, kubernetes, state_dir, $($key),+ })
            }

            /// Every setting as people and scripts see it, secrets masked.
            pub fn effective(&self) -> Vec<Effective> {
                vec![$(Effective::new(stringify!($key), self.$key.value.show(), &self.$key.origin)),+]
            }
        }
    };
}

/// How a flag's value comes out of the command line.
type Given = fn(&Overrides) -> Option<String>;

const NO_FLAG: Option<(&str, Given)> = None;

settings! { places;
    /// Folder of the models' files.
    config_dir: PathBuf, NO_FLAG, "CSW_CONFIG_DIR", "`config`" => places.root.join("config");

    /// State of the embedded stack: jobs, queue, results.
    data_dir: PathBuf, Some(("--data", |o: &Overrides| o.data_dir.as_ref().map(|p| p.to_string_lossy().into_owned()))),
        "CSW_DATA_DIR", "`~/.local/share/csw`" => places.xdg("XDG_DATA_HOME", ".local/share");

    /// Model environments and checkouts; safe to delete.
    cache_dir: PathBuf, NO_FLAG, "CSW_CACHE_DIR", "`~/.cache/csw`" => places.xdg("XDG_CACHE_HOME", ".cache");

    /// Image tag.
    tag: Tag, Some(("--tag", |o: &Overrides| o.tag.clone())), "TAG", "today, as `2026-01-31`" => Tag::default();

    /// Cloud project.
    project: Option<String>, Some(("--project", |o: &Overrides| o.project.clone())), "PROJECT", "none" => None;

    /// Image registry.
    registry: RegistryName, Some(("--cr", |o: &Overrides| o.registry.clone())), "CSW_REGISTRY", "`gcr.io`" => "gcr.io".into();

    /// Image that models' images start from, with the program `python3`.
    base_image: String, NO_FLAG, "CSW_BASE_IMAGE", "`python:3.12-slim-bookworm`" => "python:3.12-slim-bookworm".into();

    /// Image with the program `redis-server` that the service `redis` runs.
    redis_base_image: String, NO_FLAG, "CSW_REDIS_BASE_IMAGE", "`redis:7.4-bookworm`" => "redis:7.4-bookworm".into();

    /// The `csw` that goes into images: a static one (`make dist`) runs on every base.
    program: Option<PathBuf>, NO_FLAG, "CSW_PROGRAM", "the running one" => None;

    /// Images that are built, tested or pushed at once.
    build_jobs: usize, NO_FLAG, "CSW_BUILD_JOBS", "`4`" => 4;

    /// Web app that results are pushed to.
    cs_url: Option<Url>, Some(("--cs-url", |o: &Overrides| o.cs_url.clone())), "CS_URL", "none: results are kept" => None;

    /// Token for the web app.
    cs_api_token: Option<SecretString>,
        Some(("--cs-api-token", |o: &Overrides| o.cs_api_token.as_ref().map(|t| t.expose_secret().to_owned()))),
        "CS_API_TOKEN", "none" => None;

    /// Where results are stored: a `gs://`, `s3://` or `file:///` URL, or a bucket's name.
    bucket: Option<String>, Some(("--bucket", |o: &Overrides| o.bucket.clone())), "BUCKET", "a folder of `data_dir`" => None;

    /// Where `csw jobs` finds the scheduler.
    scheduler: Url, Some(("--scheduler", |o: &Overrides| o.scheduler.clone())), "CSW_SCHEDULER", "`http://127.0.0.1:8888/`" =>
        places.local_scheduler.clone();

    /// What callers of the scheduler prove themselves with; the scheduler takes any of several, separated by commas.
    scheduler_token: Option<SecretString>, NO_FLAG, "CSW_SCHEDULER_TOKEN", "`csw up` makes one" => None;

    /// File with more of these tokens, one a line; read again when it changes, as a mounted Secret does.
    scheduler_token_file: Option<PathBuf>, NO_FLAG, "CSW_SCHEDULER_TOKEN_FILE", "none" => None;

    /// Where the embedded stack listens.
    listen: SocketAddr, Some(("--listen", |o: &Overrides| o.listen.clone())), "CSW_LISTEN", "`127.0.0.1:8888`" =>
        SocketAddr::from(([127, 0, 0, 1], 8888));

    /// Jobs that run at once.
    max_jobs: usize, Some(("--max-jobs", |o: &Overrides| o.max_jobs.map(|n| n.to_string()))), "CSW_MAX_JOBS",
        "the number of processors" => std::thread::available_parallelism().map_or(1, std::num::NonZero::get);

    /// How long a job may take to end after SIGTERM.
    grace_period: Seconds, NO_FLAG, "CSW_GRACE_PERIOD", "`30`" => Seconds::from_secs(30);

    /// How far models are kept from what is not theirs on this machine, where their file does not say.
    isolation: Isolation, NO_FLAG, "CSW_ISOLATION", "`process`" => Isolation::default();

    /// Interpreter that makes the models' environments.
    python: String, NO_FLAG, "CSW_PYTHON", "`python3`" => "python3".into();

    /// Encrypted file of the secrets.
    secrets_file: PathBuf, NO_FLAG, "CSW_SECRETS_FILE", "`~/.config/csw/secrets.age`" =>
        places.xdg("XDG_CONFIG_HOME", ".config").join("secrets.age");

    /// The age identity that decrypts it.
    identity: PathBuf, NO_FLAG, "CSW_IDENTITY", "`~/.config/csw/identity.txt`" =>
        places.xdg("XDG_CONFIG_HOME", ".config").join("identity.txt");

    /// Public keys of others who may decrypt it, one a line.
    recipients: PathBuf, NO_FLAG, "CSW_RECIPIENTS", "`recipients.txt` beside `secrets_file`" =>
        secrets_file.value.with_file_name("recipients.txt");

    /// Context of the kubeconfig that is used.
    context: Option<String>, Some(("--context", |o: &Overrides| o.context.clone())), "CSW_CONTEXT",
        "the kubeconfig's current one" => None;

    /// Kubernetes namespace of the objects.
    namespace: Option<String>, Some(("--namespace", |o: &Overrides| o.namespace.clone())), "CSW_NAMESPACE",
        "`csw`" => None;

    /// Release of Kubernetes that `svc config` and `models config` render for.
    kube_version: Option<String>, Some(("--kube-version", |o: &Overrides| o.kube_version.clone())), "CSW_KUBE_VERSION",
        "the newest that is known" => None;

    /// Contexts that csw may touch; a guard against deploying to the wrong cluster.
    allowed_contexts: Contexts, NO_FLAG, "CSW_ALLOWED_CONTEXTS", "all" => Contexts::default();
}
