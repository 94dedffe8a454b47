//! Where logs go: standard error, as text or as JSON.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// An object on each line.
    Json,
}

/// Writes logs of this process to standard error from now on, panics included. `level` is the least that is written; each request
/// is told of at [`LevelFilter::DEBUG`].
///
/// # Errors
/// If logs are written already.
pub fn start_logs(format: LogFormat, level: LevelFilter) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry().with(level);
    match format {
        LogFormat::Text => {
            let lines = fmt::layer().with_writer(io::stderr).with_target(false);
            registry.with(lines).try_init()?;
        }
        LogFormat::Json => {
            let lines = fmt::layer()
                .json()
                .with_writer(io::stderr)
                .with_target(false);
            registry.with(lines.with_span_list(false)).try_init()?;
        }
    }
    super::log_panics();
    Ok(())
}
