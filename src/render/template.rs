use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

use super::fill::Filler;
use super::secret_text::SecretText;
use super::skeleton::{self, Node};
use super::{Object, filters, hole, tags};
use crate::model::InstallOrder;

/// Shapes that a template's conditions and loops gave it so far; a template that gives more is parsed anew.
const SHAPES: usize = 512;

/// Compiled templates. Evaluating one gives text in which every expression's value is a mark, so that the text depends
/// on the template's conditions and loops alone: it is parsed once a shape, and the values are put into what was parsed.
/// A value is never part of a text that is parsed, and rendering costs little more than the objects themselves.
pub(super) struct Engine {
    environment: Environment<'static>,
    shapes: HashMap<String, Mutex<Shapes>>,
}

/// What was parsed of a template, by the text that its conditions and loops gave.
type Shapes = HashMap<Vec<u8>, Arc<Documents>>;

/// What is wrong with a template, or with what it gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TemplateError {
    /// The template's file below `templates/`.
    pub(super) file: String,
    /// The line in it, where known.
    pub(super) line: Option<usize>,
    /// What is wrong.
    pub(super) reason: String,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "templates/{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// The values of the expressions, in the order of their marks.
struct Record(Vec<Value>);

thread_local! {
    /// Renderings are large and short-lived: all of a thread share one piece of memory.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a template's conditions and loops made of it.
#[derive(Debug)]
struct Documents {
    file: String,
    /// Each with its place in the install order, where its kind is no expression.
    nodes: Vec<(Option<InstallOrder>, Node)>,
}

/// An evaluated template, not yet filled.
#[derive(Debug)]
pub(super) struct Evaluated {
    documents: Arc<Documents>,
    values: Vec<Value>,
}

impl Engine {
    /// Compiles all templates, by file name below `templates/`.
    pub(super) fn new<'n, 't>(
        templates: impl Iterator<Item = (&'n str, &'t str)>,
    ) -> Result<Self, Vec<TemplateError>> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // The default delimiters are valid; only the blanks around tags are ours.
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        let marks: Vec<String> = (0..512).map(hole::mark).collect();
        environment.set_formatter(move |out, state, value| {
            let record = state.get_or_insert_extension_with(|| Record(Vec::with_capacity(128)));
            let n = record.0.len();
            record.0.push(value.clone());
            match marks.get(n) {
                Some(mark) => out.write_str(mark),
                None => out.write_str(&hole::mark(n)),
            }
            .map_err(minijinja::Error::from)
        });
        filters::add(&mut environment);
        let mut shapes = HashMap::new();
        let mut errors = Vec::new();
        for (file, text) in templates {
            let refused = tags::check(text).err();
            let compiled = environment.add_template_owned(file.to_owned(), text.to_owned());
            match (compiled, refused) {
                (Err(e), _) => errors.push(TemplateError::new(file, &e)),
                (Ok(()), Some((line, reason))) => {
                    errors.push(TemplateError { file: file.to_owned(), line: Some(line), reason });
                }
                (Ok(()), None) => drop(shapes.insert(file.to_owned(), Mutex::default())),
            }
        }
        if errors.is_empty() { Ok(Self { environment, shapes }) } else { Err(errors) }
    }

    /// Evaluates a template's expressions and finds the documents' structure.
    pub(super) fn evaluate(&self, file: &str, context: &Value) -> Result<Evaluated, TemplateError> {
        let error = |e: minijinja::Error| TemplateError::new(file, &e);
        let template = self.environment.get_template(file).map_err(error)?;
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            let mut captured = template.render_captured_to(context.clone(), &mut *scratch).map_err(error)?;
            let values = captured.with_state_mut(|state| {
                state.get_extension_mut::<Record>().map(|r| std::mem::take(&mut r.0)).unwrap_or_default()
            });
            let documents = self.shape(file, scratch)?;
            Ok(Evaluated { documents, values })
        })
    }

    fn shape(&self, file: &str, rendering: &[u8]) -> Result<Arc<Documents>, TemplateError> {
        let unknown = || TemplateError { file: file.to_owned(), line: None, reason: "is no template".into() };
        // A panic while the lock is held leaves a map that is whole.
        let mut shapes =
            self.shapes.get(file).ok_or_else(unknown)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shapes.get(rendering) {
            return Ok(known.clone());
        }
        let text = String::from_utf8_lossy(rendering);
        let nodes = skeleton::parse(&text).map_err(|e| no_yaml(file, &text, &e))?;
        let nodes = nodes.into_iter().map(|n| (n.literal("kind").map(InstallOrder::of), n)).collect();
        let documents = Arc::new(Documents { file: file.to_owned(), nodes });
        if shapes.len() >= SHAPES {
            shapes.clear();
        }
        shapes.insert(rendering.to_owned(), documents.clone());
        Ok(documents)
    }
}

