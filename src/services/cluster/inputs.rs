//! The models' inputs servers, asked and woken.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::sleep::Sleepers;
use crate::http;
use crate::model::{JobId, Model, TaskKwargs, TaskName, TaskResult, numbers};
use crate::services::answer;

/// The longest that a model may take for an answer: longer than an inputs server lets it.
const TIMEOUT: Duration = Duration::from_secs(330);
/// How long a server that is away or full is asked again: its pod may have to be started on a new node.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where inputs servers are, and which of them sleep.
pub(super) struct InputsServers {
    client: reqwest::Client,
    /// A URL with `{}` where the model's short name belongs.
    pattern: String,
    pub(super) sleepers: Sleepers,
}

/// Why an inputs server gave no answer.
enum Silence {
    Passing(String),
    Final(String),
}

impl InputsServers {
    /// Those whose URL is `pattern` with the model's short name in place of `{}`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(pattern: &str, sleepers: Sleepers) -> reqwest::Result<Self> {
        let client = http::between_services(http::plain()).connect_timeout(Duration::from_secs(5)).build()?;
        Ok(Self { client, pattern: pattern.to_owned(), sleepers })
    }

    /// The model's answer; a model that fails has answered too.
    ///
    /// # Errors
    /// A sentence for the person whose task it was.
    pub(super) async fn ask(
        &self,
        model: &Model,
        id: &JobId,
        task: TaskName,
        kwargs: &TaskKwargs,
    ) -> Result<TaskResult, String> {
        // Held as long as the request is under way, so that the server is not put to sleep meanwhile.
        let _used = self.sleepers.wake(model).await?;
        let url =
            self.url(model).map_err(|e| format!("the inputs server of {} has no URL: {e}", model.name))?;
        let body = json!({"task_id": id, "task_name": task, "task_kwargs": kwargs});
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(2))
            .with_total_delay(Some(PATIENCE))
            .without_max_times()
            .with_jitter();
        let once = || once(&self.client, &url, &body);
        let answered = once.retry(policy).when(|e| matches!(e, Silence::Passing(_))).await;
        match answered {
            Ok(answer) => answer::from_json(id, answer),
            Err(Silence::Passing(why) | Silence::Final(why)) => {
                Err(format!("the inputs server of {} gives no answer: {why}", model.name))
            }
        }
    }

    fn url(&self, model: &Model) -> Result<Url, url::ParseError> {
        Url::parse(&self.pattern.replace("{}", &model.name.safe()))?.join("sync/")
    }
}

async fn once(client: &reqwest::Client, url: &Url, body: &Value) -> Result<Value, Silence> {
    let passing = |e: reqwest::Error| Silence::Passing(http::innermost(&e));
    let response = client.post(url.clone()).timeout(TIMEOUT).json(body).send().await.map_err(|e| {
        // The model took too long, and would again.
        if e.is_timeout() && !e.is_connect() { Silence::Final(http::innermost(&e)) } else { passing(e) }
    })?;
    let status = response.status();
    let text = response.text().await.map_err(passing)?;
    let said = || http::said(status, text.as_bytes());
    match numbers::from_str(&text) {
        Ok(answer) if status == StatusCode::OK => Ok(answer),
        Ok(_) if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() => {
            Err(Silence::Final(said()))
        }
        // What is not JSON does not come from the inputs server, but from something on the way to it.
        _ => Err(Silence::Passing(said())),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;

    use super::*;

    #[tokio::test]
    async fn only_the_servers_own_words_are_final() {
        for (status, text, expected) in [
            (200, r#"{"status":"SUCCESS"}"#, "answer"),
            (200, "<html>Welcome</html>", "passing"),
            (404, "", "passing"),
            (404, r#"{"error":"there is nothing at this path"}"#, "final"),
            (429, r#"{"error":"no worker is free"}"#, "passing"),
            (503, "no healthy upstream", "passing"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let app = Router::new().route("/sync/", post(async move || (status, text)));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/sync/", listener.local_addr().unwrap()).parse().unwrap();
            let serving = tokio::spawn(async move { axum::serve(listener, app).await });
            let said = match once(&http::plain().build().unwrap(), &url, &json!({})).await {
                Ok(_) => "answer",
                Err(Silence::Passing(_)) => "passing",
                Err(Silence::Final(_)) => "final",
            };
            assert_eq!(said, expected, "{status}: {text}");
            serving.abort();
        }
    }
}
