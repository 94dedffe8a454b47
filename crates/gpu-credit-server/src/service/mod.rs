//! How the service runs: listeners, limits, logs, metrics, and its end.
//!
//! ```text
//!   connections ──▶ observed ──▶ panics ──▶ address ──▶ compression ──▶ load ──▶ router ──▶ authenticate ──▶ handler
//!   time, TLS       id, count,   problem    host,       of answers      503,     the resources
//!                   log                     no token                    slow bodies
//! ```
//!
//! [`Service::bind`] listens, [`Service::run`] serves until it is told to stop. A service ends in order: `/readyz` says that it
//! stops while connections are still accepted ([`ServiceOptions::drain`]); then none are, streams end, and what was begun
//! is finished ([`ServiceLimits::finish`]). What was acknowledged is durable at any of these moments, and after a kill.

mod address;
mod connections;
pub(crate) mod health;
mod load;
mod logs;
mod metrics;
mod observe;
mod options;
mod panics;
mod slow;
mod stalled;
mod stop;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::middleware::from_fn_with_state;
use gpu_credit_store::{AnyStorage, Store};
use tokio::net::{TcpListener, lookup_host};
use tokio::task;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::access::{Access, CurrentTokens};
use crate::{State, router};
use address::Hosts;
use connections::Connections;
use load::Load;
use metrics::{Gauges, Requests};
use stop::{Phase, Phases};

pub use logs::{LogFormat, start_logs};
pub use options::{Exposure, MetricsOptions, ServiceError, ServiceLimits, ServiceOptions};
pub use panics::log_panics;
pub use stop::asked_to_stop;

/// A service that listens.
pub struct Service {
    resources: Connections,
    metrics: Option<Connections>,
    tokens: Arc<CurrentTokens>,
    access: Access,
    phases: Phases,
    drain: std::time::Duration,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
}

impl Service {
    /// Listens for requests to a store, by those who have one of the tokens.
    ///
    /// # Errors
    /// If it cannot listen, if others could reach it in the clear, if the certificate or the key cannot be used,
    /// and if the storage fails.
    pub async fn bind(
        store: Store<AnyStorage>,
        tokens: Arc<CurrentTokens>,
        options: ServiceOptions,
    ) -> Result<Self, ServiceError> {
        let is_open = options.exposure != Exposure::Loopback;
        let (listener, address) = listen(&options.listen, is_open, ServiceError::Exposed).await?;
        let tls = match &options.exposure {
            Exposure::Tls { certificate, key } => Some(tls::acceptor(certificate, key)?),
            Exposure::Loopback | Exposure::BehindProxy => None,
        };
        let access = Access::new(Arc::clone(&tokens), options.access);
        let of_state = access.clone();
        let state = task::spawn_blocking(move || State::with_access(store, of_state));
        let state = state.await.expect("the thread comes to its end")?;
        let state = state.with_event_rules(options.event_rules.clone());

        let (phases, requests) = (Phases::new(), Requests::new());
        let hosts = match options.exposure {
            Exposure::Loopback => Hosts::OfThisMachine,
            Exposure::Tls { .. } | Exposure::BehindProxy => Hosts::Any,
        };
        let service = around(&state, hosts, &options.limits, &phases, &requests);
        let open = Arc::new(AtomicUsize::new(0));
        let serving = |listener, tls, service| Connections {
            listener,
            tls,
            service,
            limits: options.limits,
            phases: phases.clone(),
            open: Arc::clone(&open),
        };
        let (mut metrics, mut metrics_address) = (None, None);
        if let Some(chosen) = &options.metrics {
            if state.time_unit().is_none() && !chosen.accounts.is_empty() {
                return Err(ServiceError::NoTimeUnit);
            }
            let exposed = ServiceError::MetricsExposed;
            let (listener, address) = listen(&chosen.listen, chosen.is_open, exposed).await?;
            let (counted, streaming) = (Arc::clone(&open), access.clone());
            let gauges = Gauges {
                connections: Box::new(move || counted.load(Ordering::Relaxed)),
                streams: Box::new(move || streaming.open_streams()),
            };
            let shown = metrics::routes(&state, chosen, &requests, gauges);
            metrics = Some(serving(listener, None, shown));
            metrics_address = Some(address);
        }
        Ok(Service {
            resources: serving(listener, tls, service),
            metrics,
            tokens,
            access,
            phases,
            drain: options.drain,
            address,
            metrics_address,
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that its metrics are shown on.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Serves until `stop` is there, and then comes to its end; what was begun is finished. Asked to stop a second time, it
    /// does not go on accepting connections.
    pub async fn run<F: Future<Output = ()>>(self, stop: impl Fn() -> F) {
        tokio::spawn(Arc::clone(&self.tokens).watch());
        let phases = self.phases;
        let serving = tokio::spawn(self.resources.serve());
        let metrics = self.metrics.map(|metrics| tokio::spawn(metrics.serve()));
        stop().await;
        tracing::info!("the service stops");
        phases.begin(Phase::Draining);
        tokio::select! {
            () = tokio::time::sleep(self.drain) => {}
            () = stop() => {}
        }
        phases.begin(Phase::Stopping);
        self.access.end_streams();
        let _ = serving.await;
        if let Some(metrics) = metrics {
            metrics.abort();
        }
    }
}

/// The resources, with what a listener needs around them; the last of the layers is the outermost.
fn around(
    state: &State,
    hosts: Hosts,
    limits: &ServiceLimits,
    phases: &Phases,
    requests: &Arc<Requests>,
) -> Router {
    router(state.clone())
        .layer(from_fn_with_state(Load::new(*limits), load::bounded))
        .layer(CompressionLayer::new())
        .merge(health::routes(state.clone(), phases.clone()))
        .layer(from_fn_with_state(hosts, address::checked))
        .layer(CatchPanicLayer::custom(panics::answered))
        .layer(from_fn_with_state(Arc::clone(requests), observe::observed))
}

/// Listens at an address if it may: a name may lead to several.
async fn listen(
    typed: &str,
    is_open: bool,
    exposed: impl FnOnce(SocketAddr) -> ServiceError,
) -> Result<(TcpListener, SocketAddr), ServiceError> {
    let failed = |source| ServiceError::Listen {
        address: typed.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = lookup_host(typed).await.map_err(failed)?.collect();
    let beyond = addresses
        .iter()
        .find(|address| !address.ip().to_canonical().is_loopback());
    if let Some(beyond) = beyond.filter(|_| !is_open) {
        return Err(exposed(*beyond));
    }
    let listener = TcpListener::bind(&*addresses).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
