//! What the files of Amazon's own tools say: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use configparser::ini::Ini;

/// A profile, as far as a bucket needs it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) login: Login,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// How one proves to be somebody.
#[derive(Default, PartialEq, Eq)]
pub(super) enum Login {
    /// The files don't say.
    #[default]
    Nothing,
    Keys {
        id: String,
        secret: String,
        token: Option<String>,
    },
    WebIdentity {
        role: String,
        token_file: String,
        session: Option<String>,
    },
    /// By something that csw can't do: which key of the file says so.
    Other(&'static str),
}

/// Which way, and nothing of what is secret.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Keys { .. } => "Keys",
            Self::WebIdentity { .. } => "WebIdentity",
            Self::Other(key) => key,
        })
    }
}

type Section = HashMap<String, Option<String>>;

/// The profile that `AWS_PROFILE` names, or `default`.
pub(super) fn profile(variable: impl Fn(&str) -> Option<String>) -> Result<Profile, String> {
    let named = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].iter().find_map(|n| Some((*n, variable(n)?)));
    let name = named.as_ref().map_or("default", |(_, name)| name.trim());
    let home = std::env::home_dir().unwrap_or_default();
    let path = |name: &str, usual: &str| match variable(name) {
        Some(path) => path.strip_prefix("~/").map_or_else(|| PathBuf::from(&path), |rest| home.join(rest)),
        None => home.join(usual),
    };
    let files =
        [path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), path("AWS_CONFIG_FILE", ".aws/config")];
    let [credentials, config] = &files;
    let sections = [read(credentials, name, false)?, read(config, name, true)?];
    if let (Some((variable, _)), [None, None]) = (&named, &sections) {
        let [a, b] = files.map(|f| f.display().to_string());
        return Err(format!("{variable} names the profile `{name}`, which is neither in {a} nor in {b}"));
    }
    let get = |key: &str| {
        sections
            .iter()
            .flatten()
            .find_map(|s| s.get(key)?.as_deref().map(uncommented).filter(|v| !v.is_empty()))
    };
    let login = match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Login::Keys { id, secret, token: get("aws_session_token") },
        (Some(_), None) => return Err(format!("the profile `{name}` lacks aws_secret_access_key")),
        (None, Some(_)) => return Err(format!("the profile `{name}` lacks aws_access_key_id")),
        (None, None) => match (get("role_arn"), get("web_identity_token_file")) {
            (Some(role), Some(token_file)) => {
                Login::WebIdentity { role, token_file, session: get("role_session_name") }
            }
            _ => ["sso_session", "sso_start_url", "credential_process", "role_arn", "login_session"]
                .into_iter()
                .find(|key| get(key).is_some())
                .map_or(Login::Nothing, Login::Other),
        },
    };
    Ok(Profile { name: name.to_owned(), login, region: get("region"), endpoint: get("endpoint_url") })
}

/// A profile's section of a file; none where there is no such file.
fn read(path: &Path, name: &str, config: bool) -> Result<Option<Section>, String> {
    let text = match crate::text::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("cannot read {}: {e}", path.display())),
    };
    let mut ini = Ini::new_cs();
    let mut syntax = ini.defaults();
    syntax.delimiters = vec!['='];
    syntax.comment_symbols = vec!['#', ';'];
    // A key may hold these.
    syntax.inline_comment_symbols = Some(Vec::new());
    ini.load_defaults(syntax);
    // The parser's own words may quote a line, and a line may hold a key.
    ini.read(text).map_err(|_| {
        format!("{} is not understood: expected `[section]` and `key = value` lines", path.display())
    })?;
    let of = |section: &str| {
        let mut words = section.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        match (words.next(), words.next(), words.next()) {
            // `[default]` stands for `[profile default]`; credentials have no word before the name.
            (Some(own), None, _) => own == name && (!config || own == "default"),
            (Some("profile"), Some(own), None) => config && own == name,
            _ => false,
        }
    };
    Ok(ini.get_map_ref().iter().find(|(section, _)| of(section)).map(|(_, keys)| keys.clone()))
}

/// A value without the comment after it, which a blank sets off.
fn uncommented(value: &str) -> String {
    let cut = value.match_indices(['#', ';']).map(|(at, _)| at);
    let at = cut.into_iter().find(|at| value.get(..*at).is_some_and(|v| v.ends_with(char::is_whitespace)));
    value.get(..at.unwrap_or(value.len())).unwrap_or(value).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(credentials: &str, config: &str, name: Option<&str>) -> Result<Profile, String> {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (credentials, config) = (write("credentials", credentials), write("config", config));
        profile(|variable| match variable {
            "AWS_SHARED_CREDENTIALS_FILE" => Some(credentials.clone()),
            "AWS_CONFIG_FILE" => Some(config.clone()),
            "AWS_PROFILE" => name.map(str::to_owned),
            _ => None,
        })
    }

    fn keys(id: &str, secret: &str) -> Login {
        Login::Keys { id: id.into(), secret: secret.into(), token: None }
    }

    #[test]
    fn profiles_are_read_as_amazons_tools_write_them() {
        let credentials = "\u{feff}# mine\n[default]\naws_access_key_id = AK1\naws_secret_access_key = a/b+c#d=e ; old\n\n[other]\naws_access_key_id=AK2\naws_secret_access_key=s2\n";
        let config = "[default]\nregion = eu-west-3\ns3 =\n  max_concurrent_requests = 20\n[profile other]\nregion=eu-north-1 # far\nendpoint_url = http://127.0.0.1:9000\n[profile web]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /t\n[sso-session s]\nsso_start_url = https://x\n";
        let default = of(credentials, config, None).unwrap();
        assert_eq!(
            (&default.login, default.region.as_deref()),
            (&keys("AK1", "a/b+c#d=e"), Some("eu-west-3"))
        );
        let other = of(credentials, config, Some("other")).unwrap();
        assert_eq!((&other.login, other.region.as_deref()), (&keys("AK2", "s2"), Some("eu-north-1")));
        assert_eq!(other.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        let web = of(credentials, config, Some("web")).unwrap();
        assert!(matches!(web.login, Login::WebIdentity { role, .. } if role == "arn:aws:iam::1:role/r"));
        assert_eq!(of("", "", None).unwrap().login, Login::Nothing);
    }

    #[test]
    fn what_can_not_be_used_is_named_and_no_key_is_shown() {
        for (credentials, config, name, says) in [
            ("[default]\naws_access_key_id = AK\n", "", None, "lacks aws_secret_access_key"),
            ("", "", Some("gone"), "AWS_PROFILE names the profile `gone`"),
            // In the config file a name alone is no profile.
            ("", "[gone]\nregion = x\n", Some("gone"), "AWS_PROFILE names the profile `gone`"),
            ("[default\naws_secret_access_key = hunter2\n", "", None, "is not understood"),
        ] {
            let error = of(credentials, config, name).unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
        }
        for (line, key) in [
            ("sso_session = s", "sso_session"),
            ("credential_process = /bin/x", "credential_process"),
            ("role_arn = r\nsource_profile = other", "role_arn"),
        ] {
            let found = of("", &format!("[profile p]\n{line}\n"), Some("p")).unwrap();
            assert_eq!(found.login, Login::Other(key), "{line}");
        }
    }
}
