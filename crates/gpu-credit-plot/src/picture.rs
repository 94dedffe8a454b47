//! What is to be seen of an account.

use std::collections::HashMap;

use gpu_credit::{GpuCredit, GrantId};
use gpu_credit_store::{Account, Revision, TimeUnit};

use crate::bars::{self, Bars, GRANTS_MAX, ROWS_MAX};
use crate::draw;
use crate::marks::Marks;
use crate::span::{COLUMNS, Course, Level, Spans};

/// An account over a range of time: what [`to_svg`](Self::to_svg) draws.
#[derive(Clone, Debug)]
pub struct Picture {
    pub(crate) account: String,
    pub(crate) revision: Revision,
    /// First and last instant shown.
    pub(crate) range: (i64, i64),
    pub(crate) balance: Line,
    /// The grants that are live in the range: that which ends soonest first, as they are drawn from.
    pub(crate) grants: Vec<GrantPicture>,
    /// How many grants there are in the range: more than `grants`, if those are put together.
    pub(crate) grant_count: usize,
    pub(crate) jobs: Bars,
    pub(crate) holds: Bars,
    /// Where late records take effect, and corrected ones, in order.
    pub(crate) late: Vec<i64>,
    pub(crate) corrected: Vec<i64>,
    pub(crate) closed_until: Option<i64>,
    pub(crate) now: Option<i64>,
    /// The balance of the same account at another revision.
    pub(crate) other: Option<(Revision, Line)>,
}

/// A balance over time.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The first instant of each span, in order.
    pub(crate) instants: Vec<i64>,
    /// The balance in each; `None` if there is none.
    pub(crate) levels: Vec<Option<Level>>,
}

/// A grant, or several that are put together.
#[derive(Clone, Debug)]
pub(crate) struct GrantPicture {
    pub(crate) revision: Option<Revision>,
    pub(crate) name: String,
    /// First and last instant of its window.
    pub(crate) window: (i64, i64),
    /// What is left of it, by the places of the instants.
    pub(crate) remainders: Vec<(usize, Course<u64>)>,
}

/// First and last instant at which an account has anything to show: a window without end shows the
/// time after the last record too. `None` of an account without records. O(m), for the m grants, jobs and holds
pub fn extent(account: &Account) -> Option<(i64, i64)> {
    let ledger = account.ledger();
    let windows = ledger.grants().flat_map(|(_, grant)| {
        let end = (grant.end < i64::MAX).then(|| grant.end + 1);
        [Some(grant.start), end].into_iter().flatten()
    });
    let open = account.closed_until().unwrap_or(i64::MIN);
    let jobs = ledger.metered(..).filter(|(_, job)| job.from < job.until);
    let jobs = jobs.flat_map(|(_, job)| [job.from, job.until]);
    let holds = account
        .holds()
        .flat_map(|(_, _, hold)| [hold.at, hold.until]);
    let shown = windows.chain(usage_ends(ledger)).chain(jobs).chain(holds);
    let shown = shown.map(|at| at.max(open));
    let extent = shown.fold(None, |extent: Option<(i64, i64)>, at| match extent {
        None => Some((at, at)),
        Some((from, to)) => Some((from.min(at), to.max(at))),
    });
    let (from, to) = extent?;
    let is_endless = |grant: &gpu_credit::Grant<'_>| grant.end == i64::MAX;
    let after = match ledger.grants().any(|(_, grant)| is_endless(&grant)) {
        true => (to.abs_diff(from) / 10).max(1),
        false => u64::from(from == to),
    };
    Some((from, to.saturating_add_unsigned(after)))
}

/// The first and the last instant of usage. O(log n) look-ups
fn usage_ends(ledger: &GpuCredit) -> impl Iterator<Item = i64> {
    let first_from = |at: i64| ledger.usage(at..).next().map(|(usage, _)| usage.timestamp);
    let first = first_from(i64::MIN);
    let last = first.map(|first| {
        let (mut last, mut after) = (first, i64::MAX);
        // There is usage at `last`, and none after `after`.
        while last < after {
            let middle = last + i64::try_from(last.abs_diff(after).div_ceil(2)).unwrap_or(i64::MAX);
            match first_from(middle) {
                Some(found) => last = found,
                None => after = middle - 1,
            }
        }
        last
    });
    first.into_iter().chain(last)
}

impl Picture {
    /// Looks at an account from the first to the last instant of a range, both included; if the first is after the last, at the first alone.
    ///
    /// What was before the close of the books is not known: the range begins there at the earliest.
    pub fn new(account: &Account, range: (i64, i64)) -> Self {
        let ledger = account.ledger();
        let from = range.0.max(account.closed_until().unwrap_or(i64::MIN));
        let range = (from, range.1.max(from));
        let spans = Spans::new(ledger, range);
        let levels = spans.levels(ledger);
        let (grants, grant_count) = grants(account, range, &spans);
        Picture {
            account: account.key().name.to_string(),
            revision: account.revision(),
            range,
            grants,
            grant_count,
            jobs: bars::jobs(account, range, COLUMNS),
            holds: bars::holds(account, range, COLUMNS),
            balance: Line {
                instants: spans.starts,
                levels,
            },
            late: Vec::new(),
            corrected: Vec::new(),
            closed_until: account.closed_until(),
            now: None,
            other: None,
        }
    }

