use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag};

use super::{Code, Entry, Key, Node, Problems, Scalar, Source, Span, Value};

/// Collections nested deeper than this are refused.
const MAX_DEPTH: usize = 64;
/// A document may not become larger than this many nodes, whatever its aliases ask for.
const MAX_NODES: usize = 100_000;
/// Larger files are refused: nobody has written them by hand.
const MAX_BYTES: usize = 4 << 20;

/// Parses the one document of `source`. `None`, with the reason in `problems`, if it is empty or not YAML; a tree that
/// comes together with new problems (keys given twice, unknown aliases) is usable for finding more.
pub fn parse<'t>(source: &'t Source, problems: &mut Problems) -> Option<Node<'t>> {
    let text = source.text();
    if text.len() > MAX_BYTES {
        let message = format!("larger than {} MiB", MAX_BYTES >> 20);
        problems.error(Span::default(), Code::Syntax, message);
        return None;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder =
        Builder { text, problems, stack: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                syntax_error(source, &error, builder.problems);
                return None;
            }
        };
        let at = span.byte_range().map_or_else(Span::default, |r| Span::new(r.start, r.end));
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                builder
                    .problems
                    .error(at, Code::Syntax, "a second document starts here, and a file holds one")
                    .set_help("move it to a file of its own, or delete the `---` line");
                break;
            }
        }
        if event.tag().is_some_and(|tag| !known_tag(tag, &event)) {
            let tag_at =
                span.tag_span().and_then(|s| s.byte_range()).map_or(at, |r| Span::new(r.start, r.end));
            builder
                .problems
                .error(tag_at, Code::Syntax, "this tag means nothing here")
                .set_help("delete the tag");
        }
        if builder.event(event, at).is_err() {
            return None;
        }
    }
    let root = builder.root.filter(|root| !matches!(root.value, Value::Null));
    if root.is_none() {
        let span = Span::default();
        problems.error(span, Code::Empty, "there is nothing in this file but blanks and comments");
    }
    root
}

/// The tree got too large; it has been reported.
struct TooLarge;

/// A collection whose end hasn't come yet.
struct Open<'t> {
    start: Span,
    anchor: usize,
    nodes_before: usize,
    kind: OpenKind<'t>,
}

enum OpenKind<'t> {
    List(Vec<Node<'t>>),
    Map {
        entries: Vec<Entry<'t>>,
        key: Option<Key<'t>>,
    },
    /// A collection where a key belongs: read over and forgotten.
    Ignored,
}

struct Builder<'t, 'p> {
    text: &'t str,
    problems: &'p mut Problems,
    stack: Vec<Open<'t>>,
    anchors: HashMap<usize, (Node<'t>, usize)>,
    nodes: usize,
    root: Option<Node<'t>>,
}

impl<'t> Builder<'t, '_> {
    fn event(&mut self, event: Event<'t>, at: Span) -> Result<(), TooLarge> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = Self::scalar(text, style, tag.as_deref(), at);
                self.count(1, at)?;
                if anchor > 0 {
                    self.anchors.insert(anchor, (node.clone(), 1));
                }
                self.place(node);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(at, anchor, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(at, anchor, OpenKind::Map { entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some((node, nodes)) => {
                    self.count(nodes, at)?;
                    self.place(node);
                }
                None => self.dangling(at, "an alias may not stand inside of what it stands for"),
            },
            Event::UnresolvedAlias(name) => {
                let name = if self.problems.source().is_confidential() {
                    String::new()
                } else {
                    format!(" `&{name}`")
                };
                self.dangling(at, &format!("there is no anchor{name} above this alias"));
            }
            _ => {}
        }
        Ok(())
    }

    fn dangling(&mut self, at: Span, message: &str) {
        self.problems
            .error(at, Code::Syntax, message)
            .set_help("write a text that starts with `*` in quotes");
        self.place(Node { span: at, value: Value::Null });
    }

    fn count(&mut self, nodes: usize, at: Span) -> Result<(), TooLarge> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values once the aliases are resolved");
            self.problems.error(at, Code::Syntax, message);
            return Err(TooLarge);
        }
        Ok(())
    }

    fn scalar(text: Cow<'t, str>, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Node<'t> {
        let plain = style == ScalarStyle::Plain && !tag.is_some_and(|t| t.is_yaml_core_schema_tag("str"));
        let value = if plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL") {
            Value::Null
        } else {
            Value::Scalar(Scalar { text, plain })
        };
        Node { span: at, value }
    }

    fn open(&mut self, at: Span, anchor: usize, kind: OpenKind<'t>) -> Result<(), TooLarge> {
        self.count(1, at)?;
        let as_key = match self.stack.last() {
            Some(Open { kind: OpenKind::Map { key: None, .. }, .. }) => {
                self.problems
                    .error(at, Code::Syntax, "a key is text, not a list or a mapping")
                    .set_help("write a value that starts with `{` or `[` in quotes");
                true
            }
            Some(Open { kind: OpenKind::Ignored, .. }) => true,
            _ => false,
        };
        let kind = if as_key { OpenKind::Ignored } else { kind };
        self.stack.push(Open { start: at, anchor, nodes_before: self.nodes - 1, kind });
        Ok(())
    }

    fn close(&mut self, at: Span) {
        let Some(open) = self.stack.pop() else { return };
        let end =
            self.text.get(open.start.start..at.end).map_or(at.end, |s| open.start.start + s.trim_end().len());
        let span = Span::new(open.start.start, end);
        let value = match open.kind {
            OpenKind::List(items) => Value::List(items),
            OpenKind::Map { entries, .. } => Value::Map(self.mapping(entries)),
            OpenKind::Ignored => {
                if !matches!(self.stack.last(), Some(Open { kind: OpenKind::Ignored, .. })) {
                    // Takes the key's place, so that the value after it finds one.
                    self.place(Node {
                        span,
                        value: Value::Scalar(Scalar { text: Cow::Borrowed("\0"), plain: false }),
                    });
                }
                return;
            }
        };
        let node = Node { span, value };
        if open.anchor > 0 {
            self.anchors.insert(open.anchor, (node.clone(), self.nodes - open.nodes_before));
        }
        self.place(node);
    }

    /// Puts a finished node where it belongs: as a key, a value, an item, or the root.
    fn place(&mut self, node: Node<'t>) {
        match self.stack.last_mut().map(|open| &mut open.kind) {
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map { entries, key }) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => *key = Some(Key { text: key_text(node.value), span: node.span }),
            },
            Some(OpenKind::Ignored) => {}
            None => self.root = Some(node),
        }
    }

    /// Refuses keys given twice (the first stays) and resolves merge keys (a mapping's own keys outweigh merged ones).
    fn mapping(&mut self, entries: Vec<Entry<'t>>) -> Vec<Entry<'t>> {
        let mut first: HashMap<Cow<'t, str>, Span> = HashMap::with_capacity(entries.len());
        let mut own: Vec<Entry<'t>> = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        for entry in entries {
            if entry.key.text == "\0" {
                continue;
            }
            if entry.key.text == "<<" {
                merged.push(entry.value);
                continue;
            }
            let Some(&first) = first.get(&entry.key.text) else {
                first.insert(entry.key.text.clone(), entry.key.span);
                own.push(entry);
                continue;
            };
            let source = std::sync::Arc::clone(self.problems.source());
            let message = match source.is_confidential() {
                true => "a key is given twice".to_owned(),
                false => format!("the key `{}` is given twice", super::node::short(&entry.key.text)),
            };
            self.problems.error(entry.key.span, Code::DuplicateKey, message).also(
                source,
                first,
                "first here",
            );
        }
        if !merged.is_empty() {
            let mut known: HashSet<Cow<'t, str>> = first.into_keys().collect();
            for node in merged {
                self.merge(&mut own, &mut known, node);
            }
        }
        own
    }

    fn merge(&mut self, own: &mut Vec<Entry<'t>>, known: &mut HashSet<Cow<'t, str>>, node: Node<'t>) {
        match node.value {
            Value::Map(entries) => {
                own.extend(entries.into_iter().filter(|e| known.insert(e.key.text.clone())))
            }
            Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => {
                for item in items {
                    self.merge(own, known, item);
                }
            }
            Value::Null | Value::Scalar(_) | Value::List(_) => {
                self.problems.error(
                    node.head(),
                    Code::WrongType,
                    "`<<` merges a mapping, or a list of mappings",
                );
            }
        }
    }
}

