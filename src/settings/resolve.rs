use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::file::SettingsFile;
use super::{Origin, Setting, SettingsError, Value};

/// What defaults are made from.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) root: PathBuf,
    pub(super) local_scheduler: Url,
    home: PathBuf,
}

impl Places {
    pub(super) fn new(root: &Path) -> Self {
        #[allow(clippy::expect_used)] // a constant
        let local_scheduler = Url::parse("http://127.0.0.1:8888/").expect("it is a URL");
        Self {
            root: root.to_owned(),
            local_scheduler,
            home: std::env::home_dir().unwrap_or_else(|| root.to_owned()),
        }
    }

    /// csw's folder in one of the XDG base directories, which count only if they are absolute.
    pub(super) fn xdg(&self, variable: &str, fallback: &str) -> PathBuf {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
            .unwrap_or_else(|| self.home.join(fallback))
            .join("csw")
    }
}

/// Takes the weightiest source of each value and gathers what is wrong with any.
#[derive(Debug)]
pub(super) struct Resolver<'c> {
    file: Option<SettingsFile>,
    cwd: &'c Path,
    problems: Vec<String>,
}

impl<'c> Resolver<'c> {
    pub(super) fn new(file: Option<SettingsFile>, cwd: &'c Path) -> Self {
        Self { file, cwd, problems: Vec::new() }
    }

    /// The value of `key` from the flag, the variable or the file, or `None` if none of them says anything (or
    /// something wrong, which is kept for [`done`](Self::done)).
    pub(super) fn take<T: Value>(
        &mut self,
        key: &'static str,
        given: Option<(&'static str, String)>,
        env: &'static str,
    ) -> Option<Setting<T>> {
        // A mistake in the file is one even where a flag or a variable counts more.
        let in_file = self.file.as_mut().and_then(|file| file.take(key));
        if let Some((name, text)) = given {
            return self.read(&text, Origin::Flag(name));
        }
        match std::env::var(env) {
            // An empty variable is how shells and CI say "not set".
            Ok(text) if !text.is_empty() => return self.read(&text, Origin::Env(env)),
            Err(std::env::VarError::NotUnicode(_)) => {
                self.problems.push(format!("{}: not valid UTF-8", Origin::Env(env)));
                return None;
            }
            Ok(_) | Err(std::env::VarError::NotPresent) => {}
        }
        in_file
    }

    fn read<T: Value>(&mut self, text: &str, origin: Origin) -> Option<Setting<T>> {
        let value = T::read(text, self.cwd);
        if value.is_none() {
            let found = if T::SECRET { String::new() } else { format!(", found `{text}`") };
            self.problems.push(format!("{origin}: expected {}{found}", T::EXPECTED));
        }
        value.map(|value| Setting { value, origin })
    }

    /// Every problem that turned up.
    pub(super) fn done(self) -> Result<(), SettingsError> {
        let file = self.file.map(SettingsFile::into_problems).unwrap_or_default();
        if file.is_empty() && self.problems.is_empty() {
            Ok(())
        } else {
            Err(SettingsError::Invalid { problems: self.problems, file })
        }
    }
}

/// Text and place of every value of a file.
pub(super) type Texts = BTreeMap<&'static str, (String, crate::config::document::Span)>;
