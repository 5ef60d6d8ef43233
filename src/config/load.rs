use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, thread};

use super::build::{build, from_web, name};
use super::catalog::{Catalog, Listed, ModelSource};
use super::document::{Code, Decode as _, Diagnostic, Node, Problems, Source, Span, Value, parse};
use super::model_file::{ListItem, ModelFile};
use super::sources::{File, Position, Sources, here, shown};
use super::web_app::{self, WebModel};
use super::{ConfigError, Diagnostics};
use crate::model::{Model, ModelName};

/// Below this many files, starting a thread costs more than it saves.
const FILES_A_THREAD: usize = 64;

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

/// Checks a text that is to become the file `path` of the configuration's folder `config_dir`.
///
/// # Errors
/// With everything that is wrong with it.
pub fn check_model_file(path: &Path, text: &str, config_dir: &Path) -> Result<(), ConfigError> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let file = File {
        path: path.to_owned(),
        root: config_dir.parent().unwrap_or(config_dir).to_owned(),
        position: Position::Model {
            owner: part(path.parent().and_then(Path::file_name)),
            title: part(path.file_stem()),
        },
    };
    let found = read_source(&file, Arc::new(Source::new(shown(path, &here()), text)), None).diagnostics;
    if found.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(Diagnostics::new(found))) }
}

/// One model of one source, perhaps not usable.
struct Candidate {
    name: ModelName,
    model: Option<Model>,
    source: Arc<Source>,
    span: Option<Span>,
    origin: ModelSource,
}

struct FileResult {
    candidates: Vec<Candidate>,
    diagnostics: Vec<Diagnostic>,
}

fn read_all(files: &[File], here: &Path, web: Option<&BTreeMap<ModelName, WebModel>>) -> Vec<FileResult> {
    let read_some = |files: &[File]| files.iter().map(|f| read_file(f, here, web)).collect::<Vec<_>>();
    let threads =
        thread::available_parallelism().map_or(1, usize::from).min(files.len() / FILES_A_THREAD).max(1);
    if threads == 1 {
        return read_some(files);
    }
    thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(files.len().div_ceil(threads))
            .map(|part| (part, scope.spawn(move || read_some(part))))
            .collect();
        // A thread that ended by a panic has said so; its files are read again here, where the panic belongs.
        parts
            .into_iter()
            .flat_map(|(part, thread)| thread.join().unwrap_or_else(|_| read_some(part)))
            .collect()
    })
}

fn read_file(file: &File, here: &Path, web: Option<&BTreeMap<ModelName, WebModel>>) -> FileResult {
    let shown = shown(&file.path, here);
    let read = fs::read(&file.path).map_err(|e| {
        let source = Arc::new(Source::new(shown.clone(), ""));
        Box::new(Diagnostic::whole(source, Code::Unreadable, format!("cannot read it: {e}")))
    });
    match read.and_then(|bytes| Source::from_bytes(shown, bytes)) {
        Ok(source) => read_source(file, Arc::new(source), web),
        Err(diagnostic) => {
            let source = Arc::clone(diagnostic.source());
            let origin = file.origin(source.name());
            let broken = file.name().map(|name| Candidate { name, model: None, source, span: None, origin });
            FileResult { candidates: broken.into_iter().collect(), diagnostics: vec![*diagnostic] }
        }
    }
}

fn read_source(file: &File, source: Arc<Source>, web: Option<&BTreeMap<ModelName, WebModel>>) -> FileResult {
    let mut reader = FileReader {
        file,
        web,
        origin: file.origin(source.name()),
        problems: Problems::new(Arc::clone(&source)),
        candidates: Vec::new(),
    };
    match parse(&source, &mut reader.problems) {
        Some(root) => reader.document(&root, file.name()),
        None => reader.broken(file.name(), None),
    }
    FileResult { candidates: reader.candidates, diagnostics: reader.problems.into_vec() }
}

impl File {
    /// The model's name, as the path says.
    fn name(&self) -> Option<ModelName> {
        match &self.position {
            Position::Model { owner, title } => ModelName::new(owner, title).ok(),
            Position::TopLevel | Position::TooDeep | Position::Given => None,
        }
    }

    fn origin(&self, shown: &str) -> ModelSource {
        ModelSource { path: Some(self.path.clone()), shown: shown.to_owned(), line: 1, web: false }
    }
}

