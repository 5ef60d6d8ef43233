use serde_json::{Map, Value as Json};

use super::hole::{self, Mark};

/// A document of a template with holes where its expressions stand.
#[derive(Debug)]
pub(super) enum Node {
    /// No hole in it.
    Literal(Json),
    /// A scalar that is one expression and nothing else: becomes whatever the expression gives.
    Hole(usize),
    /// A scalar that holds expressions among text, or one in quotes: becomes text.
    Text(Vec<Part>),
    /// A mapping.
    Map(Vec<(Vec<Part>, Node)>),
    /// A sequence.
    List(Vec<Node>),
}

/// A piece of a scalar.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Hole(usize),
}

/// Parses a rendering in which every expression's value is a mark. Values are no part of it, so whatever they hold
/// can't change the structure.
pub(super) fn parse(rendering: &str) -> Result<Vec<Node>, serde_saphyr::Error> {
    // `yes`, `0755` and the like mean here what kubectl takes them for.
    let options = serde_saphyr::options! { budget: None, legacy_octal_numbers: true };
    let documents: Vec<Json> =
        serde_saphyr::from_multiple_with_options(&hole::mark_quoted(rendering), options)?;
    // A document that conditions left empty is none.
    Ok(documents.into_iter().filter(|d| !d.is_null()).map(Node::new).collect())
}

impl Node {
    fn new(value: Json) -> Self {
        match value {
            Json::String(text) => match parts(&text) {
                None => Self::Literal(Json::String(text)),
                Some((parts, true)) => Self::Text(parts),
                Some((parts, false)) => match parts.as_slice() {
                    [Part::Hole(n)] => Self::Hole(*n),
                    _ => Self::Text(parts),
                },
            },
            Json::Array(items) => {
                let items: Vec<Self> = items.into_iter().map(Self::new).collect();
                if items.iter().all(|i| matches!(i, Self::Literal(_))) {
                    return Self::Literal(items.into_iter().filter_map(Self::into_literal).collect());
                }
                Self::List(items)
            }
            Json::Object(map) => {
                let entries: Vec<(Vec<Part>, Self)> = map
                    .into_iter()
                    .map(|(k, v)| {
                        let key = parts(&k).map_or_else(|| vec![Part::Text(k)], |(parts, _)| parts);
                        (key, Self::new(v))
                    })
                    .collect();
                let literal = |(k, v): &(Vec<Part>, Self)| {
                    matches!(k.as_slice(), [Part::Text(_)]) && matches!(v, Self::Literal(_))
                };
                if entries.iter().all(literal) {
                    let entries = entries.into_iter().filter_map(|(mut k, v)| match (k.pop()?, v) {
                        (Part::Text(k), Self::Literal(v)) => Some((k, v)),
                        _ => None,
                    });
                    return Self::Literal(Json::Object(entries.collect::<Map<_, _>>()));
                }
                Self::Map(entries)
            }
            other => Self::Literal(other),
        }
    }

    /// The text of a mapping's key, if neither is an expression.
    pub(super) fn literal(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::Literal(value) => value.get(wanted)?.as_str(),
            Self::Map(entries) => entries.iter().find_map(|(key, value)| match (key.as_slice(), value) {
                ([Part::Text(key)], Self::Literal(value)) if key == wanted => value.as_str(),
                _ => None,
            }),
            Self::Hole(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    fn into_literal(self) -> Option<Json> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }
}

/// The pieces of a scalar that holds a mark, and whether a mark says that it stands in quotes.
fn parts(text: &str) -> Option<(Vec<Part>, bool)> {
    let mut parts = Vec::new();
    let mut quoted = false;
    let mut rest = text;
    let mut found = false;
    while let Some((before, mark, after)) = hole::next(rest) {
        found = true;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let (Mark::Plain(n) | Mark::Quoted(n)) = mark;
        quoted |= matches!(mark, Mark::Quoted(_));
        parts.push(Part::Hole(n));
        rest = after;
    }
    if !found {
        return None;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Some((parts, quoted))
}
