use axum::Router;
use axum::http::{Method, header};
use axum::routing::{MethodRouter, get};
use serde_json::{Map, Value, json};

use super::{Operation, Schemas};
use crate::services::api::Problem;

/// Where the document is found.
const PATH: &str = "/openapi.json";

/// Routes that are described as they are added.
pub(in crate::services) struct Described<S> {
    open: Router<S>,
    guarded: Router<S>,
    paths: Map<String, Value>,
    schemas: Schemas,
    problem: Value,
    /// Whether callers have to show a token at all.
    tokens: bool,
}

/// Routes for whoever comes, routes for those who may, and the description of both.
pub(in crate::services) struct Finished<S> {
    pub(in crate::services) open: Router<S>,
    pub(in crate::services) guarded: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Described<S> {
    /// No routes yet. `tokens` says whether callers of guarded ones have to show a token.
    pub(in crate::services) fn new(tokens: bool) -> Self {
        let mut schemas = Schemas::new();
        let problem = schemas.answer::<Problem>();
        Self { open: Router::new(), guarded: Router::new(), paths: Map::new(), schemas, problem, tokens }
    }

    /// A route for those who show a token.
    #[must_use]
    pub(in crate::services) fn guarded(
        mut self,
        path: &str,
        handlers: MethodRouter<S>,
        operation: impl FnOnce(&mut Schemas) -> Operation,
    ) -> Self {
        let operation = operation(&mut self.schemas);
        let security = self.tokens.then(|| match operation.method {
            Method::GET => json!([{"token": []}, {"browser": []}]),
            _ => json!([{"token": []}]),
        });
        self.describe(path, operation, security);
        self.guarded = self.guarded.route(path, handlers);
        self
    }

    /// A route for whoever comes.
    #[must_use]
    pub(in crate::services) fn open(
        mut self,
        path: &str,
        handlers: MethodRouter<S>,
        operation: impl FnOnce(&mut Schemas) -> Operation,
    ) -> Self {
        let operation = operation(&mut self.schemas);
        self.describe(path, operation, None);
        self.open = self.open.route(path, handlers);
        self
    }

    /// The same handlers at another path, which is not described again.
    #[must_use]
    pub(in crate::services) fn also(mut self, path: &str, handlers: MethodRouter<S>) -> Self {
        self.guarded = self.guarded.route(path, handlers);
        self
    }

    fn describe(&mut self, path: &str, operation: Operation, security: Option<Value>) {
        let method = operation.method.as_str().to_lowercase();
        let operations = self.paths.entry(path).or_insert_with(|| json!({}));
        operations[method] = operation.into_json(&self.problem, security);
    }

    /// All routes, and `GET /openapi.json` for whoever comes.
    pub(in crate::services) fn finish(mut self, title: &str, about: &str) -> Finished<S> {
        let operation =
            Operation::get("openapi", "This document.").answers("OpenAPI 3.1.", json!({"type": "object"}));
        self.describe(PATH, operation, None);
        let Self { open, guarded, paths, schemas, problem: _, tokens } = self;
        let mut components = Map::from_iter([("schemas".to_owned(), Value::Object(schemas.named()))]);
        if tokens {
            let schemes = json!({
                "token": {"type": "http", "scheme": "bearer", "description": "The scheduler's token."},
                "browser": {"type": "http", "scheme": "basic",
                    "description": "Any user name, with the token as the password: for browsers."},
            });
            components.insert("securitySchemes".to_owned(), schemes);
        }
        let document = json!({
            "openapi": "3.1.0",
            "info": {"title": title, "description": about, "version": env!("CARGO_PKG_VERSION")},
            "paths": paths,
            "components": components,
        });
        let text = bytes::Bytes::from(document.to_string());
        let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
        let open = open.route(PATH, get(answer));
        Finished { open, guarded }
    }
}
