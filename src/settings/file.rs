use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_saphyr::Spanned;

use super::{Origin, SettingsError};

/// `csw.yaml`: a flat mapping of setting to value.
#[derive(Debug)]
pub(super) struct SettingsFile {
    path: PathBuf,
    values: BTreeMap<String, Spanned<String>>,
}

impl SettingsFile {
    /// The nearest `csw.yaml` (or, where there is none, the original's `cs-config.yaml`) from `cwd` upwards.
    pub(super) fn find(cwd: &Path) -> Result<Option<Self>, SettingsError> {
        for folder in cwd.ancestors() {
            for name in ["csw.yaml", "cs-config.yaml"] {
                let path = folder.join(name);
                match std::fs::read_to_string(&path) {
                    Ok(text) => return Self::parse(path, &text).map(Some),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(source) => return Err(SettingsError::Io { path, source }),
                }
            }
        }
        Ok(None)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, SettingsError> {
        let values = serde_saphyr::from_str::<BTreeMap<String, Spanned<String>>>(text)
            .map_err(|e| SettingsError::Invalid { problems: vec![format!("{}: {e}", path.display())] })?;
        Ok(Self { path, values })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
    }

    pub(super) fn get(&self, key: &str) -> Option<(String, Origin)> {
        let found = self.values.get(key).or_else(|| self.values.get(&key.to_uppercase()))?;
        let line = usize::try_from(found.referenced.line()).unwrap_or(0);
        Some((found.value.clone(), Origin::File { path: self.path.clone(), line }))
    }
}
