//! What lasts: windows of grants in rows, jobs and holds in lanes.

use gpu_credit_store::{Account, HeldUsage};

use crate::printable::printable;

/// More rows of windows than this are put together.
pub(crate) const ROWS_MAX: usize = 150;
/// More grants than this are not asked one by one what is left of them.
pub(crate) const GRANTS_MAX: usize = 1_000;
/// Lanes of jobs, and of holds; what has no room lies on others.
const LANES_MAX: usize = 6;
/// More bars than this are not told one by one.
const TITLES_MAX: usize = 400;

/// A job or a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// From its first instant to the first at which it is over.
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) lane: usize,
    /// What it is; empty if there are too many of them.
    pub(crate) title: String,
}

/// Bars of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bars {
    /// In the order of their beginnings.
    pub(crate) bars: Vec<Bar>,
    pub(crate) lanes: usize,
    /// How many there are in the range, those that are not drawn too.
    pub(crate) count: usize,
}

/// The metered usage of a range of time.
pub(crate) fn jobs(account: &Account, range: (i64, i64), columns: u32) -> Bars {
    let jobs = account.ledger().metered(..);
    let bars = jobs.map(|(_, job)| {
        let title = move || format!("job: {} a tick", job.rate);
        (job.from, job.until, title)
    });
    arrange(bars, range, columns)
}

/// The holds that are neither settled nor released.
pub(crate) fn holds(account: &Account, range: (i64, i64), columns: u32) -> Bars {
    let bars = account.holds().map(|(_, id, hold)| {
        let title = move || {
            let id = printable(id.as_str()).into_owned();
            match hold.usage {
                HeldUsage::Amount(amount) => format!("hold {id}: {amount}"),
                HeldUsage::Metered { rate, .. } => format!("hold {id}: {rate} a tick"),
            }
        };
        (hold.at, hold.until, title)
    });
    arrange(bars, range, columns)
}

/// Each into the first lane that is free. Of those that would lie on the same pixels of the last lane, one is kept.
fn arrange<T: FnOnce() -> String>(
    all: impl Iterator<Item = (i64, i64, T)>,
    (from, to): (i64, i64),
    columns: u32,
) -> Bars {
    let mut shown: Vec<(i64, i64, T)> = all
        .filter(|(start, until, _)| start < until && *start <= to && *until > from)
        .collect();
    shown.sort_by_key(|(start, until, _)| (*start, *until));
    let count = shown.len();
    let span = (i128::from(to) - i128::from(from)).max(1);
    let pixel = |at: i64| (i128::from(at) - i128::from(from)) * i128::from(columns) / span;
    let mut free_at: Vec<i128> = Vec::new();
    let mut bars = Vec::new();
    for (start, until, title) in shown {
        let (left, right) = (pixel(start.max(from)), pixel(until.min(to)));
        let free = free_at.iter().position(|free| *free <= left);
        let lane = match free {
            Some(lane) => lane,
            None if free_at.len() < LANES_MAX => {
                free_at.push(i128::MIN);
                free_at.len() - 1
            }
            None if free_at[LANES_MAX - 1] >= right.max(left + 1) => continue,
            None => LANES_MAX - 1,
        };
        free_at[lane] = free_at[lane].max(right.max(left + 1));
        let title = if count <= TITLES_MAX {
            title()
        } else {
            String::new()
        };
        bars.push(Bar {
            from: start,
            until,
            lane,
            title,
        });
    }
    Bars {
        bars,
        lanes: free_at.len(),
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(bars: &[(i64, i64)], range: (i64, i64)) -> Vec<(i64, usize)> {
        let bars = bars
            .iter()
            .map(|(from, until)| (*from, *until, String::new));
        let arranged = arrange(bars, range, 100);
        arranged
            .bars
            .iter()
            .map(|bar| (bar.from, bar.lane))
            .collect()
    }

    #[test]
    fn bars_do_not_lie_on_one_another() {
        let bars = [(0, 10), (5, 20), (10, 30), (40, 40), (200, 300)];
        assert_eq!(lanes(&bars, (0, 100)), [(0, 0), (5, 1), (10, 0)]);
    }

    #[test]
    fn a_picture_has_only_so_many_bars() {
        let bars: Vec<(i64, i64)> = (0..100_000).map(|start| (start, start + 1_000)).collect();
        let arranged = lanes(&bars, (0, 101_000));
        assert!(arranged.len() <= 1_000, "{}", arranged.len());
        assert_eq!(
            lanes(&[(i64::MIN, i64::MAX)], (i64::MIN, i64::MAX)).len(),
            1
        );
    }
}
