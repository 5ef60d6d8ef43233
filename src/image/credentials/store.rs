use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::CredentialRetrievalError as Problem;
use serde_json::{Map, Value};

use super::{Credential, CredentialError};
use crate::image::docker_config;

/// A helper may have to ask a cloud, or a person; one that takes longer hangs.
const HELPER_PATIENCE: Duration = Duration::from_secs(60);

/// What Docker Hub's credentials are kept under.
const DOCKER_HUB: (&str, &str) = ("docker.io", "https://index.docker.io/v1/");

/// Docker's folder of configuration. Nothing is read before a registry is asked for.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    folder: Option<PathBuf>,
}

/// What `config.json` says about one registry.
#[derive(Debug, Default)]
struct Entry {
    /// The program to ask, without its `docker-credential-`.
    helper: Option<String>,
    /// The file in the words of the library that asks, with what it would stumble over left out: logins and helpers
    /// that say nothing, and a user's name beside an `auth`, which counts more.
    config: Vec<u8>,
}

impl Entry {
    fn of(config: &Map<String, Value>, server: &str) -> Self {
        let object = |name: &str| docker_config::field(config, name).and_then(Value::as_object);
        let mut auths = Map::new();
        for (registry, login) in object("auths").into_iter().flatten() {
            let Some(login) = login.as_object() else { continue };
            let mut kept = Map::new();
            for name in ["auth", "username", "password", "identitytoken"] {
                let text = docker_config::text(login, name).map(|text| match name {
                    "auth" => text.chars().filter(|c| !c.is_whitespace()).collect(),
                    _ => text.to_owned(),
                });
                kept.extend(text.map(|text| (name.to_owned(), Value::String(text))));
            }
            if kept.contains_key("auth") {
                kept.shift_remove("username");
                kept.shift_remove("password");
            }
            if !kept.is_empty() {
                auths.insert(registry.clone(), Value::Object(kept));
            }
        }
        let own = object("credHelpers").and_then(|helpers| helpers.get(server)).and_then(Value::as_str);
        // One that is named as none keeps the store away.
        let store = docker_config::text(config, "credsStore").filter(|_| own.is_none());
        let helper = own.filter(|name| !name.is_empty()).or(store).map(str::to_owned);
        let mut all = Map::new();
        all.insert("auths".into(), Value::Object(auths));
        if let Some(store) = store {
            all.insert("credsStore".into(), store.into());
        }
        if let Some(own) = own {
            all.insert("credHelpers".into(), serde_json::json!({ server: own }));
        }
        Self { helper, config: Value::Object(all).to_string().into_bytes() }
    }

    fn program(&self) -> String {
        format!("docker-credential-{}", self.helper.as_deref().unwrap_or_default())
    }
}

impl CredentialStore {
    /// The folder that `DOCKER_CONFIG` names, else `~/.docker`, as Docker has it.
    pub fn from_environment() -> Self {
        let named = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
        let folder =
            named.map(PathBuf::from).or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
        Self { folder }
    }

    /// This folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()) }
    }

    /// The folder, where the user has one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The credentials for the registry `host` (`gcr.io`, `localhost:5000`), or `None` where none are kept.
    ///
    /// # Errors
    /// When the configuration can't be read, or a credential helper it names fails or isn't there.
    pub async fn get(&self, host: &str) -> Result<Option<Credential>, CredentialError> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join("config.json")) else {
            return Ok(None);
        };
        let text = match tokio::fs::read(&path).await {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(CredentialError::Config { path, why: e.to_string() }),
        };
        let config =
            docker_config::parse(&text).map_err(|why| CredentialError::Config { path: path.clone(), why })?;
        let server = if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host };
        let found = Entry::of(&config, server);
        let program = found.program();
        let found = ask(found.config, server.to_owned()).await;
        let registry = host.to_owned();
        let entry = |why| CredentialError::Entry { registry: host.to_owned(), path: path.clone(), why };
        let helper = |why| CredentialError::Helper { registry, helper: program, why };
        match found {
            Ok(credential) => Ok(Some(credential.into())),
            Err(Problem::NoCredentialConfigured | Problem::ConfigNotFound) => Ok(None),
            // Every helper says it with these words, on stdout.
            Err(Problem::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
                Ok(None)
            }
            Err(Problem::HelperFailure { stderr, .. }) => {
                let said = stderr.lines().rfind(|line| !line.trim().is_empty());
                Err(helper(said.unwrap_or("it said nothing").trim().to_owned()))
            }
            Err(Problem::HelperCommunicationError) => {
                Err(helper("it is not on PATH, or ended before it answered".into()))
            }
            Err(Problem::MalformedHelperResponse) => Err(helper("its answer is not understood".into())),
            Err(Problem::CredentialMismatchError) => {
                Err(entry("`auth` contradicts `username` and `password`"))
            }
            Err(Problem::CredentialDecodingError) => Err(entry("`auth` is not user:password in base64")),
            Err(Problem::ConfigReadError) => {
                Err(CredentialError::Config { path, why: "its `auths` are not as Docker writes them".into() })
            }
        }
    }
}

