use std::fmt;
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::file::TokenFile;
use super::text::{Digests, first};
use crate::services::ServiceError;
use crate::settings::Settings;

/// The tokens that a service takes; none at all lets everybody in. Cheap to clone; all clones see a changed file.
#[derive(Clone, Default)]
pub struct Tokens {
    fixed: Arc<Digests>,
    file: Option<Arc<TokenFile>>,
}

impl Tokens {
    /// These, separated by commas or white space.
    pub fn fixed(text: &SecretString) -> Self {
        Self { fixed: Arc::new(Digests::of(text.expose_secret())), file: None }
    }

    /// Those of a file too, which is read again when it changes.
    ///
    /// # Errors
    /// When the file can't be read, or holds no token.
    pub fn and_file(self, path: &Path) -> Result<Self, ServiceError> {
        let file = TokenFile::open(path)
            .map_err(|source| ServiceError::Io { path: path.display().to_string(), source })?;
        Ok(Self { file: Some(Arc::new(file)), ..self })
    }

    /// What the settings say.
    ///
    /// # Errors
    /// As [`Tokens::and_file`].
    pub fn of(settings: &Settings) -> Result<Self, ServiceError> {
        let fixed = Self::from(settings.scheduler_token.value.clone());
        match &settings.scheduler_token_file.value {
            Some(path) => fixed.and_file(path),
            None => Ok(fixed),
        }
    }

    /// What a client shows by these settings: the first of `CSW_SCHEDULER_TOKEN`, else of the file.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn shown(settings: &Settings) -> Result<Option<SecretString>, ServiceError> {
        let (set, path) = (&settings.scheduler_token.value, &settings.scheduler_token_file.value);
        let (None, Some(path)) = (set, path) else { return Ok(set.clone()) };
        let text = crate::text::read(path)
            .map_err(|source| ServiceError::Io { path: path.display().to_string(), source })?;
        Ok(first(&text).map(|word| word.to_owned().into()))
    }

    /// Whether everybody is let in.
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.file.is_none()
    }

    /// Whether `word` is one of them. How long it takes tells nothing about any of them.
    pub fn accept(&self, word: &str) -> bool {
        let fixed = self.fixed.contain(word);
        self.file.as_ref().is_some_and(|file| file.digests().contain(word)) | fixed
    }
}

impl From<Option<SecretString>> for Tokens {
    fn from(text: Option<SecretString>) -> Self {
        text.as_ref().map(Self::fixed).unwrap_or_default()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("file", &self.file.as_ref().map(|f| f.path())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_is_taken_and_nothing_else() {
        let tokens = Tokens::fixed(&"new, old\nolder".to_owned().into());
        for good in ["new", "old", "older"] {
            assert!(tokens.accept(good), "{good}");
        }
        for bad in ["", "ne", "newer", "new, old", "new,", " "] {
            assert!(!tokens.accept(bad), "{bad}");
        }
        assert!(!format!("{tokens:?}").contains("old"));
    }

    #[test]
    fn no_token_is_no_guard_but_separators_alone_are_no_token() {
        assert!(Tokens::default().is_empty());
        assert!(Tokens::from(None).is_empty());
        assert!(Tokens::fixed(&" ,\n".to_owned().into()).is_empty());
    }
}
