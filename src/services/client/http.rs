use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::ClientError;
use crate::http;
use crate::model::{Job, JobId, ModelName, TaskResult, numbers};
use crate::services::api::Problem;
use crate::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};
use crate::services::scheduler::wire::{
    Accepted, Cleaned, CleanupRequest, JobPage, JobQuery, Order, SubmitMany, SubmitRequest, SubmittedEntry,
    SubmittedMany,
};
use crate::services::tokens::{self, LocalToken};

/// Longer than the scheduler puts off any answer.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A connection to a scheduler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SchedulerClient {
    base: Url,
    token: Shown,
    http: reqwest::Client,
}

/// What the scheduler is shown.
#[derive(Debug, Clone)]
enum Shown {
    Nothing,
    Fixed(SecretString),
    /// Looked at for each request: the stack may be started anew, or somebody else listen in its place.
    Local(LocalToken),
}

impl SchedulerClient {
    /// A client of the scheduler at `base` (which ends in `/`); nothing is connected yet. Of several tokens it shows the
    /// first.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: Url, token: Option<SecretString>) -> Result<Self, ClientError> {
        let token = token.and_then(|text| tokens::first(text.expose_secret()).map(|t| t.to_owned().into()));
        Self::showing(base, token.map_or(Shown::Nothing, Shown::Fixed))
    }

    /// A client of a stack of the same user on this machine.
    ///
    /// # Errors
    /// As [`SchedulerClient::new`].
    pub fn of_stack(base: Url, token: LocalToken) -> Result<Self, ClientError> {
        Self::showing(base, Shown::Local(token))
    }

    fn showing(base: Url, token: Shown) -> Result<Self, ClientError> {
        let http = http::client(&base)
            .map_err(|e| ClientError::Unreachable { url: base.clone(), reason: http::innermost(&e) })?;
        Ok(Self { base, token, http })
    }

    /// Whether it is there and well.
    ///
    /// # Errors
    /// When it is not.
    pub async fn health(&self) -> Result<(), ClientError> {
        self.json::<Value>(self.request(Method::GET, "healthz")).await.map(drop)
    }

    /// Hands over a `sim` or `parse`; safe to repeat with the same id.
    ///
    /// # Errors
    /// With status 409 when the id is taken by other inputs.
    pub async fn submit(&self, model: &ModelName, request: &SubmitRequest) -> Result<Accepted, ClientError> {
        self.json(self.request(Method::POST, &format!("{model}/")).json(request)).await
    }

    /// Hands simulations over, to be accepted in their order; safe to repeat where all have ids. Tells of each whether it
    /// was accepted.
    ///
    /// # Errors
    /// When one of them may be accepted later, and for all that is wrong with the request itself.
    pub async fn submit_many(
        &self,
        jobs: &SubmitMany,
    ) -> Result<Vec<Result<JobId, ClientError>>, ClientError> {
        let request = self.request(Method::POST, "api/v1/jobs").json(jobs);
        let answer: SubmittedMany = self.json(request).await?;
        let outcomes = answer.jobs.into_iter().map(|entry| {
            let SubmittedEntry { task_id, status, error, hints } = entry;
            let message = error.unwrap_or_default();
            let outcome = task_id.ok_or(ClientError::Refused { status, message, hints });
            match outcome {
                Err(e) if e.is_passing() => Err(e),
                outcome => Ok(outcome),
            }
        });
        outcomes.collect()
    }

    /// Has `version` or `defaults` answered. The first call may take long: it prepares the model.
    ///
    /// # Errors
    /// When the scheduler refuses; a model that fails is an answer with status FAIL.
    pub async fn ask(&self, model: &ModelName, request: &SubmitRequest) -> Result<Value, ClientError> {
        let patient =
            self.request(Method::POST, &format!("{model}/")).timeout(Duration::from_secs(24 * 3600));
        self.json(patient.json(request)).await
    }

    /// A job as it stands.
    ///
    /// # Errors
    /// With status 404 when there is none.
    pub async fn job(&self, id: &JobId) -> Result<Job, ClientError> {
        self.json(self.request(Method::GET, &format!("api/v1/jobs/{id}"))).await
    }

    /// A job as it stands when it is final, or after `seconds` (at most 60).
    ///
    /// # Errors
    /// As [`SchedulerClient::job`].
    pub async fn wait(&self, id: &JobId, seconds: u64) -> Result<Job, ClientError> {
        self.json(self.request(Method::GET, &format!("api/v1/jobs/{id}?wait={seconds}"))).await
    }

    /// A page of jobs.
    ///
    /// # Errors
    /// When the scheduler refuses.
    pub async fn page(&self, page: &JobQuery) -> Result<JobPage, ClientError> {
        let JobQuery { status, models, since, order, after, limit } = page;
        let join = |words: Vec<String>| words.join(",");
        let mut query = vec![("limit", limit.to_string())];
        if *order == Order::Newest {
            query.push(("order", "newest".to_owned()));
        }
        if !status.is_empty() {
            query.push(("status", join(status.iter().map(ToString::to_string).collect())));
        }
        if !models.is_empty() {
            query.push(("model", join(models.iter().map(ToString::to_string).collect())));
        }
        query.extend(since.map(|since| ("since", since.to_string())));
        query.extend(after.iter().map(|id| ("after", id.to_string())));
        self.json(self.request(Method::GET, "api/v1/jobs").query(&query)).await
    }

    /// A job's result; outputs of a simulation are a pointer.
    ///
    /// # Errors
    /// With status 409 when there is none (yet).
    pub async fn result(&self, id: &JobId) -> Result<TaskResult, ClientError> {
        self.json(self.request(Method::GET, &format!("api/v1/jobs/{id}/result"))).await
    }

    /// A simulation's outputs.
    ///
    /// # Errors
    /// With status 409 when there are none.
    pub async fn outputs(&self, id: &JobId) -> Result<Value, ClientError> {
        self.json(self.request(Method::GET, &format!("api/v1/jobs/{id}/outputs")).timeout(TIMEOUT * 10)).await
    }

    /// A job's log; with `follow`, to the job's end.
    ///
    /// # Errors
    /// When there is no such job.
    pub async fn logs(
        &self,
        id: &JobId,
        follow: bool,
    ) -> Result<impl Stream<Item = Result<Bytes, ClientError>> + use<>, ClientError> {
        use futures::StreamExt;
        let endless = Duration::from_secs(u64::from(u32::MAX));
        let request =
            self.request(Method::GET, &format!("api/v1/jobs/{id}/logs?follow={follow}")).timeout(endless);
        let response = self.send(request).await?;
        let base = self.base.clone();
        Ok(response.bytes_stream().map(move |chunk| {
            chunk.map_err(|e| ClientError::Unreachable { url: base.clone(), reason: http::innermost(&e) })
        }))
    }

    /// Cancels a job, and returns it as it stands then.
    ///
    /// # Errors
    /// With status 404 when there is none.
    pub async fn cancel(&self, id: &JobId) -> Result<Job, ClientError> {
        self.json(self.request(Method::POST, &format!("api/v1/jobs/{id}/cancel")).json(&json!({}))).await
    }

    /// Forgets jobs that have ended.
    ///
    /// # Errors
    /// When the scheduler refuses.
    pub async fn cleanup(&self, request: &CleanupRequest) -> Result<Cleaned, ClientError> {
        self.json(self.request(Method::POST, "api/v1/jobs/cleanup").json(request).timeout(TIMEOUT * 10)).await
    }

    /// A page of results that the web app does not have.
    ///
    /// # Errors
    /// When the scheduler refuses.
    pub async fn undelivered(&self, query: &ResultsQuery) -> Result<ResultsPage, ClientError> {
        self.json(self.request(Method::GET, "api/v1/results").query(query)).await
    }

    /// Has a result that the web app refused sent to it again.
    ///
    /// # Errors
    /// With status 404 when there is no such result, with 409 when the web app has it.
    pub async fn retry_result(&self, id: &JobId) -> Result<RetriedResult, ClientError> {
        self.json(self.request(Method::POST, &format!("api/v1/results/{id}/retry")).json(&json!({}))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // The base ends in `/` and paths are made of names that need no escaping.
        let request = self.http.request(method, format!("{}{path}", self.base)).timeout(TIMEOUT);
        let token = match &self.token {
            Shown::Nothing => None,
            Shown::Fixed(token) => Some(token.clone()),
            Shown::Local(token) => token.show(),
        };
        match token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let unreachable = |e: reqwest::Error| ClientError::Unreachable {
            url: self.base.clone(),
            reason: http::innermost(&e),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        Err(match serde_json::from_str::<Problem>(&text) {
            Ok(Problem { error, hints }) => {
                ClientError::Refused { status: status.as_u16(), message: error, hints }
            }
            Err(_) => ClientError::Refused {
                status: status.as_u16(),
                message: format!("{} answered {status}", self.base),
                hints: Vec::new(),
            },
        })
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        let url = response.url().to_string();
        let bytes = response
            .bytes()
            .await
            .map_err(|e| ClientError::Unreachable { url: self.base.clone(), reason: http::innermost(&e) })?;
        numbers::from_slice(&bytes)
            .map_err(|e| ClientError::Unexpected { url, reason: crate::expectation::json(&e) })
    }
}
