use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Call;
use super::{Cluster, KubeError, Resource};
use crate::model::{FIELD_MANAGER, ObjectRef};

/// Members that one answer may hold.
const PAGE: usize = 2000;

/// When what an object owns is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependents {
    /// Before the object, which stays visible until they are gone.
    First,
    /// After the object, which is gone at once.
    Later,
}

/// What a server-side apply sends.
#[derive(Debug, Clone)]
pub struct Body {
    bytes: Bytes,
    secret: bool,
}

impl Body {
    /// The object as JSON; `secret` keeps the server's answers about it out of errors.
    ///
    /// # Errors
    /// Never for a JSON value.
    pub fn new(object: &Value, secret: bool) -> Result<Self, KubeError> {
        let bytes = serde_json::to_vec(object)
            .map_err(|e| KubeError::Answer { what: "write the object as JSON".into(), why: e.to_string() })?;
        Ok(Self { bytes: bytes.into(), secret })
    }
}

/// What a server-side apply would give.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The object as it would be.
    pub object: Value,
    /// Whether it is not there yet.
    pub created: bool,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Deserialize, Default)]
struct ListMeta {
    #[serde(rename = "continue", default)]
    next: String,
}

impl Cluster {
    /// Server-side apply as the field manager `csw`.
    ///
    /// # Errors
    /// When the server refuses it, for one because other managers own fields of it and `force` is not set.
    pub async fn apply(
        &self,
        resource: &Resource,
        object: &ObjectRef,
        body: Body,
        force: bool,
    ) -> Result<(), KubeError> {
        self.send(patch(resource, object, body, force, "")).await?;
        Ok(())
    }

    /// Has the server check, default and answer as if it applied an object, but store nothing.
    ///
    /// # Errors
    /// As [`Cluster::apply`] has.
    pub async fn dry_run(
        &self,
        resource: &Resource,
        object: &ObjectRef,
        body: Body,
        force: bool,
    ) -> Result<Applied, KubeError> {
        let call = patch(resource, object, body, force, "&dryRun=All");
        let what = call.what.clone();
        let reply = self.send(call).await?;
        Ok(Applied { object: parse(&reply.body, &what)?, created: reply.code == 201 })
    }

    /// One object; nothing if it isn't there.
    ///
    /// # Errors
    /// When the server refuses to show it.
    pub async fn get(&self, resource: &Resource, object: &ObjectRef) -> Result<Option<Value>, KubeError> {
        let what = format!("read {object}");
        match self.send(Call::get(resource.object_path(object), what.clone())).await {
            Ok(reply) => Ok(Some(parse(&reply.body, &what)?)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// What a path of the API answers to GET.
    ///
    /// # Errors
    /// When the server refuses, or answers no JSON.
    pub async fn get_path(&self, path: &str, what: &str) -> Result<Value, KubeError> {
        let reply = self.send(Call::get(path, what)).await?;
        parse(&reply.body, what)
    }

    /// What a path of the API answers to GET, as text, with the server's own time if it tells.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn get_text(&self, path: &str, what: &str) -> Result<(String, Option<String>), KubeError> {
        let reply = self.send(Call::get(path, what)).await?;
        let date = reply.headers.get(http::header::DATE).and_then(|d| d.to_str().ok()).map(str::to_owned);
        Ok((String::from_utf8_lossy(&reply.body).into_owned(), date))
    }

    /// Posts an object that isn't stored (an access review) and returns the answer.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn review(&self, path: &str, body: &Value, what: &str) -> Result<Value, KubeError> {
        let call = Call {
            method: Method::POST,
            path: path.to_owned(),
            content_type: "application/json",
            body: body.to_string().into(),
            what: what.to_owned(),
            secret: false,
        };
        parse(&self.send(call).await?.body, what)
    }

    /// All objects of a kind, in a namespace or everywhere, that selectors choose: `labelSelector`, `fieldSelector`.
    /// Each has its `apiVersion` and `kind`, which lists leave out.
    ///
    /// # Errors
    /// When the server refuses to list them.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selectors: &[(&str, &str)],
    ) -> Result<Vec<Value>, KubeError> {
        let of = namespace.map_or_else(String::new, |n| format!(" in the namespace {n}"));
        let what = format!("list {}{of}", resource.plural);
        let mut found = Vec::new();
        let mut next = String::new();
        loop {
            let limit = PAGE.to_string();
            let page = [("limit", limit.as_str()), ("continue", next.as_str())];
            let pairs = page.iter().chain(selectors).filter(|(_, value)| !value.is_empty());
            let path = format!("{}?{}", resource.path(namespace, None), query(pairs));
            let reply = match self.send(Call::get(path, what.clone())).await {
                // The place in the list has expired: from the start.
                Err(e) if !next.is_empty() && e.refusal().is_some_and(|r| r.code == 410) => {
                    next.clear();
                    found.clear();
                    continue;
                }
                other => other?,
            };
            let list: List = parse(&reply.body, &what)?;
            found.extend(list.items.into_iter().map(|item| with_kind(item, resource)));
            if list.metadata.next.is_empty() {
                return Ok(found);
            }
            next = list.metadata.next;
        }
    }

    /// Deletes an object if it still is the one with this UID; `false` if it was gone already.
    ///
    /// # Errors
    /// When the server refuses; 409 if another object has the name by now.
    pub async fn delete(
        &self,
        resource: &Resource,
        object: &ObjectRef,
        uid: &str,
        dependents: Dependents,
    ) -> Result<bool, KubeError> {
        let policy = match dependents {
            Dependents::First => "Foreground",
            Dependents::Later => "Background",
        };
        let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy,
            "preconditions": BTreeMap::from([("uid", uid)])});
        let call = Call {
            method: Method::DELETE,
            path: resource.object_path(object),
            content_type: "application/json",
            body: body.to_string().into(),
            what: format!("delete {object}"),
            secret: false,
        };
        match self.send(call).await {
            Ok(_) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }
}

fn patch(resource: &Resource, object: &ObjectRef, body: Body, force: bool, more: &str) -> Call {
    let force = if force { "&force=true" } else { "" };
    Call {
        method: Method::PATCH,
        path: format!(
            "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{force}{more}",
            resource.object_path(object)
        ),
        content_type: "application/apply-patch+yaml",
        body: body.bytes,
        what: format!("apply {object}"),
        secret: body.secret,
    }
}

/// A query of these pairs.
pub(super) fn query<'q>(pairs: impl IntoIterator<Item = &'q (&'q str, &'q str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn with_kind(item: Value, resource: &Resource) -> Value {
    let Value::Object(fields) = item else { return item };
    let mut object = serde_json::Map::with_capacity(fields.len() + 2);
    object.insert("apiVersion".into(), resource.gvk.api_version().into());
    object.insert("kind".into(), resource.gvk.kind.clone().into());
    object.extend(fields.into_iter().filter(|(k, _)| k != "apiVersion" && k != "kind"));
    Value::Object(object)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8], what: &str) -> Result<T, KubeError> {
    serde_json::from_slice(body)
        .map_err(|e| KubeError::Answer { what: what.to_owned(), why: crate::expectation::json(&e) })
}
