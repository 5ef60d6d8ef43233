use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use super::file::SettingsFile;
use super::{Origin, Setting, SettingsError};
use crate::model::Seconds;

/// What the command line says; `None` where it says nothing. Environment variables are read by [`Settings::resolve`].
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--tag`
    pub tag: Option<String>,
    /// `--project`
    pub project: Option<String>,
    /// `--bucket`
    pub bucket: Option<String>,
    /// `--cs-url`
    pub cs_url: Option<String>,
    /// `--cs-api-token`
    pub cs_api_token: Option<SecretString>,
    /// `--scheduler`
    pub scheduler: Option<String>,
    /// `--data`
    pub data_dir: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--max-jobs`
    pub max_jobs: Option<usize>,
}

/// Every effective setting.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of `csw.yaml`, else the working folder. Relative paths of the file start here.
    pub root: PathBuf,
    /// `CSW_CONFIG_DIR`, `config_dir`: where the models' files are.
    pub config_dir: Setting<PathBuf>,
    /// `--data`, `CSW_DATA_DIR`, `data_dir`: state of the embedded stack.
    pub data_dir: Setting<PathBuf>,
    /// `CSW_CACHE_DIR`, `cache_dir`: model environments and checkouts; safe to delete.
    pub cache_dir: Setting<PathBuf>,
    /// `--tag`, `TAG`: image tag; today by default.
    pub tag: Setting<String>,
    /// `--project`, `PROJECT`: cloud project.
    pub project: Setting<Option<String>>,
    /// `CSW_REGISTRY`, `registry`: image registry.
    pub registry: Setting<String>,
    /// `--cs-url`, `CS_URL`: the web app.
    pub cs_url: Setting<Option<Url>>,
    /// `--cs-api-token`, `CS_API_TOKEN`.
    pub cs_api_token: Setting<Option<SecretString>>,
    /// `--bucket`, `BUCKET`: a URL (`gs://`, `s3://`, `file:///`) or a bucket's name; a folder of the data folder if unset.
    pub bucket: Setting<Option<String>>,
    /// `--scheduler`, `CSW_SCHEDULER`, `scheduler`: where `csw jobs` finds the scheduler.
    pub scheduler: Setting<Url>,
    /// `CSW_SCHEDULER_TOKEN`: what callers of the scheduler prove themselves with; nobody has to if unset.
    pub scheduler_token: Setting<Option<SecretString>>,
    /// `--listen`, `CSW_LISTEN`, `listen`: where the embedded stack listens.
    pub listen: Setting<SocketAddr>,
    /// `--max-jobs`, `CSW_MAX_JOBS`, `max_jobs`: jobs that run at once; the number of processors by default.
    pub max_jobs: Setting<usize>,
    /// `CSW_GRACE_PERIOD`, `grace_period`: seconds that a job gets to end after SIGTERM.
    pub grace_period: Setting<Seconds>,
    /// `CSW_PYTHON`, `python`: interpreter that makes models' environments.
    pub python: Setting<String>,
    /// `CSW_SECRETS_FILE`, `secrets_file`: the encrypted file of the default secret backend.
    pub secrets_file: Setting<PathBuf>,
    /// `CSW_IDENTITY`, `identity`: the age identity that decrypts it.
    pub identity: Setting<PathBuf>,
    /// `CSW_RECIPIENTS`, `recipients`: public keys of others who may decrypt it, one a line; beside it by default.
    pub recipients: Setting<PathBuf>,
}

