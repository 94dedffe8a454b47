//! The grants of a plan: one grant again and again, by the calendar, up to an end.

use anyhow::{Context, bail, ensure};
use clap::Args;
use gpu_credit_store::{Posting, RecordId};
use jiff::{Span, Zoned};

use crate::integer::{amount, integer};
use crate::time::TimeArguments;
use crate::time::calendar::time_zone;

/// Grants of one plan at most: they are posted together.
const OCCURRENCES_MAX: u32 = 100_000;

/// How a grant is repeated.
#[derive(Args)]
pub(super) struct PlanArguments {
    /// Repeat the grant, from --at on: every day, week, month, year, or such as 2weeks
    #[arg(
        long,
        value_name = "PERIOD",
        conflicts_with_all = ["expires_at", "expiration"]
    )]
    every: Option<String>,
    /// How many grants
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "every",
        conflicts_with = "last",
        value_parser = integer(1, OCCURRENCES_MAX),
        allow_negative_numbers = true
    )]
    count: Option<u32>,
    /// The last instant at which a grant may begin
    #[arg(
        long,
        value_name = "TIME",
        requires = "every",
        allow_hyphen_values = true
    )]
    last: Option<String>,
    /// The time zone of the calendar, such as Europe/Berlin; UTC if not given
    #[arg(long, value_name = "NAME", requires = "every")]
    timezone: Option<String>,
    /// Let what remains of a grant last for so many periods more
    #[arg(
        long,
        value_name = "PERIODS",
        requires = "every",
        conflicts_with = "live_for",
        value_parser = integer(1, OCCURRENCES_MAX),
        allow_negative_numbers = true
    )]
    keep: Option<u32>,
    /// Let no more than this remain when a grant's own period ends
    #[arg(
        long,
        value_name = "AMOUNT",
        requires = "keep",
        value_parser = amount(),
        allow_negative_numbers = true
    )]
    keep_at_most: Option<u64>,
}

/// What the grants of a plan have in common.
pub(super) struct Repeated<'a> {
    pub(super) account: &'a str,
    pub(super) id: RecordId,
    pub(super) credit_id: &'a str,
    pub(super) priority: i16,
    pub(super) amount: u64,
    /// When the first one begins, as typed.
    pub(super) at: &'a str,
    /// How long each one is active, as typed; until the next begins if not given.
    pub(super) live_for: Option<&'a str>,
}

impl PlanArguments {
    pub(super) fn is_said(&self) -> bool {
        self.every.is_some()
    }

    /// All grants, in order: of occurrence `n`, counted from 1, the grant `ID/n` and, if only some is
    /// kept, `ID/n/kept`.
    pub(super) fn postings(
        &self,
        repeated: &Repeated<'_>,
        times: &TimeArguments,
    ) -> anyhow::Result<Vec<Posting>> {
        let occurrences = self.occurrences(repeated.at, times)?;
        let kept = self.kept(repeated.amount)?;
        let mut postings = Vec::new();
        for place in 0..self.count(&occurrences, times)? {
            let start = occurrences.start(place, times)?;
            let end = |periods| occurrences.start(place + 1 + periods, times);
            let own = match repeated.live_for {
                Some(typed) => times.live_for(typed)?,
                None => Some(start.abs_diff(end(0)?) - 1),
            };
            let longer = match self.keep {
                Some(periods) => Some(start.abs_diff(end(periods)?) - 1),
                None => own,
            };
            let mut grant = |suffix: &str, amount, expiration: Option<u64>| {
                let id = format!("{}/{}{suffix}", repeated.id, place + 1);
                let (account, credit_id) = (repeated.account, repeated.credit_id);
                let grant = Posting::grant(account, id, credit_id, amount, start, expiration);
                postings.push(grant.priority(repeated.priority));
            };
            match kept {
                Some(kept) => {
                    grant("", repeated.amount - kept, own);
                    grant("/kept", kept, longer);
                }
                None => grant("", repeated.amount, longer),
            }
        }
        Ok(postings)
    }

    fn occurrences(&self, at: &str, times: &TimeArguments) -> anyhow::Result<Occurrences> {
        let zone = time_zone(self.timezone.as_deref())?;
        let typed = self.every.as_deref().unwrap_or_default();
        let occurrences = Occurrences {
            anchor: times.zoned("--at", at, zone)?,
            period: period(typed)?,
        };
        let (first, second) = (occurrences.zoned(0)?, occurrences.zoned(1)?);
        ensure!(
            second > first,
            "--every: found {typed:?}, expected a period above 0"
        );
        Ok(occurrences)
    }

