use std::borrow::Cow;

/// A range of bytes in a [`Source`](super::Source)'s text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// From `start` up to, not including, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node<'t> {
    /// All of the value's text; of a block scalar its header too.
    pub span: Span,
    /// What is there.
    pub value: Value<'t>,
}

/// What a node holds. Aliases and merge keys (`<<`) are resolved already.
#[derive(Debug, Clone)]
pub enum Value<'t> {
    /// Nothing, `~` or `null`.
    Null,
    /// Text that is not interpreted yet.
    Scalar(Scalar<'t>),
    /// A sequence.
    List(Vec<Node<'t>>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<Entry<'t>>),
}

/// A scalar's text.
#[derive(Debug, Clone)]
pub struct Scalar<'t> {
    /// The text without quotes, escapes resolved.
    pub text: Cow<'t, str>,
    /// Whether it stood there without quotes, so that it may be meant as a boolean or a number.
    pub plain: bool,
}

/// One line of a mapping.
#[derive(Debug, Clone)]
pub struct Entry<'t> {
    /// What stands before the colon.
    pub key: Key<'t>,
    /// What stands behind it.
    pub value: Node<'t>,
}

/// A key and its place.
#[derive(Debug, Clone)]
pub struct Key<'t> {
    /// The key's text, without quotes.
    pub text: Cow<'t, str>,
    /// Where it stands.
    pub span: Span,
}

impl<'t> Node<'t> {
    /// The part to mark when the value as a whole is meant: the first key of a mapping, else everything.
    pub fn head(&self) -> Span {
        match &self.value {
            Value::Map(entries) => entries.first().map_or(self.span, |e| e.key.span),
            Value::List(items) => {
                items.first().map_or(self.span, |_| Span::new(self.span.start, self.span.start + 1))
            }
            Value::Null | Value::Scalar(_) => self.span,
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node<'t>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key.text == key).map(|e| &e.value),
            Value::Null | Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// The scalar's text, if this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What is there, for a message: "a list", "the text `x`". The value itself is named only if `reveal`.
    pub fn describe(&self, reveal: bool) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
            Value::Scalar(scalar) => {
                let kind = scalar.kind();
                if reveal { format!("{kind} `{}`", short(&scalar.text)) } else { kind.into() }
            }
        }
    }
}

impl Scalar<'_> {
    /// What YAML's core schema takes the text for.
    fn kind(&self) -> &'static str {
        match self.text.as_ref() {
            _ if !self.plain => "the text",
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => "the boolean",
            number
                if number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
                    && number.parse::<f64>().is_ok() =>
            {
                "the number"
            }
            _ => "the text",
        }
    }
}

/// At most 60 characters of one line.
pub(super) fn short(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(60).map(clean).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
