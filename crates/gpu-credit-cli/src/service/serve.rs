//! `gpu-credit serve`: the store over HTTP.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use gpu_credit_server::EventRules;
use gpu_credit_server::access::{AccessLimits, Accounts, CurrentTokens, Scope, TokenFileError};
use gpu_credit_server::service::{
    Exposure, LogFormat, MetricsOptions, Service, ServiceLimits, ServiceOptions, asked_to_stop,
    start_logs,
};
use tracing::level_filters::LevelFilter;

use super::token::{TokensArguments, added};
use crate::escape::printable;
use crate::store::StoreArguments;
use crate::time::{TimeArguments, calendar};
use crate::{heard, say};

pub(crate) const HELP: &str = "\
Every request needs a token, on this machine too. If there is no file of
tokens, one is made, with a token that may do everything: it is printed once.
gpu-credit token makes others.

Beyond this machine it listens with --tls-certificate and --tls-key, or with
--behind-proxy if something else does TLS for it. Files are read again when
they change. On SIGTERM or Ctrl-C it says at /readyz that it stops, goes on
for --drain, and then finishes what was begun, for at most 30 seconds; the
second time it does not wait. Logs go to standard error.

While it runs, other commands cannot open a store that is a file: with --server
they ask it.

Example:
  gpu-credit serve --unit s
  gpu-credit serve --listen 0.0.0.0:443 --tls-certificate a.pem --tls-key a.key
  gpu-credit serve --metrics 127.0.0.1:9090 --metrics-accounts team/";

#[derive(Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    times: TimeArguments,
    #[command(flatten)]
    tokens: TokensArguments,
    /// Where it listens
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        help_heading = "Service"
    )]
    listen: String,
    /// A certificate in PEM, and those that lead to one that clients trust
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        help_heading = "Service"
    )]
    tls_certificate: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_certificate",
        help_heading = "Service"
    )]
    tls_key: Option<PathBuf>,
    /// Something else does TLS for it: it may listen beyond this machine without
    #[arg(long, conflicts_with = "tls_certificate", help_heading = "Service")]
    behind_proxy: bool,
    /// A file of rules, in TOML, by which CloudEvents at /api/v1/events become usage
    #[arg(long, value_name = "FILE", help_heading = "Service")]
    events: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    metrics: MetricsArguments,
    #[command(flatten)]
    logs: LogArguments,
}

#[derive(Args)]
struct LimitArguments {
    /// Requests a second that each token may send
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "1000",
        help_heading = "Limits"
    )]
    rate: NonZeroU32,
    /// Holds a minute that may be refused to each token on an account: each refusal is an entry
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "60",
        help_heading = "Limits"
    )]
    refusals: NonZeroU32,
    /// Requests that are answered at once
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "512",
        help_heading = "Limits"
    )]
    requests: NonZeroU32,
    /// How long it goes on while /readyz says that it stops, such as 5s
    #[arg(
        long,
        value_name = "LENGTH",
        default_value = "5s",
        help_heading = "Limits"
    )]
    drain: String,
}

#[derive(Args)]
struct MetricsArguments {
    /// Where metrics for Prometheus are shown, such as 127.0.0.1:9090
    #[arg(
        id = "metrics",
        long = "metrics",
        value_name = "ADDRESS",
        help_heading = "Metrics"
    )]
    listen: Option<String>,
    /// Others than this machine may read them
    #[arg(
        id = "metrics_open",
        long = "metrics-open",
        requires = "metrics",
        help_heading = "Metrics"
    )]
    is_open: bool,
    /// Accounts whose balances are among them: a name, a prefix that ends in /, : or ., or * for all
    #[arg(
        id = "metrics_accounts",
        long = "metrics-accounts",
        value_name = "ACCOUNTS",
        requires = "metrics",
        help_heading = "Metrics"
    )]
    accounts: Vec<Accounts>,
    /// What lapses within this time is lapsing soon
    #[arg(
        id = "metrics_soon",
        long = "metrics-soon",
        value_name = "LENGTH",
        default_value = "7d",
        help_heading = "Metrics"
    )]
    soon: String,
}