    /// How many there are.
    fn count(&self, occurrences: &Occurrences, times: &TimeArguments) -> anyhow::Result<u32> {
        if let Some(count) = self.count {
            return Ok(count);
        }
        let Some(typed) = &self.last else {
            bail!("--every: expected --count or --last too: a plan ends");
        };
        let zone = occurrences.anchor.time_zone().clone();
        let last = times.zoned("--last", typed, zone)?.timestamp();
        let mut count = 0;
        while occurrences.zoned(count)?.timestamp() <= last {
            count += 1;
            ensure!(
                count <= OCCURRENCES_MAX,
                "--last: found {typed:?}, which is after more than {OCCURRENCES_MAX} occurrences"
            );
        }
        ensure!(
            count > 0,
            "--last: found {typed:?}, expected no instant before --at"
        );
        Ok(count)
    }

    /// How much of each grant is kept, if not all of it is.
    fn kept(&self, amount: u64) -> anyhow::Result<Option<u64>> {
        let Some(kept) = self.keep_at_most else {
            return Ok(None);
        };
        ensure!(
            (1..amount).contains(&kept),
            "--keep-at-most: found {kept}, expected 1 or more, and less than the amount, {amount}"
        );
        Ok(Some(kept))
    }
}

/// Instants that follow one another by the calendar. Each is reckoned from the first, so that months
/// after 31 January begin on 28 February and on 31 March.
struct Occurrences {
    anchor: Zoned,
    period: Span,
}

impl Occurrences {
    fn zoned(&self, place: u32) -> anyhow::Result<Zoned> {
        let since = self.period.checked_mul(place.into());
        let zoned = since.and_then(|since| self.anchor.checked_add(since));
        zoned
            .ok()
            .with_context(|| format!("--every: the calendar ends before occurrence {}", place + 1))
    }

    fn start(&self, place: u32, times: &TimeArguments) -> anyhow::Result<i64> {
        times.of_timestamp("--every", self.zoned(place)?.timestamp())
    }
}

/// A period such as month, or 2weeks.
fn period(typed: &str) -> anyhow::Result<Span> {
    let is_word = typed.starts_with(|first: char| first.is_ascii_alphabetic());
    let span = match is_word && !typed.starts_with('P') {
        true => format!("1{typed}").parse(),
        false => typed.parse(),
    };
    span.ok().with_context(|| {
        format!("--every: found {typed:?}, expected day, week, month or year, or such as 2weeks")
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn starts(anchor: &str, every: &str, zone: &str, count: u32) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let anchor: jiff::civil::DateTime = anchor.parse().unwrap();
        let occurrences = Occurrences {
            anchor: anchor.to_zoned(zone).unwrap(),
            period: period(every).unwrap(),
        };
        let start = |place| occurrences.zoned(place).unwrap().timestamp().to_string();
        (0..count).map(start).collect()
    }

    #[test]
    fn each_month_is_reckoned_from_the_first() {
        assert_eq!(
            starts("2025-01-31T00:00", "month", "UTC", 4),
            [
                "2025-01-31T00:00:00Z",
                "2025-02-28T00:00:00Z",
                "2025-03-31T00:00:00Z",
                "2025-04-30T00:00:00Z"
            ]
        );
        assert_eq!(
            starts("2024-02-29T00:00", "year", "UTC", 5)[3..],
            ["2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"]
        );
        assert_eq!(
            starts("2025-01-31T00:00", "2 months", "UTC", 3)[1..],
            ["2025-03-31T00:00:00Z", "2025-05-31T00:00:00Z"]
        );
    }

    #[test]
    fn days_are_those_of_the_time_zone() {
        assert_eq!(
            starts("2025-03-29T00:00", "day", "Europe/Berlin", 3),
            [
                "2025-03-28T23:00:00Z",
                "2025-03-29T23:00:00Z",
                "2025-03-30T22:00:00Z"
            ]
        );
        assert_eq!(
            starts("2025-03-29T00:00", "24h", "Europe/Berlin", 3)[2],
            "2025-03-30T23:00:00Z"
        );
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for typed in ["", "fortnight", "1", "month 2", "1 month ago 3"] {
            let refused = period(typed).unwrap_err().to_string();
            assert!(refused.starts_with("--every: found"), "{refused}");
        }
    }
}
