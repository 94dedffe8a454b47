//! What is measured, in the text format of Prometheus.
//!
//! [`requests`] counts requests; what the store counts, and [`balances`] of chosen accounts, are asked when somebody
//! reads the metrics.

mod balances;
mod requests;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::task;

use super::MetricsOptions;
use crate::State;
use balances::Balances;
pub(super) use requests::Requests;
use store::OfStore;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PREFIX: &str = "gpu_credit";

/// What the service measures of itself, all told when it is read.
pub(super) struct Gauges {
    pub(super) connections: Box<dyn Fn() -> usize + Send + Sync>,
    pub(super) streams: Box<dyn Fn() -> usize + Send + Sync>,
}

/// The service that shows metrics, at `/metrics`.
pub(super) fn routes(
    state: &State,
    options: &MetricsOptions,
    requests: &Requests,
    gauges: Gauges,
) -> Router {
    let mut registry = Registry::with_prefix(PREFIX);
    requests.register(&mut registry);
    registry.register_collector(Box::new(OfStore::new(state.clone(), gauges)));
    if let Some(balances) = Balances::new(state.clone(), options) {
        registry.register_collector(Box::new(balances));
    }
    Router::new()
        .route("/metrics", get(shown))
        .with_state(Arc::new(registry))
}

async fn shown(Shared(registry): Shared<Arc<Registry>>) -> Response {
    // It asks the store, and waits for it.
    let encoded = task::spawn_blocking(move || {
        let mut text = String::new();
        encode(&mut text, &registry).map(|()| text)
    });
    match encoded.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        _ => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the metrics cannot be read\n",
        )
            .into_response(),
    }
}
