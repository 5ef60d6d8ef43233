use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds: from what memory answers to what a large body takes.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.7, 5.0, 20.0, 60.0, 300.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// How many requests there were of each route, how they were answered, and how long that took. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::services) struct Requests {
    total: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
}

impl Requests {
    /// Counters that `registry` shows.
    pub(in crate::services) fn register(registry: &mut Registry) -> Self {
        let total = Family::default();
        let seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register("csw_http_requests", "Requests, by route and answer", total.clone());
        registry.register("csw_http_request_seconds", "Time to the answer's head", seconds.clone());
        Self { total, seconds }
    }
}

/// Middleware that counts. Paths are counted as routes: ids would make a series each.
pub(in crate::services) async fn measured(
    State(requests): State<Requests>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str();
    // Anything may stand there; known words only make a series.
    let method =
        if ["GET", "POST", "PUT", "HEAD", "DELETE"].contains(&method) { method } else { "other" }.to_owned();
    let begin = Instant::now();
    let response = next.run(request).await;
    requests.seconds.get_or_create(&Route { route: route.clone() }).observe(begin.elapsed().as_secs_f64());
    let status = response.status().as_u16();
    requests.total.get_or_create(&Answered { method, route, status }).inc();
    response
}
