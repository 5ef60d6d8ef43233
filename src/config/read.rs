//! Reads the files: each once, on as many threads as there are processors.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, thread};

use super::build::{build, name};
use super::catalog::ModelSource;
use super::document::{Code, Decode as _, Diagnostic, Node, Problems, Source, Span, Value, parse};
use super::model_file::{ListItem, ModelFile};
use super::sources::{File, Position, here, shown};
use super::web_app::WebModel;
use super::{ConfigError, Diagnostics};
use crate::model::{Model, ModelName};

/// Below this many files, starting a thread costs more than it saves.
const FILES_A_THREAD: usize = 64;

/// One model of one source, perhaps not usable.
pub(super) struct Candidate {
    pub(super) name: ModelName,
    pub(super) model: Option<Model>,
    pub(super) source: Arc<Source>,
    pub(super) span: Option<Span>,
    pub(super) origin: ModelSource,
}

pub(super) struct FileResult {
    pub(super) candidates: Vec<Candidate>,
    pub(super) diagnostics: Vec<Diagnostic>,
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

pub(super) fn read_all(
    files: &[File],
    here: &Path,
    web: Option<&BTreeMap<ModelName, WebModel>>,
) -> Vec<FileResult> {
    let read_some = |files: &[File]| files.iter().map(|f| read_file(f, here, web)).collect::<Vec<_>>();
    // Asking for the number of processors takes longer than reading a few files.
    if files.len() < 2 * FILES_A_THREAD {
        return read_some(files);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len() / FILES_A_THREAD);
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
