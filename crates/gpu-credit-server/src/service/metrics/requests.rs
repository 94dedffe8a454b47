//! Requests, by their route and what was answered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Half a millisecond, and 14 times twice as long: up to 8 seconds.
const SHORTEST: f64 = 0.000_5;
const BUCKETS: u16 = 15;

/// Requests, as they are counted.
pub(in super::super) struct Requests {
    answered: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    in_progress: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

/// One that has not been answered yet, until it is dropped.
pub(in super::super) struct InProgress(Gauge);

impl Requests {
    pub(in super::super) fn new() -> Arc<Self> {
        let histogram = || Histogram::new(exponential_buckets(SHORTEST, 2.0, BUCKETS));
        Arc::new(Requests {
            answered: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            in_progress: Gauge::default(),
        })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let answered = "Requests that were answered; route is none if there is no such resource";
        registry.register("requests", answered, self.answered.clone());
        let seconds = "Time until an answer began";
        registry.register_with_unit("request", seconds, Unit::Seconds, self.seconds.clone());
        let in_progress = "Requests that are being answered";
        registry.register(
            "requests_in_progress",
            in_progress,
            self.in_progress.clone(),
        );
    }

    pub(in super::super) fn begin(&self) -> InProgress {
        self.in_progress.inc();
        InProgress(self.in_progress.clone())
    }

    pub(in super::super) fn answered(
        &self,
        method: &'static str,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let status = status.as_u16();
        let labels = Answered {
            method,
            route: route.to_owned(),
            status,
        };
        self.answered.get_or_create(&labels).inc();
        let labels = Route {
            route: labels.route,
        };
        self.seconds
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}