/// On a thread of its own, which a helper that hangs keeps without keeping the program.
async fn ask(config: Vec<u8>, server: String) -> Result<docker_credential::DockerCredential, Problem> {
    let (answer, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits any more when that fails.
        drop(answer.send(docker_credential::get_credential_from_reader(config.as_slice(), &server)));
    });
    match tokio::time::timeout(HELPER_PATIENCE, wait).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) | Err(_) => Err(Problem::HelperCommunicationError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(config: &str, host: &str) -> Result<Option<Credential>, CredentialError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        look_in(folder.path(), host)
    }

    fn look_in(folder: &Path, host: &str) -> Result<Option<Credential>, CredentialError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(CredentialStore::at(folder).get(host))
    }

    fn password(found: Option<Credential>) -> (String, String) {
        match found {
            Some(Credential::Password { username, password }) => (username, password.expose().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn passwords_are_found_by_host_also_docker_hubs() {
        let config = r#"{"auths": {
            "localhost:5000": {"auth": "dTpwOnE="},
            "https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldA=="}
        }}"#;
        assert_eq!(password(look(config, "localhost:5000").unwrap()), ("u".into(), "p:q".into()));
        assert_eq!(password(look(config, "docker.io").unwrap()), ("hub".into(), "secret".into()));
        assert!(look(config, "ghcr.io").unwrap().is_none());
        assert!(!format!("{:?}", look(config, "docker.io")).contains("secret"));
    }

    #[test]
    fn identity_tokens_are_told_apart() {
        let found = look(r#"{"auths": {"r.io": {"auth": "MDA6", "identitytoken": "t0k"}}}"#, "r.io");
        assert!(matches!(found, Ok(Some(Credential::IdentityToken(t))) if t.expose() == "t0k"));
    }

    #[test]
    fn no_configuration_is_no_error_and_a_broken_one_is() {
        assert!(look_in(Path::new("/nonexistent"), "gcr.io").unwrap().is_none());
        let error = look("{\"auths\": \"s3cret", "gcr.io").unwrap_err().to_string();
        assert!(error.contains("config.json: line 1"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
        let error = look(r#"{"auths": {"r.io": {"auth": "%%s3cret"}}}"#, "r.io").unwrap_err().to_string();
        assert!(error.contains("not user:password") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_helper_that_is_missing_is_named() {
        let config = r#"{"credHelpers": {"gcr.io": "no-such-cloud"}}"#;
        let error = look(config, "gcr.io").unwrap_err().to_string();
        assert!(
            error.contains("docker-credential-no-such-cloud failed for gcr.io: it is not on PATH"),
            "{error}"
        );
        assert!(look(config, "ghcr.io").unwrap().is_none());
    }

    #[test]
    fn a_registry_s_own_helper_comes_before_the_store() {
        let config = docker_config::parse(
            br#"{"credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud", "quay.io": ""}}"#,
        )
        .unwrap();
        assert_eq!(Entry::of(&config, "gcr.io").program(), "docker-credential-gcloud");
        assert_eq!(Entry::of(&config, "ghcr.io").program(), "docker-credential-desktop");
        assert_eq!(Entry::of(&config, "quay.io").helper, None);
    }

    #[test]
    fn what_says_nothing_is_no_login_and_no_mistake() {
        for config in [
            "",
            "\n",
            "{}",
            "null",
            r#"{"auths": {}}"#,
            r#"{"auths": null, "credsStore": "", "credHelpers": null}"#,
            r#"{"auths": {"r.io": {}}}"#,
            r#"{"auths": {"r.io": null}}"#,
            r#"{"auths": {"r.io": {"auth": "", "email": "x@y"}}}"#,
            r#"{"auths": {"r.io": {"auth": null, "username": ""}}}"#,
            r#"{"credHelpers": {"r.io": ""}, "HttpHeaders": {"x": 1}, "proxies": {"default": {}}}"#,
        ] {
            assert!(look(config, "r.io").unwrap().is_none(), "{config:?}");
        }
    }

    #[test]
    fn logins_are_read_in_every_shape_that_docker_takes() {
        for config in [
            r#"{"auths": {"r.io": {"auth": "dTpwOnE="}}}"#,
            r#"{"auths": {"r.io": {"auth": "dTpwOnE"}}}"#,
            r#"{"auths": {"r.io": {"auth": "dTpw\nOnE="}}}"#,
            r#"{"Auths": {"https://r.io/v1/": {"Auth": "dTpwOnE="}}}"#,
            r#"{"auths": {"http://r.io": {"auth": "dTpwOnE=", "username": "other", "password": "o"}}}"#,
            r#"{"auths": {"r.io": {"username": "u", "password": "p:q"}}} trailing"#,
            "\u{feff}{\"auths\": {\"r.io\": {\"auth\": \"dTpwOnE=\"}}}",
        ] {
            assert_eq!(password(look(config, "r.io").unwrap()), ("u".into(), "p:q".into()), "{config}");
        }
    }
}
