use super::{Code, Entry, Node, Problems, Span, Value};

/// A type that a document's value can be read as.
pub trait Decode: Sized {
    /// Reads `node`. `None`, and a reason in `problems`, if there is no such value in it; a value that comes together
    /// with new problems is incomplete.
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self>;
}

/// A value and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
    /// The place of its key.
    pub key: Span,
}

/// A key that may be left out. Without a value (`key:`) it counts as left out.
pub type Optional<T> = Option<Spanned<T>>;

/// A key that has to be there, with a value.
#[derive(Debug, Clone)]
pub struct Required<T> {
    value: Option<Spanned<T>>,
    seen: bool,
}

impl<T> Required<T> {
    /// The value, unless it is missing or wrong, which has been reported then.
    pub fn get(&self) -> Option<&Spanned<T>> {
        self.value.as_ref()
    }

    /// As [`Required::get`], by value.
    pub fn into_inner(self) -> Option<Spanned<T>> {
        self.value
    }
}

impl<T> Default for Required<T> {
    fn default() -> Self {
        Self { value: None, seen: false }
    }
}

/// The field of a [`record!`](super::record).
pub trait Slot {
    /// Takes the value of the field's key.
    fn fill(&mut self, entry: &Entry<'_>, problems: &mut Problems);
    /// Reports the key if it was missing in the mapping at `map` but has to be there.
    fn check(&self, key: &'static str, map: Span, problems: &mut Problems);
}

fn take<T: Decode>(entry: &Entry<'_>, problems: &mut Problems) -> Option<Spanned<T>> {
    T::decode(&entry.value, problems).map(|value| Spanned {
        value,
        span: entry.value.head(),
        key: entry.key.span,
    })
}

impl<T: Decode> Slot for Optional<T> {
    fn fill(&mut self, entry: &Entry<'_>, problems: &mut Problems) {
        if !matches!(entry.value.value, Value::Null) {
            *self = take(entry, problems);
        }
    }

    fn check(&self, _key: &'static str, _map: Span, _problems: &mut Problems) {}
}

impl<T: Decode> Slot for Required<T> {
    fn fill(&mut self, entry: &Entry<'_>, problems: &mut Problems) {
        self.seen = true;
        if matches!(entry.value.value, Value::Null) {
            let message = format!("`{}` has no value", entry.key.text);
            problems.error(entry.key.span, Code::MissingKey, message);
        } else {
            self.value = take(entry, problems);
        }
    }

    fn check(&self, key: &'static str, map: Span, problems: &mut Problems) {
        if !self.seen {
            problems
                .error(map, Code::MissingKey, format!("`{key}` is missing"))
                .set_help(format!("add a line `{key}: …`"));
        }
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Required<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
