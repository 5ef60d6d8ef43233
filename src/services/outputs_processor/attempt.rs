use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use super::PushTarget;
use crate::http;
use crate::model::numbers;
use crate::store::Push;

/// The longest wait that the web app may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// How one try ended.
pub(super) enum Tried {
    Taken,
    /// This result will never be taken.
    Refused(String),
    /// This result may be taken later.
    Later(String),
    /// Nothing is taken at the moment; try after the given time, if the web app named one.
    Closed(String, Option<Duration>),
}

/// Sends a result to the web app, once.
pub(super) async fn try_once(target: &PushTarget, push: &Push) -> Tried {
    let body = match numbers::to_vec(&push.result) {
        Ok(body) => body,
        Err(e) => return Tried::Refused(format!("the result is no JSON: {e}")),
    };
    let answer = target
        .client
        .put(target.url(push.task))
        .header(header::AUTHORIZATION, target.authorization.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await;
    match answer {
        Ok(response) => judge(response).await,
        Err(e) => {
            let url = target.url(push.task);
            Tried::Closed(format!("cannot reach {url}: {}", http::innermost(&e)), None)
        }
    }
}

async fn judge(response: Response) -> Tried {
    let status = response.status();
    if status.is_success() {
        return Tried::Taken;
    }
    let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (retry_after, location) = (header(header::RETRY_AFTER), header(header::LOCATION));
    let asked = retry_after.as_deref().and_then(seconds_asked);
    if status.is_redirection() {
        let to = location.unwrap_or_default();
        return Tried::Closed(format!("{status}: set CS_URL to where it redirects to: {to}"), None);
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Tried::Closed(format!("{status}: CS_API_TOKEN is not accepted, set the right one"), None);
    }
    let url = response.url().to_string();
    let text = response.text().await.unwrap_or_default();
    let reason = format!("{url} answered {}", http::said(status, text.as_bytes()));
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Tried::Closed(reason, asked),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Tried::Later(reason),
        status if status.is_server_error() => Tried::Later(reason),
        // The web app's API knows no such job, and says so in JSON; else something on the way knows no web app.
        StatusCode::NOT_FOUND if !http::is_json(text.as_bytes()) => {
            Tried::Later(format!("{reason} (not the web app's API: is CS_URL right?)"))
        }
        _ => Tried::Refused(reason),
    }
}

/// What `Retry-After` asks for: seconds, or a date.
fn seconds_asked(value: &str) -> Option<Duration> {
    let seconds = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
            Duration::try_from(at.duration_since(jiff::Timestamp::now())).unwrap_or_default()
        }
    };
    Some(seconds.min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_may_be_asked_for_in_seconds_or_as_a_date() {
        assert_eq!(seconds_asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(seconds_asked("999999"), Some(LONGEST_ASKED));
        assert_eq!(seconds_asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(seconds_asked("soon"), None);
        let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(100);
        let date = jiff::fmt::rfc2822::to_string(&ahead.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        let asked = seconds_asked(&date).unwrap();
        assert!(asked > Duration::from_secs(90) && asked <= Duration::from_secs(100), "{asked:?}");
    }

    #[tokio::test]
    async fn a_result_is_given_up_where_the_web_app_itself_refuses_it() {
        let judged = async |status: u16, body: &'static str| {
            let answer = axum::http::Response::builder().status(status).body(body).unwrap();
            match judge(answer.into()).await {
                Tried::Taken => "taken",
                Tried::Refused(_) => "refused",
                Tried::Later(_) => "later",
                Tried::Closed(..) => "closed",
            }
        };
        assert_eq!(judged(200, "").await, "taken");
        assert_eq!(judged(400, "").await, "refused");
        assert_eq!(judged(404, r#"{"detail": "Not found."}"#).await, "refused");
        assert_eq!(judged(404, "default backend - 404").await, "later");
        assert_eq!(judged(413, "<html>").await, "refused");
        assert_eq!(judged(500, "").await, "later");
        assert_eq!(judged(503, "").await, "closed");
    }
}