#[derive(Args)]
struct LogArguments {
    /// The least that is logged: error, warn, info, or debug, which has a line for each request
    #[arg(
        long = "log",
        value_name = "LEVEL",
        value_enum,
        default_value = "info",
        hide_possible_values = true,
        help_heading = "Logs"
    )]
    level: Level,
    /// Log an object on each line
    #[arg(long = "log-json", help_heading = "Logs")]
    as_json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

pub(crate) fn run(arguments: &ServeArguments) -> anyhow::Result<()> {
    let options = arguments.options()?;
    arguments.logs.start()?;
    arguments.store.ensure_is_no_service("serve")?;
    let store = arguments.store.open_or_create()?;
    store.learn_unit(&arguments.times)?;
    let file = arguments.tokens.file();
    let tokens = match CurrentTokens::open(file.clone()) {
        Err(TokenFileError::NotFound(path)) => {
            let note = "the first, made by serve";
            let text = added(&file, vec![Scope::everything()], None, note)?;
            // Nobody can read it later.
            say(format_args!(
                "{}: the first token, which may do everything: {}",
                path.display(),
                text.reveal()
            ))?;
            CurrentTokens::open(file)?
        }
        tokens => tokens?,
    };
    let runtime = tokio::runtime::Runtime::new().context("threads cannot be started")?;
    let served: anyhow::Result<()> = runtime.block_on(async {
        let scheme = options.exposure.scheme();
        let service = Service::bind(store.into_store(), tokens, options).await?;
        heard(say(format_args!(
            "serving {scheme}://{}",
            service.address()
        )))?;
        if let Some(address) = service.metrics_address() {
            heard(say(format_args!("metrics at http://{address}/metrics")))?;
        }
        service.run(asked_to_stop).await;
        Ok(())
    });
    served
}

impl ServeArguments {
    fn options(&self) -> anyhow::Result<ServiceOptions> {
        let metrics = &self.metrics;
        Ok(ServiceOptions {
            listen: self.listen.clone(),
            exposure: match (&self.tls_certificate, &self.tls_key) {
                (Some(certificate), Some(key)) => Exposure::Tls {
                    certificate: certificate.clone(),
                    key: key.clone(),
                },
                _ if self.behind_proxy => Exposure::BehindProxy,
                _ => Exposure::Loopback,
            },
            access: AccessLimits {
                requests: self.limits.rate,
                refusals: self.limits.refusals,
                ..AccessLimits::default()
            },
            limits: ServiceLimits {
                requests: usize::try_from(self.limits.requests.get())?,
                ..ServiceLimits::default()
            },
            metrics: match &metrics.listen {
                None => None,
                Some(listen) => Some(MetricsOptions {
                    listen: listen.clone(),
                    is_open: metrics.is_open,
                    accounts: metrics.accounts.clone(),
                    soon: length("--metrics-soon", &metrics.soon)?,
                }),
            },
            event_rules: self.event_rules()?,
            drain: length("--drain", &self.limits.drain)?,
        })
    }
}

impl ServeArguments {
    fn event_rules(&self) -> anyhow::Result<EventRules> {
        let Some(path) = &self.events else {
            return Ok(EventRules::default());
        };
        let shown = printable(&path.to_string_lossy()).into_owned();
        let text = std::fs::read_to_string(path).with_context(|| shown.clone())?;
        EventRules::from_toml(&text).map_err(|error| anyhow!("{shown}: {error}"))
    }
}

/// A length of time as typed for an option.
fn length(option: &str, typed: &str) -> anyhow::Result<Duration> {
    let nanoseconds = calendar::length(typed);
    let nanoseconds = nanoseconds
        .map_err(|expected| anyhow!("{option}: found {typed:?}, expected {expected}"))?;
    let nanoseconds = u64::try_from(nanoseconds);
    Ok(Duration::from_nanos(nanoseconds.with_context(|| {
        format!("{option}: found {typed:?}, which is too long")
    })?))
}

impl LogArguments {
    fn start(&self) -> anyhow::Result<()> {
        let format = match self.as_json {
            true => LogFormat::Json,
            false => LogFormat::Text,
        };
        let level = match self.level {
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
        };
        Ok(start_logs(format, level)?)
    }
}