impl Evaluated {
    /// The objects, in the template's order.
    pub(super) fn objects(&self) -> impl Iterator<Item = Result<Object, TemplateError>> {
        self.documents.nodes.iter().map(|(_, node)| self.object(node))
    }

    /// The objects of one place in the install order.
    pub(super) fn objects_of(
        &self,
        order: InstallOrder,
    ) -> impl Iterator<Item = Result<Object, TemplateError>> {
        let candidates =
            self.documents.nodes.iter().filter(move |(known, _)| known.is_none_or(|k| k == order));
        candidates
            .map(|(_, node)| self.object(node))
            .filter(move |object| object.as_ref().map_or(true, |o| o.order() == order))
    }

    /// What tells each object from others (apiVersion, kind, name and namespace) if it can be filled.
    pub(super) fn check(&self) -> impl Iterator<Item = Result<Object, TemplateError>> {
        self.documents.nodes.iter().map(|(_, node)| {
            let mut filler = Filler::new(&self.values);
            filler.check(node).map_err(|e| self.error(e))?;
            let head = Filler::new(&self.values).head(node).map_err(|e| self.error(e))?;
            self.finish(head, filler.secret)
        })
    }

    fn object(&self, node: &Node) -> Result<Object, TemplateError> {
        let mut filler = Filler::new(&self.values);
        let value = filler.fill(node).map_err(|e| self.error(e))?;
        self.finish(value, filler.secret)
    }

    fn finish(&self, value: serde_json::Value, secret: bool) -> Result<Object, TemplateError> {
        let object = Object::new(value).map_err(|lack| self.error(format!("a document {lack}")))?;
        if secret && object.kind() != "Secret" {
            return Err(
                self.error(format!("{object} holds a secret's value; only objects of kind Secret may"))
            );
        }
        Ok(object)
    }

    fn error(&self, reason: String) -> TemplateError {
        TemplateError { file: self.documents.file.clone(), line: None, reason }
    }
}

impl TemplateError {
    fn new(file: &str, error: &minijinja::Error) -> Self {
        let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Self { file: file.to_owned(), line: error.line(), reason }
    }
}

/// The rendering has lines of its own where the template loops, so the line is shown with the place.
fn no_yaml(file: &str, rendering: &str, error: &serde_saphyr::Error) -> TemplateError {
    let line = error.location().and_then(|l| usize::try_from(l.line()).ok());
    let mut reason = "gives no valid YAML".to_owned();
    if let Some(text) = line.and_then(|n| rendering.lines().nth(n.saturating_sub(1))) {
        reason.push_str(&format!(" at `{}`", hole::humane(text.trim())));
    }
    reason.push_str(&format!(": {}", error.without_snippet()));
    TemplateError { file: file.to_owned(), line: None, reason }
}