struct FileReader<'a> {
    file: &'a File,
    web: Option<&'a BTreeMap<ModelName, WebModel>>,
    origin: ModelSource,
    problems: Problems,
    candidates: Vec<Candidate>,
}

impl FileReader<'_> {
    fn document(&mut self, root: &Node<'_>, by_path: Option<ModelName>) {
        let is_list = matches!(root.value, Value::List(_));
        match (&self.file.position, &root.value) {
            (Position::TopLevel, Value::Map(_)) => {
                let help = "move it to <Owner>/<Title>.yaml in this folder, or make it a list of models (`- owner: …`)";
                let message = "one model lies here, where lists of models belong";
                self.problems.error(root.head(), Code::Misplaced, message).set_help(help);
            }
            (Position::TooDeep, _) => {
                let help = "move it to <config>/<Owner>/<Title>.yaml";
                let message = "no model is looked for in this folder";
                self.problems.error(root.head(), Code::Misplaced, message).set_help(help);
            }
            _ => {}
        }
        let takes_list = !matches!(self.file.position, Position::Model { .. });
        let clean = !self.problems.has_errors_since(0);
        match &root.value {
            Value::List(items) if takes_list => {
                for item in items {
                    let before = self.problems.len();
                    let file = ListItem::decode(item, &mut self.problems).map(ModelFile::from);
                    self.candidate(file, item, None, clean, before);
                }
            }
            Value::Scalar(_) | Value::Null if takes_list => {
                self.problems.wrong_type(root, "a model (`owner: …`) or a list of models (`- owner: …`)");
            }
            _ => {
                let before = self.problems.len();
                let file = ModelFile::decode(root, &mut self.problems);
                if is_list && let Some(problem) = self.problems.last() {
                    problem.set_help(
                        "a list of models is read from `*.yaml` directly in the configuration's folder",
                    );
                }
                self.candidate(file, root, by_path, clean, before);
            }
        }
    }

    /// Takes what was decoded from `node` for a model; `clean` and `before` tell whether it can be one.
    fn candidate(
        &mut self,
        file: Option<ModelFile>,
        node: &Node<'_>,
        by_path: Option<ModelName>,
        clean: bool,
        before: usize,
    ) {
        let Some(file) = file else { return self.broken(by_path, Some(node.head())) };
        self.check_path(&file);
        let named = name(&file);
        let web = named.as_ref().and_then(|(name, _)| self.web?.get(name));
        let model = build(file, web, &self.file.root, &mut self.problems)
            .filter(|_| clean && !self.problems.has_errors_since(before));
        match named {
            Some((name, span)) => {
                let line = self.problems.source().position(span.start).0;
                let origin = ModelSource { line, web: web.is_some(), ..self.origin.clone() };
                let source = Arc::clone(self.problems.source());
                self.candidates.push(Candidate { name, model, source, span: Some(span), origin });
            }
            None => self.broken(by_path, Some(node.head())),
        }
    }

    /// Remembers that there would be a model of this name.
    fn broken(&mut self, name: Option<ModelName>, span: Option<Span>) {
        let source = Arc::clone(self.problems.source());
        self.candidates.extend(name.map(|name| Candidate {
            name,
            model: None,
            source,
            span,
            origin: self.origin.clone(),
        }));
    }

    fn check_path(&mut self, file: &ModelFile) {
        let Position::Model { owner, title } = &self.file.position else { return };
        if let Some(given) = file.owner.get().filter(|given| given.value.0 != *owner) {
            let message =
                format!("`owner` is `{}`, but the file lies in the folder `{owner}`", given.value.0);
            self.problems.error(given.span, Code::Misplaced, message).set_help(format!(
                "write `owner: {owner}`, or move the file to the folder `{}`",
                given.value.0
            ));
        }
        if let Some(given) = file.title.get().filter(|given| given.value.0 != *title) {
            let message = format!("`title` is `{}`, but the file is called `{title}`", given.value.0);
            self.problems
                .error(given.span, Code::Misplaced, message)
                .set_help(format!("write `title: {title}`, or rename the file to `{}.yaml`", given.value.0));
        }
    }
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
        let in_files: std::collections::BTreeSet<ModelName> =
            self.candidates.iter().map(|c| c.name.clone()).collect();
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