/// Whether a tag says only what the core schema says anyway.
fn known_tag(tag: &Tag, event: &Event<'_>) -> bool {
    let known: &[&str] = match event {
        Event::SequenceStart(..) => &["seq"],
        Event::MappingStart(..) => &["map"],
        _ => &["str", "int", "float", "bool", "null", "timestamp"],
    };
    tag.original() == "!" || known.iter().any(|k| tag.is_yaml_core_schema_tag(k))
}

fn key_text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Scalar(scalar) => scalar.text,
        Value::Null => Cow::Borrowed("null"),
        // An alias to a collection: as good as a collection, which `open` has no chance to see.
        Value::List(_) | Value::Map(_) => Cow::Borrowed("\0"),
    }
}

fn syntax_error(source: &Source, error: &ScanError, problems: &mut Problems) {
    let text = source.text();
    let mut at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    // The end of the file is a poor place to point at: mark the last thing in it.
    if text.get(at..).is_none_or(|rest| rest.trim().is_empty()) {
        at = text.trim_end().char_indices().next_back().map_or(0, |(i, _)| i);
    }
    let length = text.get(at..).and_then(|s| s.chars().next()).map_or(0, char::len_utf8);
    let line = text.get(..at).and_then(|b| b.rsplit('\n').next()).unwrap_or_default();
    let indented_by_tab = line.contains('\t') && line.trim().is_empty();
    let help = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => Some("indent with blanks: YAML allows no tabs there"),
        _ if indented_by_tab => Some("indent with blanks: YAML allows no tabs there"),
        ErrorKind::MappingValueNotAllowed => Some(
            "put text that holds `: ` in quotes, line this key up with the ones above it, and see that the line above has its colon",
        ),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            Some("close the quote, or indent its further lines")
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => Some("close the bracket"),
        ErrorKind::SimpleKeyExpected => Some("write `key: value`, with a blank after the colon"),
        ErrorKind::UnexpectedCharacter { .. } => Some("put text that starts with this character in quotes"),
        ErrorKind::UnknownQuotedScalarEscape => Some("write \\\\ for a backslash, or use single quotes"),
        _ => None,
    };
    let info = error.info();
    // It may name what it met.
    let quotes = info.contains(['`', '"', '\'']);
    let message = match quotes && source.is_confidential() {
        true => "not YAML".to_owned(),
        false => format!("not YAML: {info}"),
    };
    let problem = problems.error(Span::new(at, at + length), Code::Syntax, message);
    if let Some(help) = help {
        problem.set_help(help);
    }
}
