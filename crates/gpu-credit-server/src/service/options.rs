//! How a service is run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::EventRules;
use crate::access::{AccessLimits, Accounts};

/// How a service is run.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The address that it listens on, such as `127.0.0.1:8080`. With port 0 the system takes one that is free.
    pub listen: String,
    /// Who can reach it there.
    pub exposure: Exposure,
    /// Limits on each token.
    pub access: AccessLimits,
    /// Limits on all requests together.
    pub limits: ServiceLimits,
    /// Metrics, if they are wanted.
    pub metrics: Option<MetricsOptions>,
    /// By which rules events become usage.
    pub event_rules: EventRules,
    /// How long it goes on accepting connections once it was told to stop, while `/readyz` says so.
    pub drain: Duration,
}

/// Who can reach a service, and so what it takes to serve them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// This machine alone: the address is a loopback one, and the host that requests name is checked.
    #[default]
    Loopback,
    /// Others, by TLS. Both files are PEM, and read again when they change.
    Tls {
        /// The certificate, and those that lead to one that clients trust.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Others, by something that does TLS for it.
    BehindProxy,
}

/// Limits on all requests together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Connections that are open at once; more wait to be accepted.
    pub connections: usize,
    /// Requests that are being answered at once; more are refused.
    pub requests: usize,
    /// Bytes of bodies that are being read at once. One whose length is not said counts as the longest.
    pub body_bytes: usize,
    /// How long a client may take to send a header, and to send nothing between two requests.
    pub header: Duration,
    /// How long all in all may be waited for a body, beside a second for each 16 KiB.
    pub body: Duration,
    /// How long a client may take nothing of an answer.
    pub stall: Duration,
    /// How long requests may take to end once the service stops.
    pub finish: Duration,
}

/// What is measured, and where it is shown.
#[derive(Clone, Debug)]
pub struct MetricsOptions {
    /// A listener of its own.
    pub listen: String,
    /// Whether others than this machine may reach it.
    pub is_open: bool,
    /// Accounts whose balances are shown.
    pub accounts: Vec<Accounts>,
    /// What lapses within this time is lapsing soon.
    pub soon: Duration,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        ServiceOptions {
            listen: "127.0.0.1:8080".to_owned(),
            exposure: Exposure::Loopback,
            access: AccessLimits::default(),
            limits: ServiceLimits::default(),
            metrics: None,
            event_rules: EventRules::default(),
            drain: Duration::from_secs(5),
        }
    }
}

impl Default for ServiceLimits {
    fn default() -> Self {
        ServiceLimits {
            connections: 4_096,
            requests: 512,
            body_bytes: 512 << 20,
            header: Duration::from_secs(30),
            body: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            finish: Duration::from_secs(30),
        }
    }
}

/// Why a service does not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It would listen beyond loopback, in the clear.
    #[error(
        "{0}: others than this machine could reach it, and read tokens on the way: give a certificate and its key, \
         or say that it is behind a proxy which has them"
    )]
    Exposed(SocketAddr),
    /// Its metrics would be shown beyond loopback.
    #[error("{0}: others than this machine could read the metrics: say that they may")]
    MetricsExposed(SocketAddr),
    /// It cannot listen.
    #[error("{address}: cannot listen: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("{}: {problem}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Balances are to be shown as of now, and nobody has said what a step of the store's time is.
    #[error(
        "balances are measured now, and the store has no unit of time: say it first, with --unit"
    )]
    NoTimeUnit,
    /// The storage fails.
    #[error(transparent)]
    Store(#[from] gpu_credit_store::Error),
}

impl Exposure {
    /// The scheme of its addresses.
    pub fn scheme(&self) -> &'static str {
        match self {
            Exposure::Tls { .. } => "https",
            Exposure::Loopback | Exposure::BehindProxy => "http",
        }
    }
}
