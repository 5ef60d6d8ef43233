use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::image::ImageError;
use crate::secret::SecretValue;

/// A secret that steps of a build see as a file, and the image never holds: `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`,
/// with `,target=PATH` for where; without it `/run/secrets/NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildSecret {
    id: String,
    from: From,
    target: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
enum From {
    File(PathBuf),
    Variable(String),
}

impl BuildSecret {
    /// What Dockerfiles call it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The option of `RUN` that shows it to a step.
    pub(super) fn mount(&self) -> String {
        let target = self.target.as_ref().map(|t| format!(",target={t}")).unwrap_or_default();
        format!("--mount=type=secret,id={}{target}", self.id)
    }

    /// Its value now.
    ///
    /// # Errors
    /// When the file or the variable isn't there.
    pub fn read(&self) -> Result<SecretValue, ImageError> {
        let missing = |reason: String| ImageError::BuildSecret { id: self.id.clone(), reason };
        match &self.from {
            From::File(path) => std::fs::read_to_string(path)
                .map(SecretValue::from)
                .map_err(|e| missing(format!("cannot read {}: {e}", path.display()))),
            From::Variable(name) => std::env::var(name)
                .map(SecretValue::from)
                .map_err(|e| missing(format!("the variable {name}: {e}"))),
        }
    }
}

impl FromStr for BuildSecret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut id, mut from, mut target) = (None, None, None);
        for part in text.split(',') {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("expected KEY=VALUE, found `{part}`"))?;
            let plain = |v: &str| !v.is_empty() && !v.contains(char::is_whitespace);
            if !plain(value) {
                return Err(format!("`{key}` has no value, or one with blanks"));
            }
            match key {
                "id" => id = Some(value.to_owned()),
                "src" | "source" => from = Some(From::File(value.into())),
                "env" => from = Some(From::Variable(value.to_owned())),
                "target" | "dst" if value.starts_with('/') => target = Some(value.to_owned()),
                "target" | "dst" => return Err("`target` is no absolute path".into()),
                // docker's way to say what follows from the rest.
                "type" if matches!(value, "file" | "env") => {}
                _ => return Err(format!("`{key}` is none of id, src, env, target")),
            }
        }
        let id = id.ok_or("`id` is missing: id=NAME,src=FILE")?;
        // docker takes the variable of that name.
        let from = from.unwrap_or_else(|| From::Variable(id.clone()));
        Ok(Self { id, from, target })
    }
}

impl fmt::Debug for BuildSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where the value comes from is no part of what is built.
        write!(f, "BuildSecret({}, {:?})", self.id, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_as_docker_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pip.conf");
        std::fs::write(&file, "s3cret").unwrap();
        let secret: BuildSecret =
            format!("id=pip,src={},target=/etc/pip.conf", file.display()).parse().unwrap();
        assert_eq!(secret.mount(), "--mount=type=secret,id=pip,target=/etc/pip.conf");
        assert_eq!(secret.read().unwrap().expose(), "s3cret");
        assert!(!format!("{secret:?}").contains("s3cret"));
        std::fs::remove_file(&file).unwrap();
        assert!(secret.read().unwrap_err().to_string().contains("pip.conf"));
        assert_eq!("id=PATH,env=PATH".parse::<BuildSecret>().unwrap().mount(), "--mount=type=secret,id=PATH");
        for wrong in ["", "pip", "src=x", "id=", "id=a b", "id=a,target=x", "id=a,mode=0400"] {
            assert!(wrong.parse::<BuildSecret>().is_err(), "{wrong}");
        }
    }
}
