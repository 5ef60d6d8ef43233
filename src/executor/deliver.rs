use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::ExecutorError;
use crate::http;
use crate::model::{JobId, Outcome, TaskName, TaskResult};

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

/// Why one try failed.
enum Refusal {
    /// It may work later.
    Passing(String),
    /// It never will.
    Final(String),
    Fenced,
}

/// Brings a result to the outputs processor at `base`: a simulation's outputs to `/write/`, then the result, with
/// the pointer in their place, to `/push/`. Tries for about a minute where that can help.
///
/// # Errors
/// [`ExecutorError::Delivery`] when it was refused or could not be reached.
pub async fn deliver(
    base: &Url,
    token: &SecretString,
    task: TaskName,
    mut result: TaskResult,
) -> Result<Delivered, ExecutorError> {
    let id = result.task_id.clone();
    let failed =
        |url: &Url, reason: String| ExecutorError::Delivery { id: id.clone(), url: url.to_string(), reason };
    let client = http::client(base).map_err(|e| failed(base, e.to_string()))?;
    let post = async |path: &str, body: Vec<u8>| {
        let url = base.join(path).map_err(|e| failed(base, e.to_string()))?;
        let body = bytes::Bytes::from(body);
        let once = || post_once(&client, url.clone(), token, body.clone());
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(8))
            .with_total_delay(Some(Duration::from_secs(60)))
            .without_max_times()
            .with_jitter();
        match once.retry(policy).when(|e| matches!(e, Refusal::Passing(_))).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Refusal::Fenced) => Ok(None),
            Err(Refusal::Passing(why) | Refusal::Final(why)) => Err(failed(&url, why)),
        }
    };
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|e| failed(base, e.to_string()));
    if let (TaskName::Sim, Outcome::Success, Some(outputs)) = (task, result.status, &result.outputs) {
        let body = json(serde_json::to_vec(&Write { task_id: &id, outputs }))?;
        let Some(answer) = post("write/", body).await? else { return Ok(Delivered::Fenced) };
        let pointer = serde_json::from_slice(&answer).map_err(|e| failed(base, e.to_string()))?;
        result.outputs = Some(pointer);
    }
    let body = json(serde_json::to_vec(&Push { task_name: task, result: &result }))?;
    Ok(match post("push/", body).await? {
        Some(_) => Delivered::Taken,
        None => Delivered::Fenced,
    })
}

async fn post_once(
    client: &reqwest::Client,
    url: Url,
    token: &SecretString,
    body: bytes::Bytes,
) -> Result<bytes::Bytes, Refusal> {
    let passing = |e: reqwest::Error| Refusal::Passing(http::innermost(&e));
    let response = client
        .post(url)
        .bearer_auth(token.expose_secret())
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await
        .map_err(passing)?;
    let status = response.status();
    let answer = response.bytes().await.map_err(passing)?;
    if status.is_success() {
        return Ok(answer);
    }
    if status == StatusCode::CONFLICT {
        return Err(Refusal::Fenced);
    }
    let text: String = String::from_utf8_lossy(&answer).chars().take(300).collect();
    let why = format!("{status}: {}", text.trim());
    let later = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    Err(if later { Refusal::Passing(why) } else { Refusal::Final(why) })
}
