use minijinja::value::{Value, ValueKind};
use serde_json::{Map, Number, Value as Json};

use super::secret_text::{self, SecretText};
use super::skeleton::{Node, Part};

/// Puts the values of one evaluation into a skeleton.
pub(super) struct Filler<'v> {
    values: &'v [Value],
    /// Whether a secret's value was placed.
    pub(super) secret: bool,
}

impl<'v> Filler<'v> {
    pub(super) fn new(values: &'v [Value]) -> Self {
        Self { values, secret: false }
    }

    /// The document. A key whose whole value is an expression that gives `none` is left out.
    pub(super) fn fill(&mut self, node: &Node) -> Result<Json, String> {
        Ok(match node {
            Node::Literal(value) => value.clone(),
            Node::Hole(n) => self.json(self.value(*n)?)?,
            Node::Text(parts) => Json::String(self.text(parts)?),
            Node::List(items) => Json::Array(items.iter().map(|i| self.fill(i)).collect::<Result<_, _>>()?),
            Node::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = match key.as_slice() {
                        [Part::Text(text)] => text.clone(),
                        parts => self.text(parts)?,
                    };
                    if let Node::Hole(n) = value
                        && self.value(*n)?.is_none()
                    {
                        continue;
                    }
                    let value = self.fill(value).map_err(|e| under(&key, &e))?;
                    if map.insert(key.clone(), value).is_some() {
                        return Err(format!("the key `{key}` appears twice in a mapping"));
                    }
                }
                Json::Object(map)
            }
        })
    }

    /// Whether [`fill`](Self::fill) would succeed, without the work of it.
    pub(super) fn check(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Literal(_) => Ok(()),
            Node::Hole(n) => self.check_value(self.value(*n)?),
            Node::Text(parts) => self.check_text(parts),
            Node::List(items) => items.iter().try_for_each(|i| self.check(i)),
            Node::Map(entries) => {
                // Keys that expressions give may be alike.
                if entries.iter().any(|(key, _)| !matches!(key.as_slice(), [Part::Text(_)])) {
                    return self.fill(node).map(drop);
                }
                entries.iter().try_for_each(|(key, value)| {
                    self.check(value).map_err(|e| match key.as_slice() {
                        [Part::Text(key)] => under(key, &e),
                        _ => e,
                    })
                })
            }
        }
    }

    fn check_text(&mut self, parts: &[Part]) -> Result<(), String> {
        let simple = |part: &Part| match part {
            Part::Text(_) => true,
            Part::Hole(n) => self.values.get(*n).and_then(Value::as_str).is_some_and(|t| checked(t).is_ok()),
        };
        if parts.iter().all(simple) { Ok(()) } else { self.text(parts).map(drop) }
    }

    fn check_value(&mut self, value: &Value) -> Result<(), String> {
        match value.as_str() {
            Some(text) => Ok(checked(text).map(drop)?),
            None => self.json(value).map(drop),
        }
    }

    /// Of a document only what tells the object from others.
    pub(super) fn head(&mut self, node: &Node) -> Result<Json, String> {
        let Node::Map(entries) = node else { return self.fill(node) };
        let mut head = Map::new();
        for (key, value) in entries {
            let [Part::Text(key)] = key.as_slice() else { continue };
            let filled = match (key.as_str(), value) {
                ("apiVersion" | "kind", value) => self.fill(value)?,
                ("metadata", Node::Map(metadata)) => {
                    let mut map = Map::new();
                    for (key, value) in metadata {
                        if let [Part::Text(key)] = key.as_slice()
                            && matches!(key.as_str(), "name" | "namespace")
                        {
                            map.insert(key.clone(), self.fill(value)?);
                        }
                    }
                    Json::Object(map)
                }
                ("metadata", value) => self.fill(value)?,
                _ => continue,
            };
            head.insert(key.clone(), filled);
        }
        Ok(Json::Object(head))
    }

    fn value(&self, n: usize) -> Result<&'v Value, String> {
        self.values.get(n).ok_or_else(|| "an expression has no value".to_owned())
    }

    fn text(&mut self, parts: &[Part]) -> Result<String, String> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(t) => text.push_str(t),
                Part::Hole(n) => {
                    let value = self.value(*n)?;
                    match value.kind() {
                        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
                        ValueKind::String | ValueKind::Number => match value.as_str() {
                            Some(t) => text.push_str(checked(t)?),
                            None => text.push_str(&value.to_string()),
                        },
                        kind => match value.downcast_object_ref::<SecretText>() {
                            Some(secret) => {
                                self.secret = true;
                                text.push_str(secret.expose());
                            }
                            None => return Err(format!("text can't hold a value of type {kind}")),
                        },
                    }
                }
            }
        }
        Ok(text)
    }

    fn json(&mut self, value: &Value) -> Result<Json, String> {
        if let Some(text) = value.as_str() {
            return Ok(Json::String(checked(text)?.to_owned()));
        }
        match value.kind() {
            ValueKind::None => Ok(Json::Null),
            ValueKind::Bool => Ok(Json::Bool(value.is_true())),
            ValueKind::Number => {
                number(value).map(Json::Number).ok_or_else(|| format!("`{value}` is no number of JSON"))
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter().map_err(|e| e.to_string())?;
                items.map(|i| self.json(&i)).collect::<Result<_, _>>().map(Json::Array)
            }
            ValueKind::Map => {
                let mut map = Map::new();
                for key in value.try_iter().map_err(|e| e.to_string())? {
                    let item = value.get_item(&key).map_err(|e| e.to_string())?;
                    let name = key.as_str().ok_or("keys of a mapping must be text")?;
                    map.insert(name.to_owned(), self.json(&item)?);
                }
                Ok(Json::Object(map))
            }
            kind => match value.downcast_object_ref::<SecretText>() {
                Some(secret) => {
                    self.secret = true;
                    Ok(Json::String(secret.expose().to_owned()))
                }
                None => Err(format!("an expression gives a value of type {kind}, which no object can hold")),
            },
        }
    }
}

fn number(value: &Value) -> Option<Number> {
    if value.is_integer() {
        return i64::try_from(value.clone())
            .map(Number::from)
            .or_else(|_| u64::try_from(value.clone()).map(Number::from))
            .ok();
    }
    f64::try_from(value.clone()).ok().and_then(Number::from_f64)
}

fn checked(text: &str) -> Result<&str, &'static str> {
    if secret_text::is_in(text) {
        Err("an expression makes text from a secret; place it alone, or with b64encode")
    } else {
        Ok(text)
    }
}

/// The error's place, key by key.
fn under(key: &str, error: &str) -> String {
    match error.strip_prefix("at ") {
        Some(rest) => format!("at {key}.{rest}"),
        None => format!("at {key}: {error}"),
    }
}
