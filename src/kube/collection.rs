use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::cluster::Call;
use super::request::query;
use super::{Cluster, KubeError, Resource};

/// What becomes of an object's dependents when it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They go first; the object stays visible until they have.
    Foreground,
    /// They go afterwards.
    Background,
}

impl Propagation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
        }
    }
}

/// On what state of an object its deletion insists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Insist<'i> {
    /// It is this one, not another of its name.
    pub uid: Option<&'i str>,
    /// Nobody has changed it since.
    pub resource_version: Option<&'i str>,
}

impl Cluster {
    /// Creates an object and returns it as it is then.
    ///
    /// # Errors
    /// When the server refuses: 409 if there is one of that name.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
        what: &str,
    ) -> Result<Value, KubeError> {
        let query = format!("?fieldManager={}", crate::model::FIELD_MANAGER);
        let path = resource.path(Some(namespace), None) + &query;
        let made = call(Method::POST, path, "application/json", object.to_string(), what);
        // What the server says of a Secret may quote it.
        self.exchange(Call { secret: resource.gvk.kind == "Secret", ..made }, what).await
    }

    /// Changes some fields of an object (a JSON merge patch) and returns it as it is then.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn merge_patch(&self, path: &str, patch: &Value, what: &str) -> Result<Value, KubeError> {
        let query = format!("?fieldManager={}", crate::model::FIELD_MANAGER);
        let path = format!("{path}{query}");
        self.exchange(
            call(Method::PATCH, path, "application/merge-patch+json", patch.to_string(), what),
            what,
        )
        .await
    }

    /// Replaces an object, which says what version of it is meant, and returns it as it is then.
    ///
    /// # Errors
    /// When the server refuses: 409 if somebody has changed it since.
    pub async fn replace(&self, path: &str, object: &Value, what: &str) -> Result<Value, KubeError> {
        let path = format!("{path}?fieldManager={}", crate::model::FIELD_MANAGER);
        self.exchange(call(Method::PUT, path, "application/json", object.to_string(), what), what).await
    }

    /// Deletes an object if it is as insisted on; `false` if it was gone already.
    ///
    /// # Errors
    /// When the server refuses; 409 if it is not as insisted on.
    pub async fn delete_one(
        &self,
        path: &str,
        propagation: Propagation,
        insist: Insist<'_>,
        what: &str,
    ) -> Result<bool, KubeError> {
        let Insist { uid, resource_version } = insist;
        let options = DeleteOptions {
            preconditions: Some(Preconditions { uid, resource_version }),
            ..DeleteOptions::new(propagation)
        };
        let call = call(Method::DELETE, path.to_owned(), "application/json", options.json(what)?, what);
        match self.send(call).await {
            Ok(_) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Deletes all objects of a kind in a namespace that selectors choose (`labelSelector`, `fieldSelector`), at most
    /// `limit` of them, in one request. `grace` is the time that pods get instead of their own. Returns the objects
    /// as the server says that it has found them.
    ///
    /// # Errors
    /// When the server refuses or doesn't get it done in time; part of them is gone then.
    pub async fn delete_collection(
        &self,
        resource: &Resource,
        namespace: &str,
        selectors: &[(&str, &str)],
        deletion: Deletion,
    ) -> Result<Vec<Value>, KubeError> {
        let Deletion { propagation, limit, grace_seconds } = deletion;
        let limit = limit.map(|l| l.to_string()).unwrap_or_default();
        let limit = [("limit", limit.as_str())];
        let pairs = selectors.iter().chain(&limit).filter(|(_, value)| !value.is_empty());
        let path = format!("{}?{}", resource.path(Some(namespace), None), query(pairs));
        let what = format!("delete {} in the namespace {namespace}", resource.plural);
        let options =
            DeleteOptions { grace_period_seconds: grace_seconds, ..DeleteOptions::new(propagation) };
        let mut answer = self
            .exchange(call(Method::DELETE, path, "application/json", options.json(&what)?, &what), &what)
            .await?;
        Ok(match answer.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        })
    }

    async fn exchange(&self, call: Call, what: &str) -> Result<Value, KubeError> {
        let reply = self.send(call).await?;
        serde_json::from_slice(&reply.body)
            .map_err(|e| KubeError::Answer { what: what.to_owned(), why: crate::expectation::json(&e) })
    }
}

/// How the objects of a collection are deleted.
#[derive(Debug, Clone, Copy)]
pub struct Deletion {
    /// What becomes of their dependents.
    pub propagation: Propagation,
    /// At most so many of them.
    pub limit: Option<usize>,
    /// Instead of the pods' own grace period.
    pub grace_seconds: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions<'o> {
    kind: &'static str,
    api_version: &'static str,
    propagation_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_period_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preconditions: Option<Preconditions<'o>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preconditions<'o> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'o str>,
}

impl DeleteOptions<'_> {
    fn new(propagation: Propagation) -> Self {
        Self {
            kind: "DeleteOptions",
            api_version: "v1",
            propagation_policy: propagation.as_str(),
            grace_period_seconds: None,
            preconditions: None,
        }
    }

    fn json(&self, what: &str) -> Result<String, KubeError> {
        serde_json::to_string(self)
            .map_err(|e| KubeError::Answer { what: what.to_owned(), why: crate::expectation::json(&e) })
    }
}

fn call(method: Method, path: String, content_type: &'static str, body: String, what: &str) -> Call {
    Call { method, path, content_type, body: body.into(), what: what.to_owned(), secret: false }
}