    /// Shows where late and corrected records took effect.
    #[must_use]
    pub fn with_marks(mut self, marks: &Marks) -> Self {
        (self.late, self.corrected) = marks.within(self.range);
        self
    }

    /// Shows an instant as the present.
    #[must_use]
    pub fn with_now(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// Shows the balance of another revision of the account, too, as a dashed line: both pictures then have the same scale of
    /// amounts.
    #[must_use]
    pub fn beside(mut self, other: &Account) -> Self {
        let closed = other.closed_until().unwrap_or(i64::MIN);
        let range = (self.range.0.max(closed), self.range.1);
        if range.0 <= range.1 {
            let spans = Spans::new(other.ledger(), range);
            let levels = spans.levels(other.ledger());
            let line = Line {
                instants: spans.starts,
                levels,
            };
            self.other = Some((other.revision(), line));
        }
        self
    }

    /// The entries of grants that are shown by name and have no credit id: [`name_grant`](Self::name_grant) gives them the id of
    /// their record. Few, whatever the account.
    pub fn unnamed_grants(&self) -> Vec<Revision> {
        if self.grants.len() > draw::NAMES_MAX {
            return Vec::new();
        }
        let unnamed = self.grants.iter().filter(|grant| grant.name.is_empty());
        unnamed.filter_map(|grant| grant.revision).collect()
    }

    /// Gives the grant that an entry posted a name; nothing if it is not shown.
    pub fn name_grant(&mut self, revision: Revision, name: &str) {
        let mut grants = self.grants.iter_mut();
        if let Some(grant) = grants.find(|grant| grant.revision == Some(revision)) {
            name.clone_into(&mut grant.name);
        }
    }

    /// The range of time that is shown, both ends included.
    pub fn range(&self) -> (i64, i64) {
        self.range
    }

    /// Instants of the range at which something changes, in order and the first one of the range among them: at most so many, evenly
    /// spread, if there are more. Where there are more than pixels, they are the first instants of pixels.
    pub fn changes(&self, count_max: usize) -> Vec<i64> {
        let instants = &self.balance.instants;
        let every = instants.len().div_ceil(count_max.max(1)).max(1);
        instants.iter().copied().step_by(every).collect()
    }

    /// Draws it; with a unit the axis of time is by the calendar, in UTC.
    ///
    /// Attributes of the element `svg` say where it shows what, for those who read from it: `data-from` and
    /// `data-to`, the instants at the places `data-left` and `data-right`, in the coordinates of its `viewBox`; `data-top` and
    /// `data-bottom`, where the balances are; `data-revision`.
    pub fn to_svg(&self, unit: Option<TimeUnit>) -> String {
        draw::draw(self, unit)
    }
}

/// The grants of a range, and how many there are.
fn grants(account: &Account, (from, to): (i64, i64), spans: &Spans) -> (Vec<GrantPicture>, usize) {
    let mut shown = Vec::new();
    let mut places = HashMap::new();
    for (id, grant) in account.ledger().grants() {
        let was_never_live = grant.revoked_from.is_some_and(|from| from <= grant.start);
        if was_never_live || grant.end < from || grant.start > to {
            continue;
        }
        shown.push((
            id,
            GrantPicture {
                revision: account.grant_revision(id),
                name: grant.credit_id.to_owned(),
                window: (grant.start, grant.end),
                remainders: Vec::new(),
            },
        ));
    }
    // Stable: equal ends stay in posting order, as they are drawn from.
    shown.sort_by_key(|(_, grant)| grant.window.1);
    let count = shown.len();
    let rows = count.min(ROWS_MAX);
    let mut grants: Vec<GrantPicture> = Vec::with_capacity(rows);
    for (place, (id, grant)) in shown.into_iter().enumerate() {
        let row = place * rows / count;
        places.insert(id, row);
        match grants.get_mut(row) {
            None => grants.push(grant),
            Some(together) => {
                let window = &mut together.window;
                *window = (window.0.min(grant.window.0), window.1.max(grant.window.1));
                together.revision = None;
            }
        }
    }
    if count <= GRANTS_MAX {
        remember_remainders(account, spans, &places, &mut grants);
    }
    (grants, count)
}

/// Asks at each instant what is left.
fn remember_remainders(
    account: &Account,
    spans: &Spans,
    places: &HashMap<GrantId, usize>,
    grants: &mut [GrantPicture],
) {
    let ledger = account.ledger();
    for (place, (first, last)) in spans.iter().enumerate() {
        let mut left: HashMap<usize, Course<u64>> = HashMap::new();
        let firsts = ledger.remainders_at(first);
        let lasts = last.map(|last| ledger.remainders_at(last));
        for remainder in &firsts {
            let Some(row) = places.get(&remainder.grant) else {
                continue;
            };
            let course = left.entry(*row).or_insert(Course { first: 0, last: 0 });
            course.first += remainder.amount;
            if lasts.is_none() {
                course.last += remainder.amount;
            }
        }
        for remainder in lasts.iter().flatten() {
            if let Some(row) = places.get(&remainder.grant)
                && let Some(course) = left.get_mut(row)
            {
                course.last += remainder.amount;
            }
        }
        for (row, course) in left {
            grants[row].remainders.push((place, course));
        }
    }
}
