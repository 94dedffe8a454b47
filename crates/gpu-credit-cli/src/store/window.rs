//! Until when a grant is active, as people type it.

use anyhow::{bail, ensure};
use clap::Args;

use crate::time::TimeArguments;

/// Until when a grant is active: one of these.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct WindowArguments {
    /// How long the grant is active: two of 30d in a row do not overlap; never for no end
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    pub(super) live_for: Option<String>,
    /// The first instant at which the grant is no longer active
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(super) expires_at: Option<String>,
    /// The length up to the last active instant: one tick less than --for; never for no end
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    expiration: Option<String>,
}

impl WindowArguments {
    pub(super) fn is_said(&self) -> bool {
        self.live_for.is_some() || self.expires_at.is_some() || self.expiration.is_some()
    }

    /// The expiration, both ends included, of a window from `start` on; `None` without end.
    pub(super) fn expiration(
        &self,
        times: &TimeArguments,
        start: i64,
    ) -> anyhow::Result<Option<u64>> {
        if let Some(typed) = &self.expiration {
            return times.length("--expiration", typed);
        }
        if let Some(typed) = &self.expires_at {
            let end = times.instant("--expires-at", typed)?;
            ensure!(
                end > start,
                "--expires-at: found {typed:?}, expected an instant after {}, the first at which it is \
                 active",
                times.show(start)
            );
            return Ok(Some(start.abs_diff(end) - 1));
        }
        let Some(typed) = &self.live_for else {
            bail!("expected --for, --expires-at or --expiration");
        };
        times.live_for(typed)
    }
}
