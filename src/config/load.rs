use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::build::from_web;
use super::catalog::{Catalog, Listed, ModelSource};
use super::document::{Code, Diagnostic, Source};
use super::read::{Candidate, read_all};
use super::sources::{Sources, here, shown};
use super::web_app;
use super::{ConfigError, Diagnostics};
use crate::model::{Model, ModelName};

/// Loads every model of `sources`, and insists on all of them being right.
///
/// # Errors
/// When a folder can't be read, or with every mistake of every file. Warnings alone are no error: see
/// [`Catalog::diagnostics`].
pub fn load(sources: &Sources) -> Result<Catalog, ConfigError> {
    let catalog = load_valid(sources)?;
    if catalog.diagnostics().has_errors() {
        return Err(ConfigError::Invalid(catalog.diagnostics().clone()));
    }
    Ok(catalog)
}

/// Loads every model of `sources` that is right. What is wrong with the others is in [`Catalog::diagnostics`], and
/// asking for one of them by name gives what is wrong with it.
///
/// # Errors
/// When a folder can't be read.
pub fn load_valid(sources: &Sources) -> Result<Catalog, ConfigError> {
    let (files, unreadable) = sources.gather()?;
    let here = here();
    let web = sources.web_app().map(|w| (w.url.clone(), web_app::parse(&w.url, &w.text)));
    let known = web.as_ref().map(|(_, w)| &w.models);
    let mut gathered = Gathered::default();
    for (path, error) in unreadable {
        let source = Arc::new(Source::new(shown(&path, &here), ""));
        gathered.diagnostics.push(Diagnostic::whole(
            source,
            Code::Unreadable,
            format!("cannot read it: {error}"),
        ));
    }
    for file in read_all(&files, &here, known) {
        gathered.diagnostics.extend(file.diagnostics);
        gathered.candidates.extend(file.candidates);
    }
    if let Some((url, web)) = web {
        gathered.add_web(&url, web);
    }
    gathered.refuse_collisions();
    Ok(gathered.into_catalog(sources.described()))
}

#[derive(Default)]
struct Gathered {
    candidates: Vec<Candidate>,
    diagnostics: Vec<Diagnostic>,
    /// Diagnostics of the web app's entries, which have no place to tell whose they are.
    of_web: Vec<(ModelName, Diagnostic)>,
}

impl Gathered {
    fn add_web(&mut self, url: &str, web: web_app::WebModels) {
        let source = Arc::new(Source::new(url, ""));
        let origin = ModelSource { path: None, shown: url.to_owned(), line: 0, web: true };
        let in_files: BTreeSet<ModelName> = self.candidates.iter().map(|c| c.name.clone()).collect();
        let mut add = |name: ModelName, model: Option<Model>| {
            let (source, origin) = (Arc::clone(&source), origin.clone());
            self.candidates.push(Candidate { name, model, source, span: None, origin });
        };
        for (name, model) in web.models.iter().filter(|(name, _)| !in_files.contains(name)) {
            add(name.clone(), Some(from_web(name.clone(), model)));
        }
        for (name, diagnostic) in web.broken {
            if let Some(name) = name {
                if !in_files.contains(&name) && !web.models.contains_key(&name) {
                    add(name.clone(), None);
                }
                self.of_web.push((name, diagnostic.clone()));
            }
            self.diagnostics.push(diagnostic);
        }
    }

    /// Two models may share neither their name nor what is made of it for Kubernetes: neither of them is usable then.
    fn refuse_collisions(&mut self) {
        let mut by_safe: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, candidate) in self.candidates.iter().enumerate() {
            let same = by_safe.entry(candidate.name.safe()).or_default();
            // The web app may have said several things about one broken entry.
            let again = same
                .iter()
                .filter_map(|i| self.candidates.get(*i))
                .any(|c| candidate.span.is_none() && c.span.is_none() && c.name == candidate.name);
            if !again {
                same.push(index);
            }
        }
        let mut broken = Vec::new();
        for (safe, indices) in by_safe.into_iter().filter(|(_, indices)| indices.len() > 1) {
            let all: Vec<&Candidate> = indices.iter().filter_map(|i| self.candidates.get(*i)).collect();
            let Some((first, others)) = all.split_first() else { continue };
            for other in others {
                let message = if other.name == first.name {
                    format!("`{}` is declared twice", other.name)
                } else {
                    format!(
                        "`{}` and `{}` would both be called `{safe}` in the cluster",
                        other.name, first.name
                    )
                };
                let source = Arc::clone(&other.source);
                let mut diagnostic = match other.span {
                    Some(span) => Diagnostic::error(source, span, Code::NameCollision, message),
                    None => Diagnostic::whole(source, Code::NameCollision, message),
                };
                diagnostic.set_help("rename or delete one of the two");
                diagnostic.also(
                    Arc::clone(&first.source),
                    first.span.unwrap_or_default(),
                    format!("`{}` is declared here first", first.name),
                );
                self.of_web.extend(all.iter().map(|c| (c.name.clone(), diagnostic.clone())));
                self.diagnostics.push(diagnostic);
            }
            broken.extend(indices);
        }
        for index in broken {
            if let Some(candidate) = self.candidates.get_mut(index) {
                candidate.model = None;
            }
        }
    }

    fn into_catalog(self, searched: Vec<String>) -> Catalog {
        let diagnostics = Diagnostics::new(self.diagnostics);
        let mut models = Vec::new();
        let mut broken: BTreeMap<ModelName, Diagnostics> = BTreeMap::new();
        for candidate in self.candidates {
            if let Some(model) = candidate.model {
                models.push(Listed { model, source: candidate.origin });
                continue;
            }
            let mut found: Vec<Diagnostic> = match &candidate.origin.path {
                Some(_) => diagnostics
                    .iter()
                    .filter(|d| d.source().name() == candidate.source.name())
                    .cloned()
                    .collect(),
                None => Vec::new(),
            };
            found.extend(
                self.of_web.iter().filter(|(name, _)| *name == candidate.name).map(|(_, d)| d.clone()),
            );
            broken.insert(candidate.name, Diagnostics::new(found));
        }
        models.sort_by(|a, b| a.model.name.cmp(&b.model.name));
        Catalog::new(models, broken, diagnostics, searched)
    }
}
