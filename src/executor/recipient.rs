use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::ExecutorError;
use super::outgoing::Outgoing;
use crate::http;
use crate::model::{JobId, Outcome, TaskName, TaskResult};

/// What an answer may take, besides the time for a large body.
const ANSWER: Duration = Duration::from_secs(60);
/// Bytes a second that a body makes at the least, storing them included.
const SLOWEST: u64 = 1 << 20;

/// The outputs processor, as the executor of one attempt of a job sees it.
#[derive(Debug, Clone)]
pub struct Recipient {
    base: Url,
    token: SecretString,
    patience: Duration,
}

/// What became of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// The outputs processor has it.
    Taken,
    /// Another attempt of the job counts; this one may stop.
    Fenced,
}

#[derive(Serialize)]
struct Write<'a> {
    task_id: &'a JobId,
    outputs: &'a Value,
}

#[derive(Serialize)]
struct Push<'a> {
    task_name: TaskName,
    result: &'a TaskResult,
}

#[derive(Deserialize)]
struct Standing {
    wanted: bool,
}

/// Why one try failed.
enum Refusal {
    /// It may work later.
    Passing(String),
    /// It never will.
    Final(StatusCode, String),
    Fenced,
}

impl Recipient {
    /// The outputs processor at `base`, to which `token` proves whose executor this is. Where trying again can help, it is
    /// done for about a minute.
    pub fn new(base: Url, token: SecretString) -> Self {
        Self { base, token, patience: Duration::from_secs(60) }
    }

    /// Tries for about so long.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether the job still waits for a result of this attempt.
    ///
    /// # Errors
    /// [`ExecutorError::Attempt`] when the question was refused or could not be asked.
    pub async fn wants(&self, id: &JobId) -> Result<bool, ExecutorError> {
        let failed = |url: &Url, reason: String, passing| ExecutorError::Attempt {
            id: id.clone(),
            url: url.to_string(),
            reason,
            passing,
        };
        let client = http::between_services(http::builder(&self.base))
            .build()
            .map_err(|e| failed(&self.base, e.to_string(), false))?;
        let url = self.url("api/v1/attempt").map_err(|e| failed(&self.base, e, false))?;
        match self.ask(&client, Method::GET, &url, None).await {
            Ok(answer) => match serde_json::from_slice::<Standing>(&answer) {
                Ok(standing) => Ok(standing.wanted),
                Err(e) => Err(failed(
                    &url,
                    format!("its answer can't be read: {}", crate::expectation::json(&e)),
                    true,
                )),
            },
            Err(Refusal::Fenced) => Ok(false),
            Err(Refusal::Passing(why)) => Err(failed(&url, why, true)),
            Err(Refusal::Final(_, why)) => Err(failed(&url, why, false)),
        }
    }

    /// Brings a result: a simulation's outputs to `/write/`, then the result, with the pointer in their place, to
    /// `/push/`.
    ///
    /// # Errors
    /// [`ExecutorError::Delivery`] when it was refused or could not be brought.
    pub async fn deliver(&self, task: TaskName, result: TaskResult) -> Result<Delivered, ExecutorError> {
        self.bring(task, result, false).await
    }

    /// The same where nobody else has the result: outputs that are refused for good make it a FAIL that says so.
    ///
    /// # Errors
    /// As [`Recipient::deliver`].
    pub async fn deliver_or_fail(
        &self,
        task: TaskName,
        result: TaskResult,
    ) -> Result<Delivered, ExecutorError> {
        self.bring(task, result, true).await
    }

    async fn bring(
        &self,
        task: TaskName,
        mut result: TaskResult,
        or_fail: bool,
    ) -> Result<Delivered, ExecutorError> {
        let id = result.task_id.clone();
        let failed = |url: &Url, reason: String, passing| ExecutorError::Delivery {
            id: id.clone(),
            url: url.to_string(),
            reason,
            passing,
        };
        let invalid = |e: &dyn std::fmt::Display| failed(&self.base, e.to_string(), false);
        let client = http::between_services(http::builder(&self.base)).build().map_err(|e| invalid(&e))?;
        if task == TaskName::Sim
            && result.status == Outcome::Success
            && let Some(outputs) = result.outputs.take()
        {
            let url = self.url("write/").map_err(|e| invalid(&e))?;
            let body = Outgoing::json(&Write { task_id: &id, outputs: &outputs }).map_err(|e| invalid(&e))?;
            drop(outputs);
            match self.ask(&client, Method::POST, &url, Some(&body)).await {
                Ok(answer) => {
                    let pointer = serde_json::from_slice(&answer);
                    let reason = |e| format!("its answer can't be read: {}", crate::expectation::json(&e));
                    result.outputs = Some(pointer.map_err(|e| failed(&url, reason(e), true))?);
                }
                Err(Refusal::Fenced) => return Ok(Delivered::Fenced),
                Err(Refusal::Passing(why)) => return Err(failed(&url, why, true)),
                Err(Refusal::Final(status, why)) if or_fail && blames_outputs(status) => {
                    result.status = Outcome::Fail;
                    (result.version, result.model_version) = (None, None);
                    result.traceback = Some(format!("The outputs of the model can't be stored: {why}\n"));
                }
                Err(Refusal::Final(_, why)) => return Err(failed(&url, why, false)),
            }
        }
        let url = self.url("push/").map_err(|e| invalid(&e))?;
        let body = Outgoing::json(&Push { task_name: task, result: &result }).map_err(|e| invalid(&e))?;
        match self.ask(&client, Method::POST, &url, Some(&body)).await {
            Ok(_) => Ok(Delivered::Taken),
            Err(Refusal::Fenced) => Ok(Delivered::Fenced),
            Err(Refusal::Passing(why)) => Err(failed(&url, why, true)),
            Err(Refusal::Final(_, why)) => Err(failed(&url, why, false)),
        }
    }

    fn url(&self, path: &str) -> Result<Url, String> {
        self.base.join(path).map_err(|e| e.to_string())
    }

    async fn ask(
        &self,
        client: &Client,
        method: Method,
        url: &Url,
        body: Option<&Outgoing>,
    ) -> Result<bytes::Bytes, Refusal> {
        let once = || self.ask_once(client, method.clone(), url.clone(), body);
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(8))
            .with_total_delay(Some(self.patience))
            .without_max_times()
            .with_jitter();
        once.retry(policy).when(|e| matches!(e, Refusal::Passing(_))).await
    }

    async fn ask_once(
        &self,
        client: &Client,
        method: Method,
        url: Url,
        body: Option<&Outgoing>,
    ) -> Result<bytes::Bytes, Refusal> {
        let passing = |e: reqwest::Error| Refusal::Passing(http::innermost(&e));
        let mut request = client.request(method, url).bearer_auth(self.token.expose_secret()).timeout(ANSWER);
        if let Some(body) = body {
            request = request
                .timeout(ANSWER + Duration::from_secs(body.len() / SLOWEST))
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::CONTENT_LENGTH, body.len())
                .body(body.body());
        }
        let response = request.send().await.map_err(passing)?;
        let status = response.status();
        let answer = response.bytes().await.map_err(passing)?;
        let ours = http::is_json(&answer);
        if ours && status.is_success() {
            return Ok(answer);
        }
        if ours && status == StatusCode::CONFLICT {
            return Err(Refusal::Fenced);
        }
        let why = http::said(status, &answer);
        let later = !ours || http::may_pass(status);
        Err(if later { Refusal::Passing(why) } else { Refusal::Final(status, why) })
    }
}

/// Whether a refusal is about what was sent, not about who sent it.
fn blames_outputs(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}
