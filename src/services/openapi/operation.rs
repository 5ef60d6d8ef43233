use axum::http::Method;
use serde_json::{Map, Value, json};

const JSON: &str = "application/json";

/// What a method of a route does, for people and programs.
#[derive(Debug)]
pub(in crate::services) struct Operation {
    pub(super) method: Method,
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answer: Value,
    refusals: Vec<(u16, &'static str)>,
}

impl Operation {
    /// A GET.
    pub(in crate::services) fn get(id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::GET, id, summary)
    }

    /// A POST.
    pub(in crate::services) fn post(id: &'static str, summary: &'static str) -> Self {
        Self::new(Method::POST, id, summary)
    }

    fn new(method: Method, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            id,
            summary,
            parameters: Vec::new(),
            body: None,
            answer: json!({"description": "Done."}),
            refusals: Vec::new(),
        }
    }

    /// A part of the path.
    #[must_use]
    pub(in crate::services) fn path(mut self, name: &str, about: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": about, "schema": schema,
        }));
        self
    }

    /// A part of the query, which may be left out.
    #[must_use]
    pub(in crate::services) fn query(mut self, name: &str, about: &str, schema: Value) -> Self {
        self.parameters.push(json!({"name": name, "in": "query", "description": about, "schema": schema}));
        self
    }

    /// A part of the query that has to be there.
    #[must_use]
    pub(in crate::services) fn needs(mut self, name: &str, about: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": true, "description": about, "schema": schema,
        }));
        self
    }

    /// A JSON body.
    #[must_use]
    pub(in crate::services) fn takes(mut self, schema: Value) -> Self {
        self.body = Some(json!({"required": true, "content": {JSON: {"schema": schema}}}));
        self
    }

    /// What is answered with 200, as JSON.
    #[must_use]
    pub(in crate::services) fn answers(self, about: &str, schema: Value) -> Self {
        self.answers_as(JSON, about, schema)
    }

    /// What is answered with 200.
    #[must_use]
    pub(in crate::services) fn answers_as(mut self, media: &str, about: &str, schema: Value) -> Self {
        self.answer = json!({"description": about, "content": {media: {"schema": schema}}});
        self
    }

    /// An answer that is no success and worth telling; there may always be others.
    #[must_use]
    pub(in crate::services) fn refuses(mut self, status: u16, about: &'static str) -> Self {
        self.refusals.push((status, about));
        self
    }

    pub(super) fn into_json(self, problem: &Value, security: Option<Value>) -> Value {
        let Self { method: _, id, summary, parameters, body, answer, refusals } = self;
        let refusal = |about: &str| json!({"description": about, "content": {JSON: {"schema": problem}}});
        let mut responses = Map::from_iter([("200".to_owned(), answer)]);
        responses.extend(refusals.into_iter().map(|(status, about)| (status.to_string(), refusal(about))));
        responses.insert("default".to_owned(), refusal("What is wrong, and what to try next."));
        let mut operation = Map::from_iter([
            ("operationId".to_owned(), id.into()),
            ("summary".to_owned(), summary.into()),
            ("responses".to_owned(), Value::Object(responses)),
        ]);
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = body {
            operation.insert("requestBody".to_owned(), body);
        }
        if let Some(security) = security {
            operation.insert("security".to_owned(), security);
        }
        Value::Object(operation)
    }
}
