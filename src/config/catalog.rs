use std::collections::BTreeMap;
use std::path::PathBuf;

use super::document::nearest;
use super::{ConfigError, Diagnostics};
use crate::model::{Model, ModelName};

/// Where a model's configuration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSource {
    /// The file, if it is not the web app alone that knows the model.
    pub path: Option<PathBuf>,
    /// The file as people should see it, or the web app's URL.
    pub shown: String,
    /// The line of its title, from 1; 0 if there is no file.
    pub line: usize,
    /// Whether the web app knows the model.
    pub web: bool,
}

/// A model and where it comes from.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The model.
    pub model: Model,
    /// Where it comes from.
    pub source: ModelSource,
}

/// Every valid model, sorted by name, and what is wrong with the others.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    models: Vec<Listed>,
    broken: BTreeMap<ModelName, Diagnostics>,
    diagnostics: Diagnostics,
    searched: Vec<String>,
}

impl Catalog {
    pub(super) fn new(
        models: Vec<Listed>,
        broken: BTreeMap<ModelName, Diagnostics>,
        diagnostics: Diagnostics,
        searched: Vec<String>,
    ) -> Self {
        Self { models, broken, diagnostics, searched }
    }

    /// Every valid model, sorted by name.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &Model> {
        self.models.iter().map(|l| &l.model)
    }

    /// Every valid model with its source, sorted by name.
    pub fn listed(&self) -> &[Listed] {
        &self.models
    }

    /// Everything that was found, warnings too.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Files, folders and URLs that were read.
    pub fn searched(&self) -> &[String] {
        &self.searched
    }

    /// The model of exactly this name.
    pub fn get(&self, name: &ModelName) -> Option<&Model> {
        let index = self.models.binary_search_by(|l| l.model.name.cmp(name)).ok()?;
        self.models.get(index).map(|l| &l.model)
    }

    /// The model that a user calls `name`: letter case and blanks around it don't matter.
    ///
    /// # Errors
    /// As [`Catalog::select`].
    pub fn find(&self, name: &str) -> Result<&Model, ConfigError> {
        self.find_listed(name).map(|l| &l.model)
    }

    /// The models that a user names, each once, in the order given; all of them if none is named.
    ///
    /// # Errors
    /// With all names that are unknown and what they are near to; or with what is wrong with those that are known but
    /// not valid.
    pub fn select<N: std::fmt::Display>(&self, names: &[N]) -> Result<Vec<&Listed>, ConfigError> {
        if names.is_empty() {
            return Ok(self.models.iter().collect());
        }
        let mut chosen: Vec<&Listed> = Vec::new();
        let mut unknown = Vec::new();
        let mut invalid = Vec::new();
        for name in names {
            match self.find_listed(&name.to_string()) {
                Ok(found) if chosen.iter().any(|c| c.model.name == found.model.name) => {}
                Ok(found) => chosen.push(found),
                Err(ConfigError::UnknownModels { names, .. }) => unknown.extend(names),
                Err(ConfigError::Invalid(found)) => invalid.extend(found.iter().cloned()),
                Err(other) => return Err(other),
            }
        }
        if !invalid.is_empty() {
            return Err(ConfigError::Invalid(Diagnostics::new(invalid)));
        }
        if !unknown.is_empty() {
            return Err(ConfigError::UnknownModels { names: unknown, searched: self.searched.clone() });
        }
        Ok(chosen)
    }

    fn find_listed(&self, given: &str) -> Result<&Listed, ConfigError> {
        let given = given.trim();
        let valid =
            |same: &dyn Fn(&str) -> bool| self.models.iter().find(|l| same(&l.model.name.to_string()));
        let folded = |name: &str| name.eq_ignore_ascii_case(given);
        if let Some(found) = valid(&|n| n == given).or_else(|| valid(&folded)) {
            return Ok(found);
        }
        if let Some((_, found)) = self.broken.iter().find(|(name, _)| folded(&name.to_string())) {
            return Err(ConfigError::Invalid(found.clone()));
        }
        let all: Vec<String> = self
            .models
            .iter()
            .map(|l| &l.model.name)
            .chain(self.broken.keys())
            .map(ToString::to_string)
            .collect();
        // `Tax-Cruncher` alone is enough to know what is meant.
        let by_title = || {
            all.iter().find(|n| n.split_once('/').is_some_and(|(_, title)| title.eq_ignore_ascii_case(given)))
        };
        let near =
            nearest(given, all.iter().map(String::as_str)).map(str::to_owned).or_else(|| by_title().cloned());
        Err(ConfigError::UnknownModels {
            names: vec![(given.to_owned(), near)],
            searched: self.searched.clone(),
        })
    }
}
