use reqwest::StatusCode;
use serde::Deserialize;

use super::RegistryError;
use super::exchange::Answer;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Problem>,
    details: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Why an answer says no, in the registry's own words, on one line.
pub(super) fn words(answer: &Answer) -> String {
    let reason = || answer.status.canonical_reason().unwrap_or("no reason given").to_owned();
    let Ok(Body { errors, details }) = serde_json::from_slice(&answer.body) else { return reason() };
    let told: Vec<String> = errors
        .into_iter()
        .map(|Problem { code, message }| if message.is_empty() { code } else { message })
        .chain(details)
        .map(|told| told.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|told| !told.is_empty())
        .collect();
    if told.is_empty() { reason() } else { told.join("; ") }
}

/// The error that an answer stands for.
pub(super) fn error(registry: &str, what: &str, anonymous: bool, answer: &Answer) -> RegistryError {
    let (registry, what, why) = (registry.to_owned(), what.to_owned(), words(answer));
    match (answer.status, super::retry::wish(&answer.headers)) {
        (StatusCode::UNAUTHORIZED, _) if answer.known => RegistryError::Denied { registry, what, why },
        (StatusCode::UNAUTHORIZED, _) => RegistryError::Login { registry, what, anonymous, why },
        (StatusCode::FORBIDDEN, _) => RegistryError::Denied { registry, what, why },
        (StatusCode::TOO_MANY_REQUESTS, Some(wait)) => {
            RegistryError::TooManyRequests { registry, what, wait }
        }
        (status, _) => RegistryError::Refused { registry, what, status: status.as_u16(), why },
    }
}
