use std::sync::LazyLock;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use sha2::{Digest as _, Sha256};

use super::filter::{Filter, PageQuery};
use super::view::View;
use crate::services::api::ApiError;
use crate::services::scheduler::SchedulerState;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// Nothing of a page runs or is fetched: what jobs are called, or say, can do nothing in it.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
});

/// `GET /`
pub(in crate::services::scheduler) async fn page(
    State(state): State<SchedulerState>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let view = View::of(&state, &Filter::of(&query)?).await?;
    let html = render(&view).map_err(|e| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the page can't be made: {e:#}"))
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, html).into_response())
}

fn render(view: &View) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    // The name's ending is what escapes everything that is put in.
    environment.add_template("page.html", TEMPLATE)?;
    environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    environment.get_template("page.html")?.render(Value::from(Serde(view)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::scheduler::page::view::{JobRow, Section};

    #[test]
    fn what_jobs_say_is_text_and_nothing_else() {
        let mut view = View::empty();
        view.sections.push(Section::waiting(JobRow {
            id: "run-1".into(),
            model: "Test/Echo".into(),
            status: "PENDING".into(),
            reason: "<script>alert(1)</script> \"'&".into(),
            ..JobRow::default()
        }));
        let html = render(&view).unwrap();
        assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"), "{html}");
        assert!(html.contains(STYLE), "the style is what its digest says");
    }
}
