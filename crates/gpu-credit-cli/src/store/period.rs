//! A period, as people type it.

use anyhow::{Context, ensure};
use clap::Args;
use jiff::Timestamp;

use crate::time::{TimeArguments, calendar};

/// From an instant until another, or a month; nothing if none is given.
#[derive(Args)]
pub(super) struct PeriodArguments {
    /// The first instant of a period
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// The first instant after a period; now if --from alone is given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// A month of the calendar, in UTC, as the period: such as 2026-01
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "until"])]
    month: Option<String>,
}

/// From an instant, or from the beginning, until one that is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Option<i64>,
    pub(super) until: i64,
}

impl PeriodArguments {
    /// The period; `None` if none is given.
    pub(super) fn get(&self, times: &TimeArguments) -> anyhow::Result<Option<Period>> {
        if let Some(month) = &self.month {
            let (start, end) = typed_month(month)?;
            return Ok(Some(Period {
                from: Some(times.of_timestamp("--month", start)?),
                until: times.of_timestamp("--month", end)?,
            }));
        }
        if self.from.is_none() && self.until.is_none() {
            return Ok(None);
        }
        let until = times.instant("--until", self.until.as_deref().unwrap_or("now"))?;
        let from = match &self.from {
            Some(from) => Some(times.instant("--from", from)?),
            None => None,
        };
        let earliest = from.unwrap_or(i64::MIN);
        ensure!(
            earliest < until,
            "--until: found {}, expected an instant after {}",
            times.show(until),
            times.show(earliest)
        );
        Ok(Some(Period { from, until }))
    }
}

/// The first instant of a month as typed, and that of the next.
pub(super) fn typed_month(typed: &str) -> anyhow::Result<(Timestamp, Timestamp)> {
    calendar::month(typed)
        .with_context(|| format!("--month: found {typed:?}, expected a month, such as 2026-01"))
}
