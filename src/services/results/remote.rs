use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::{Results, ResultsError};
use crate::http;
use crate::model::{JobId, Outcome, TaskName, TaskResult, numbers};
use crate::services::api::ApiError;
use crate::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};
use crate::store::{AttemptToken, JobStore, Recorded};

/// How long the outputs processor may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long outputs may take to be read and sent.
const OUTPUTS_TIMEOUT: Duration = Duration::from_secs(900);
/// How long a request is tried again before whoever needs it is told; what brings a job to its end comes back later.
const PATIENCE: Duration = Duration::from_secs(30);

/// Results of an outputs processor elsewhere. How a job ended is noted in the scheduler's store too.
pub struct RemoteResults {
    base: Url,
    token: SecretString,
    client: reqwest::Client,
    store: Arc<dyn JobStore>,
}

impl RemoteResults {
    /// The outputs processor at `base` (which ends in `/`), where `token` proves that we are one of the services.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: Url, token: SecretString, store: Arc<dyn JobStore>) -> reqwest::Result<Self> {
        let client = http::between_services(http::builder(&base)).build()?;
        Ok(Self { base, token, client, store })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // The base ends in `/`, and paths are made of ids, which need no escaping.
        let url = format!("{}{path}", self.base);
        self.client.request(method, url).timeout(TIMEOUT).bearer_auth(self.token.expose_secret())
    }

    /// Sends what may be sent twice, again and again while the outputs processor is away.
    async fn patiently(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<(StatusCode, Value), ResultsError> {
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(10))
            .with_total_delay(Some(PATIENCE))
            .without_max_times()
            .with_jitter();
        (|| send(request()))
            .retry(policy)
            .when(|e| matches!(e, ResultsError::Away { .. }))
            .notify(|e, wait| tracing::warn!("{e}; trying again in {wait:?}"))
            .await
    }

    async fn post(
        &self,
        path: &str,
        token: &AttemptToken,
        body: &Value,
    ) -> Result<(StatusCode, Value), ResultsError> {
        let url = format!("{}{path}", self.base);
        let request = || self.client.post(&url).timeout(OUTPUTS_TIMEOUT).bearer_auth(&token.0).json(body);
        self.patiently(request).await
    }

    async fn look(&self, id: &JobId) -> Result<Option<TaskResult>, ResultsError> {
        let answer = self.patiently(|| self.request(Method::GET, &format!("api/v1/results/{id}"))).await?;
        known(answer)
    }
}

#[async_trait]
impl Results for RemoteResults {
    async fn take(
        &self,
        token: &AttemptToken,
        task: TaskName,
        mut result: TaskResult,
    ) -> Result<Recorded, ResultsError> {
        let id = result.task_id.clone();
        if let (TaskName::Sim, Outcome::Success, Some(outputs)) = (task, result.status, &result.outputs) {
            let body = json!({"task_id": id, "outputs": outputs});
            let answer = self.post("write/", token, &body).await?;
            if answer.0 != StatusCode::CONFLICT {
                result.outputs = Some(accepted(answer)?);
            }
        }
        let answer = self.post("push/", token, &json!({"task_name": task, "result": result})).await?;
        let is_known = answer.1.get("status").and_then(Value::as_str) == Some("duplicate");
        if answer.0 == StatusCode::CONFLICT || is_known {
            // Somebody else was first, and that is how the job ended. An executor has the same token as we.
            return match self.look(&id).await? {
                Some(first) => Ok(self.store.record(token, first, false).await?),
                None => {
                    self.store.cancel(&id, "cancelled").await?;
                    Ok(Recorded::Fenced)
                }
            };
        }
        accepted(answer)?;
        Ok(self.store.record(token, result, false).await?)
    }

    async fn note_delivered(&self, token: &AttemptToken, id: &JobId) -> Result<bool, ResultsError> {
        let Some(result) = self.look(id).await? else { return Ok(false) };
        self.store.record(token, result, false).await?;
        Ok(true)
    }

    async fn find(&self, id: &JobId) -> Result<Option<TaskResult>, ResultsError> {
        known(send(self.request(Method::GET, &format!("api/v1/results/{id}"))).await?)
    }

    async fn outputs(&self, result: &TaskResult) -> Result<Value, ResultsError> {
        let path = format!("api/v1/results/{}/outputs", result.task_id);
        accepted(send(self.request(Method::GET, &path).timeout(OUTPUTS_TIMEOUT)).await?)
    }

    async fn refuse(&self, id: &JobId) -> Result<bool, ResultsError> {
        let path = format!("api/v1/results/{id}/cancel");
        let answer = self.patiently(|| self.request(Method::POST, &path).json(&json!({}))).await?;
        if answer.0 == StatusCode::CONFLICT {
            return Ok(false);
        }
        accepted(answer).map(|_| true)
    }

    async fn undelivered(&self, query: &ResultsQuery) -> Result<ResultsPage, ApiError> {
        passed_on(send(self.request(Method::GET, "api/v1/results").query(query)).await?)
    }

    async fn retry(&self, id: &JobId) -> Result<RetriedResult, ApiError> {
        let path = format!("api/v1/results/{id}/retry");
        passed_on(send(self.request(Method::POST, &path).json(&json!({}))).await?)
    }
}

/// The outputs processor's answer as our own.
fn passed_on<T: DeserializeOwned>((status, body): (StatusCode, Value)) -> Result<T, ApiError> {
    if !status.is_success() {
        let reason = body.get("error").and_then(Value::as_str);
        let error = reason.map_or_else(|| format!("the outputs processor answered {status}"), str::to_owned);
        let hints: Vec<String> =
            body.get("hints").and_then(|h| serde_json::from_value(h.clone()).ok()).unwrap_or_default();
        return Err(hints.into_iter().fold(ApiError::new(status, error), ApiError::hint));
    }
    serde_json::from_value(body).map_err(|e| {
        ResultsError::Unexpected(format!(
            "the outputs processor's answer is not what was asked for: {}",
            crate::expectation::json(&e)
        ))
        .into()
    })
}

/// A result, where there is one. One of a job that was cancelled is none.
fn known(answer: (StatusCode, Value)) -> Result<Option<TaskResult>, ResultsError> {
    if matches!(answer.0, StatusCode::NOT_FOUND | StatusCode::CONFLICT) {
        return Ok(None);
    }
    serde_json::from_value(accepted(answer)?).map(Some).map_err(|e| {
        ResultsError::Unexpected(format!(
            "the outputs processor's answer is no result: {}",
            crate::expectation::json(&e)
        ))
    })
}

fn accepted((status, body): (StatusCode, Value)) -> Result<Value, ResultsError> {
    if status.is_success() {
        return Ok(body);
    }
    let reason = body.get("error").and_then(Value::as_str).unwrap_or_default().to_owned();
    Err(ResultsError::No { status: status.as_u16(), reason })
}

/// Sends a request. Answers that may be different later are errors of the kind that is tried again.
async fn send(request: RequestBuilder) -> Result<(StatusCode, Value), ResultsError> {
    let away = |e: reqwest::Error| {
        let url = e.url().map(ToString::to_string).unwrap_or_default();
        ResultsError::Away { url, reason: http::innermost(&e) }
    };
    let response = request.send().await.map_err(away)?;
    let (status, url) = (response.status(), response.url().to_string());
    let body = response.bytes().await.map_err(away)?;
    match numbers::from_slice(&body) {
        Ok(body) if !http::may_pass(status) => Ok((status, body)),
        _ => Err(ResultsError::Away { url, reason: http::said(status, &body) }),
    }
}