/// A secret for templates.
pub(super) fn secret(text: secrecy::SecretString) -> Value {
    SecretText::value(text)
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use serde_json::json;

    use super::*;

    fn objects(text: &str, context: Value) -> Result<Vec<Object>, TemplateError> {
        let engine = Engine::new([("t.yaml", text)].into_iter()).map_err(|mut e| e.remove(0))?;
        let evaluated = engine.evaluate("t.yaml", &context)?;
        evaluated.objects().collect()
    }

    const HEAD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";

    fn data(text: &str, context: Value) -> serde_json::Value {
        let all = objects(&format!("{HEAD}{text}"), context).unwrap();
        all[0].value().get("data").cloned().unwrap_or_default()
    }

    #[test]
    fn expressions_keep_their_types_and_text_around_them_makes_text() {
        let got = data(
            "data:\n  plain: {{ n }}\n  quoted: \"{{ n }}\"\n  single: '{{ n }}'\n  joined: {{ s }}-{{ n }}:{{ b }}\n  flow: [{{ n }}, {k: {{ s }}}]\n  {{ s }}: {{ list }}\n  block: |\n    a {{ s }}\n    b\n  gone: {{ none }}\n  word: {{ 'yes' }}\n  map: {{ map }}\n",
            context! { n => 80, s => "a\nb: {x}", b => true, list => [1.5, 2.0], map => context!{z => 1, a => ()} },
        );
        assert_eq!(
            got,
            json!({
                "plain": 80, "quoted": "80", "single": "80", "joined": "a\nb: {x}-80:true", "flow": [80, {"k": "a\nb: {x}"}],
                "a\nb: {x}": [1.5, 2.0], "block": "a a\nb: {x}\nb\n", "word": "yes", "map": {"z": 1, "a": null},
            })
        );
    }

    #[test]
    fn conditions_and_loops_shape_documents() {
        let text = "{% for n in names %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ n }}\n  {% if n == 'b' %}\n  namespace: c\n  {% endif %}\n{% endfor %}\n";
        let got = objects(text, context! { names => ["a", "b"] }).unwrap();
        let ids: Vec<String> = got.iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["ConfigMap a", "ConfigMap c/b"]);
        assert_eq!(objects(text, context! { names => Vec::<String>::new() }).unwrap().len(), 0);
    }

    #[test]
    fn a_template_that_fails_says_where_and_what() {
        let error = |text: &str| {
            objects(&format!("{HEAD}{text}"), context! { model => context! { name => "n" }, f => f64::NAN })
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(
            [
                error("data: {{ modle }}"),
                error("data:\n  a: {{ model.nmae }}"),
                error("data: {{ model.nmae.x }}"),
                error("data:\n  a: [{{ model.name }}"),
                error("data: {{ model.name "),
                error("data: {{ model | bogus }}"),
                error("data:\n  b: x{{ model }}"),
                error("data: {a: [{b: {{ f }}}]}"),
                error("data: {a: 1, a: 2}"),
                error("data: {{{ model.name }}: 1, n: 2}"),
                error("---\na: 1"),
                error("{% macro x() %}{% endmacro %}"),
            ]
            .join("\n"),
            @r"
        templates/t.yaml:4: `modle` is undefined
        templates/t.yaml:5: `model.nmae` is undefined
        templates/t.yaml:4: `model.nmae` is undefined
        templates/t.yaml: gives no valid YAML at `a: [{{ … }}`: unclosed bracket '[' at line 5, column 6
        templates/t.yaml:4: unexpected end of input, expected end of variable block
        templates/t.yaml:4: filter bogus is unknown
        templates/t.yaml: at data.b: text can't hold a value of type map
        templates/t.yaml: at data.a.b: `NaN` is no number of JSON
        templates/t.yaml: gives no valid YAML at `data: {a: 1, a: 2}`: duplicate mapping key: a, set DuplicateKeyPolicy in Options if acceptable at line 4, column 14
        templates/t.yaml:4: unexpected `}`, expected `:`
        templates/t.yaml: a document has no apiVersion
        templates/t.yaml:4: unknown statement macro
        "
        );
    }

    #[test]
    fn secrets_stay_in_objects_of_kind_secret() {
        let secret = || context! { s => secret("hunter2".to_owned().into()) };
        let in_secret = |body: &str| {
            objects(&format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n{body}"), secret())
        };
        let got = in_secret("data: {k: {{ s | b64encode }}}\nstringData: {k: a-{{ s }}}").unwrap();
        assert_eq!(got[0].value()["data"]["k"], "aHVudGVyMg==");
        assert_eq!(got[0].value()["stringData"]["k"], "a-hunter2");
        for body in [
            "data: {k: {{ s }}}",
            "data: {k: {{ [s] }}}",
            "data: {{ {'k': s | b64encode} }}",
            "data: {k: {{ s ~ 'x' }}}",
            "data: {k: {{ s | upper }}}",
            "data: {k: {{ s | string }}}",
            "data: {k: {{ s | tojson }}}",
            "data: {k: {{ s | length }}}",
            "data: {k: {{ s[0] }}}",
            "data: {k: {{ [s] | join }}}",
            "data: {k: {{ s | list }}}",
            "data: {k: {{ s | replace('a','b') }}}",
            "data: {k: {{ [s]|string }}}",
        ] {
            match objects(&format!("{HEAD}{body}"), secret()) {
                Err(e) => assert!(!e.to_string().contains("hunter2"), "{e}"),
                Ok(o) => assert!(
                    !o[0].value().to_string().contains("hunter2")
                        && !o[0].value().to_string().contains("aHVudGVyMg"),
                    "{body}: {}",
                    o[0].value()
                ),
            }
        }
    }
}
