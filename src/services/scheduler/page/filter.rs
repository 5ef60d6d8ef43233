use serde::{Deserialize, Serialize};

use crate::model::{JobId, JobStatus, ModelName};
use crate::services::api::ApiError;

/// What the page was asked for with: everything is in its address, so that it can be kept and sent on.
#[derive(Debug, Default, Deserialize)]
pub(in crate::services::scheduler) struct PageQuery {
    /// Seconds after which the browser asks again.
    pub(super) refresh: Option<u32>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    model: String,
    after: Option<String>,
}

/// Jobs that are to be shown, a page of them; without any wish, an overview.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) status: Option<JobStatus>,
    pub(super) model: Option<ModelName>,
    pub(super) after: Option<JobId>,
    pub(super) refresh: Option<u32>,
    /// Whether jobs of every state and model are asked for.
    pub(super) all: bool,
}

/// A choice of a form.
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) chosen: bool,
}

/// Every state, in the order in which it matters.
pub(super) const STATES: [JobStatus; 5] =
    [JobStatus::Fail, JobStatus::Running, JobStatus::Pending, JobStatus::Success, JobStatus::Cancelled];

impl Filter {
    pub(super) fn of(query: &PageQuery) -> Result<Self, ApiError> {
        let PageQuery { refresh, status, model, after } = query;
        let known = |word: &str| STATES.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(word));
        let wrong = |what: &str, word: &str, expected: &str| {
            ApiError::bad_request(format!("{what}: `{word}`: expected {expected}"))
        };
        let status =
            match status.as_str() {
                "" | "all" => None,
                word => Some(known(word).ok_or_else(|| {
                    wrong("status", word, "fail, running, pending, success, cancelled or all")
                })?),
            };
        let model = match model.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|_| wrong("model", word, "a name, as in Owner/Title"))?),
        };
        let after = match after.as_deref() {
            None | Some("") => None,
            Some(word) => Some(word.parse().map_err(|_| wrong("after", word, "a job's id"))?),
        };
        let all = query.status == "all";
        Ok(Self { status, model, after, refresh: refresh.map(|seconds| seconds.clamp(2, 3600)), all })
    }

    /// Whether it asks for one list instead of the overview.
    pub(super) fn is_list(&self) -> bool {
        self.status.is_some() || self.model.is_some() || self.after.is_some() || self.all
    }

    /// The page's address. Nothing in it needs an escape.
    pub(super) fn address(&self) -> String {
        let Self { status, model, after, refresh, all } = self;
        let parts = [
            status.map(|status| format!("status={}", status.as_str().to_lowercase())),
            (status.is_none() && *all).then(|| "status=all".to_owned()),
            model.as_ref().map(|model| format!("model={model}")),
            after.as_ref().map(|after| format!("after={after}")),
            refresh.map(|refresh| format!("refresh={refresh}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "/".to_owned() } else { format!("/?{}", parts.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(status: &str, model: &str, after: &str) -> Result<Filter, ApiError> {
        let (status, model, after) = (status.to_owned(), model.to_owned(), Some(after.to_owned()));
        Filter::of(&PageQuery { refresh: Some(1), status, model, after })
    }

    #[test]
    fn an_address_says_what_is_shown() {
        for (status, model, after, address) in [
            ("", "", "", "/?refresh=2"),
            ("all", "", "", "/?status=all&refresh=2"),
            ("FAIL", "A/B", "run-1", "/?status=fail&model=A/B&after=run-1&refresh=2"),
        ] {
            let filter = filter(status, model, after).unwrap();
            assert_eq!(filter.address(), address);
            assert_eq!(filter.is_list(), address != "/?refresh=2");
        }
        for (status, model, after) in [("bad", "", ""), ("", "no name", ""), ("", "", "<b>")] {
            assert!(filter(status, model, after).is_err(), "{status}{model}{after}");
        }
    }
}