impl Settings {
    /// Resolves everything for the working folder `cwd`.
    ///
    /// # Errors
    /// When `csw.yaml` can't be read, or a value from anywhere is not valid: all such values are named.
    pub fn resolve(overrides: Overrides, cwd: &Path) -> Result<Self, SettingsError> {
        let file = SettingsFile::find(cwd)?;
        let root = file.as_ref().map_or_else(|| cwd.to_owned(), SettingsFile::folder);
        let local = Url::parse("http://127.0.0.1:8888/")
            .map_err(|e| SettingsError::Invalid { problems: vec![e.to_string()] })?;
        let mut pick = Picker { file: file.as_ref(), problems: Vec::new() };
        let home = std::env::home_dir().unwrap_or_else(|| root.clone());
        let xdg = |name: &str, fallback: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
                .unwrap_or_else(|| home.join(fallback))
                .join("csw")
        };
        let dir = |s: Setting<String>| Setting { value: root.join(&s.value), origin: s.origin };
        let text = |p: PathBuf| p.to_string_lossy().into_owned();
        let data = dir(pick.text(
            "--data",
            overrides.data_dir.map(|p| text(cwd.join(p))),
            "CSW_DATA_DIR",
            "data_dir",
            || text(xdg("XDG_DATA_HOME", ".local/share")),
        ));
        let config_home = xdg("XDG_CONFIG_HOME", ".config");
        let secrets_file =
            dir(pick.text("", None, "CSW_SECRETS_FILE", "secrets_file", || {
                text(config_home.join("secrets.age"))
            }));
        let beside = secrets_file.value.with_file_name("recipients.txt");
        let settings =
            Self {
                recipients: dir(pick.text("", None, "CSW_RECIPIENTS", "recipients", || text(beside))),
                config_dir: dir(pick.text("", None, "CSW_CONFIG_DIR", "config_dir", || "config".into())),
                cache_dir: dir(pick
                    .text("", None, "CSW_CACHE_DIR", "cache_dir", || text(xdg("XDG_CACHE_HOME", ".cache")))),
                tag: pick.text("--tag", overrides.tag, "TAG", "tag", || {
                    jiff::Zoned::now().strftime("%Y-%m-%d").to_string()
                }),
                project: pick.optional("--project", overrides.project, "PROJECT", "project"),
                registry: pick.text("", None, "CSW_REGISTRY", "registry", || "gcr.io".into()),
                cs_url: pick.parsed_optional(
                    "--cs-url",
                    overrides.cs_url,
                    "CS_URL",
                    "cs_url",
                    "an http or https URL",
                    http_url,
                ),
                cs_api_token: pick.secret(
                    "--cs-api-token",
                    overrides.cs_api_token,
                    "CS_API_TOKEN",
                    "cs_api_token",
                ),
                bucket: pick.optional("--bucket", overrides.bucket, "BUCKET", "bucket"),
                scheduler: pick.parsed(
                    "--scheduler",
                    overrides.scheduler,
                    "CSW_SCHEDULER",
                    "scheduler",
                    local,
                    "an http or https URL",
                    http_url,
                ),
                scheduler_token: pick.secret("", None, "CSW_SCHEDULER_TOKEN", "scheduler_token"),
                listen: pick.parsed(
                    "--listen",
                    overrides.listen,
                    "CSW_LISTEN",
                    "listen",
                    SocketAddr::from(([127, 0, 0, 1], 8888)),
                    "an address and a port, as in 127.0.0.1:8888",
                    |s| s.parse().ok(),
                ),
                max_jobs: pick.parsed(
                    "--max-jobs",
                    overrides.max_jobs.map(|n| n.to_string()),
                    "CSW_MAX_JOBS",
                    "max_jobs",
                    cores(),
                    "a whole number from 1 to 10000",
                    |s| s.parse().ok().filter(|n| (1..=10_000).contains(n)),
                ),
                grace_period: pick.parsed(
                    "",
                    None,
                    "CSW_GRACE_PERIOD",
                    "grace_period",
                    Seconds::from_secs(30),
                    "a time above zero, as in 30 or 2m",
                    |s| s.parse().ok(),
                ),
                python: pick.text("", None, "CSW_PYTHON", "python", || "python3".into()),
                secrets_file,
                identity: dir(pick
                    .text("", None, "CSW_IDENTITY", "identity", || text(config_home.join("identity.txt")))),
                data_dir: data,
                root: root.clone(),
            };
        if pick.problems.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError::Invalid { problems: pick.problems })
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn http_url(s: &str) -> Option<Url> {
    let mut url = Url::parse(s).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host())?;
    if !url.path().ends_with('/') {
        // Else joining `outputs/api/` would replace the last segment.
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

/// Takes the weightiest source of each value and gathers what is wrong with any.
struct Picker<'f> {
    file: Option<&'f SettingsFile>,
    problems: Vec<String>,
}

impl Picker<'_> {
    fn optional(
        &mut self,
        flag: &'static str,
        given: Option<String>,
        env: &'static str,
        key: &str,
    ) -> Setting<Option<String>> {
        if let Some(value) = given {
            return Setting { value: Some(value), origin: Origin::Flag(flag) };
        }
        match std::env::var(env) {
            // An empty variable is how shells and CI say "not set".
            Ok(value) if !value.is_empty() => {
                return Setting { value: Some(value), origin: Origin::Env(env) };
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                self.problems.push(format!("environment {env} is not valid UTF-8"))
            }
            _ => {}
        }
        match self.file.and_then(|f| f.get(key)) {
            Some((value, origin)) => Setting { value: Some(value), origin },
            None => Setting { value: None, origin: Origin::Default },
        }
    }

    fn text(
        &mut self,
        flag: &'static str,
        given: Option<String>,
        env: &'static str,
        key: &str,
        default: impl FnOnce() -> String,
    ) -> Setting<String> {
        let found = self.optional(flag, given, env, key);
        Setting { value: found.value.unwrap_or_else(default), origin: found.origin }
    }

    fn secret(
        &mut self,
        flag: &'static str,
        given: Option<SecretString>,
        env: &'static str,
        key: &str,
    ) -> Setting<Option<SecretString>> {
        match given {
            Some(value) => Setting { value: Some(value), origin: Origin::Flag(flag) },
            None => {
                let found = self.optional(flag, None, env, key);
                Setting { value: found.value.map(SecretString::from), origin: found.origin }
            }
        }
    }

    fn parsed_optional<T>(
        &mut self,
        flag: &'static str,
        given: Option<String>,
        env: &'static str,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Setting<Option<T>> {
        let found = self.optional(flag, given, env, key);
        let value = found.value.and_then(|text| {
            let value = parse(&text);
            if value.is_none() {
                self.problems.push(format!("{}: `{key}` is `{text}`: expected {expected}", found.origin));
            }
            value
        });
        Setting { value, origin: found.origin }
    }

    #[allow(clippy::too_many_arguments)] // one row of a table, read once
    fn parsed<T>(
        &mut self,
        flag: &'static str,
        given: Option<String>,
        env: &'static str,
        key: &str,
        default: T,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Setting<T> {
        let found = self.parsed_optional(flag, given, env, key, expected, parse);
        Setting { value: found.value.unwrap_or(default), origin: found.origin }
    }
}
