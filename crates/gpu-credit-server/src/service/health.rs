//! Whether the service runs, and whether it is ready.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::timeout;
use utoipa::OpenApi;

use super::stop::{Phase, Phases};
use crate::State;

/// How long the storage may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer of the storage holds: who asks needs no token.
const HOLDS: Duration = Duration::from_secs(1);

/// Both in the document.
#[derive(OpenApi)]
#[openapi(paths(alive, ready))]
pub(crate) struct Document;

struct Health {
    state: State,
    phases: Phases,
    last: Mutex<Option<(Instant, bool)>>,
}

/// `/healthz`: 200 if the service answers at all. `/readyz`: 200 if it also goes on, and its storage answers.
pub(super) fn routes(state: State, phases: Phases) -> Router {
    let health = Arc::new(Health {
        state,
        phases,
        last: Mutex::new(None),
    });
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(health)
}

/// Whether the service runs: it answers at all.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "service",
    responses((status = 200, description = "It runs.", body = String, content_type = "text/plain")),
    security(()),
)]
async fn alive() -> Response {
    said(StatusCode::OK, "it runs\n")
}

/// Whether the service is ready: it does not stop, and its storage answers.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses(
        (status = 200, description = "It is ready.", body = String, content_type = "text/plain"),
        (status = 503, description = "It stops, or its storage does not answer.", body = String, content_type = "text/plain"),
    ),
    security(()),
)]
async fn ready(Shared(health): Shared<Arc<Health>>) -> Response {
    if health.phases.now() != Phase::Serving {
        return said(StatusCode::SERVICE_UNAVAILABLE, "it stops\n");
    }
    match health.storage_answers().await {
        true => said(StatusCode::OK, "it is ready\n"),
        false => said(
            StatusCode::SERVICE_UNAVAILABLE,
            "the storage does not answer\n",
        ),
    }
}

fn said(status: StatusCode, text: &'static str) -> Response {
    let mut response = (status, text).into_response();
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

impl Health {
    async fn storage_answers(&self) -> bool {
        // Those who ask meanwhile wait for this answer.
        let mut last = self.last.lock().await;
        if let Some((at, answers)) = *last
            && at.elapsed() < HOLDS
        {
            return answers;
        }
        let store = self.state.store().clone();
        let asked = tokio::task::spawn_blocking(move || store.time_unit().is_ok());
        let answers = matches!(timeout(PATIENCE, asked).await, Ok(Ok(true)));
        *last = Some((Instant::now(), answers));
        answers
    }
}
