//! `/livez`, `/readyz` and `/metrics`: what the process says about itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::task::JoinSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Check, Problem, Service, http_metrics};

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type NamedChecks = Arc<Vec<(String, Check)>>;

/// The routes, over the checks of all services, each named `service/check`.
pub(crate) fn router(services: &[Service]) -> OpenApiRouter {
    let checks: Vec<(String, Check)> = services
        .iter()
        .flat_map(|service| {
            service
                .checks
                .iter()
                .map(|check| (format!("{}/{}", service.name, check.name), check.clone()))
        })
        .collect();
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .with_state(Arc::new(checks))
}

/// Whether the process can answer requests.
#[derive(Serialize, ToSchema)]
struct Readiness {
    ready: bool,
    /// Each dependency, named `service/dependency`.
    checks: BTreeMap<String, CheckResult>,
}

/// One dependency's state.
#[derive(Serialize, ToSchema)]
struct CheckResult {
    ok: bool,
    /// Whether the process is not ready while this one fails.
    required: bool,
    /// One line for the operator.
    detail: String,
}

/// Is alive
///
/// Answers as long as the process runs; asks no dependency.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "The process runs.", content_type = "text/plain", body = String)))]
async fn livez() -> &'static str {
    "alive\n"
}

/// Is ready
///
/// Asks every dependency, each for at most two seconds.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "All required dependencies answer.", body = Readiness),
    (status = 503, description = "A required dependency does not answer.", body = Readiness),
))]
async fn readyz(State(checks): State<NamedChecks>) -> Response {
    let mut asked = JoinSet::new();
    for (name, check) in checks.iter().cloned() {
        asked.spawn(async move { (name, result_of(&check).await) });
    }
    let mut results: BTreeMap<String, CheckResult> = BTreeMap::new();
    while let Some(answer) = asked.join_next().await {
        if let Ok((name, result)) = answer {
            results.insert(name, result);
        }
    }
    // A check that panicked gave no result, so counting the results tells.
    let ready = results.len() == checks.len() && results.values().all(|result| result.ok || !result.required);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, checks: results })).into_response()
}

async fn result_of(check: &Check) -> CheckResult {
    let answer = tokio::time::timeout(CHECK_TIMEOUT, check.ask()).await;
    let (ok, detail) = match answer {
        Ok(Ok(detail)) => (true, detail),
        Ok(Err(detail)) => (false, detail),
        Err(_elapsed) => (false, format!("no answer within {} seconds", CHECK_TIMEOUT.as_secs())),
    };
    CheckResult {
        ok,
        required: check.required,
        detail,
    }
}

/// Metrics
///
/// The process's metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "The metrics.", content_type = "text/plain", body = String)))]
async fn metrics() -> Response {
    match http_metrics::recorder() {
        Some(recorder) => (
            [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            recorder.render(),
        )
            .into_response(),
        None => Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "this process keeps no metrics").into_response(),
    }
}
