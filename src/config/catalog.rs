use std::collections::{BTreeMap, HashMap, HashSet};
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

    /// Models that are not valid, and what is wrong with each.
    pub fn broken(&self) -> impl Iterator<Item = (&ModelName, &Diagnostics)> {
        self.broken.iter()
    }

    /// What is wrong with the model of exactly this name, if it is not valid.
    pub fn mistakes(&self, name: &ModelName) -> Option<&Diagnostics> {
        self.broken.get(name)
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
        let found = self.select(&[name])?;
        found.first().map(|l| &l.model).ok_or_else(|| ConfigError::UnknownModels {
            names: vec![(name.to_owned(), None)],
            searched: self.searched.clone(),
        })
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
        let index = Index::of(self);
        let mut chosen: Vec<&Listed> = Vec::new();
        let mut taken: HashSet<&ModelName> = HashSet::new();
        let mut unknown = Vec::new();
        let mut invalid = Vec::new();
        for name in names {
            let name = name.to_string();
            match index.find(&name) {
                Some(Found::Valid(found)) => {
                    if taken.insert(&found.model.name) {
                        chosen.push(found);
                    }
                }
                Some(Found::Broken(found)) => invalid.extend(found.iter().cloned()),
                // Who names so many in vain is not helped by more than some guesses.
                None if unknown.len() >= GUESSES => unknown.push((name.trim().to_owned(), None)),
                None => unknown.push((name.trim().to_owned(), self.near(name.trim()))),
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

    /// What may have been meant. `Tax-Cruncher` alone is enough to know.
    fn near(&self, given: &str) -> Option<String> {
        let all: Vec<String> = self
            .models
            .iter()
            .map(|l| &l.model.name)
            .chain(self.broken.keys())
            .map(ToString::to_string)
            .collect();
        let by_title = || {
            all.iter().find(|n| n.split_once('/').is_some_and(|(_, title)| title.eq_ignore_ascii_case(given)))
        };
        nearest(given, all.iter().map(String::as_str)).map(str::to_owned).or_else(|| by_title().cloned())
    }
}

/// Unknown names that are compared with those that there are.
const GUESSES: usize = 20;

enum Found<'c> {
    Valid(&'c Listed),
    Broken(&'c Diagnostics),
}

/// Models by name, as it is written and without regard to letter case.
struct Index<'c> {
    exact: HashMap<String, &'c Listed>,
    folded: HashMap<String, Found<'c>>,
}

impl<'c> Index<'c> {
    fn of(catalog: &'c Catalog) -> Self {
        let mut folded = HashMap::new();
        for listed in &catalog.models {
            folded.entry(listed.model.name.to_string().to_ascii_lowercase()).or_insert(Found::Valid(listed));
        }
        for (name, found) in &catalog.broken {
            folded.entry(name.to_string().to_ascii_lowercase()).or_insert(Found::Broken(found));
        }
        Self { exact: catalog.models.iter().map(|l| (l.model.name.to_string(), l)).collect(), folded }
    }

    fn find(&self, given: &str) -> Option<Found<'c>> {
        let given = given.trim();
        if let Some(listed) = self.exact.get(given) {
            return Some(Found::Valid(listed));
        }
        Some(match self.folded.get(&given.to_ascii_lowercase())? {
            Found::Valid(listed) => Found::Valid(listed),
            Found::Broken(found) => Found::Broken(found),
        })
    }
}
