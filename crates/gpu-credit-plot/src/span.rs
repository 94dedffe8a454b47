//! The spans of time that a picture is made of: from change to change, or, if there are too many of them, one for each pixel.

use gpu_credit::GpuCredit;

/// What is drawn one by one: more changes than this are not.
const CHANGES_MAX: usize = 1_500;
/// Spans of a picture with more changes: as many as pixels.
pub(crate) const COLUMNS: u32 = 890;

/// An amount over a span of time: what it is at its first instant, and right before the next span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Course<T> {
    pub(crate) first: T,
    pub(crate) last: T,
}

/// A balance over a span of time, or a deficit as a negative number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) course: Course<i128>,
    /// The lowest and the highest in the span.
    pub(crate) lowest: i128,
    pub(crate) highest: i128,
}

/// The spans of a range of time, in order.
#[derive(Debug)]
pub(crate) struct Spans {
    range: (i64, i64),
    /// The first instant of each; the first of all is that of the range.
    pub(crate) starts: Vec<i64>,
    /// Starts of grants and lapses in the range, in order.
    boundaries: Vec<i64>,
    /// Whether amounts change within a span, other than by as much at each tick.
    is_thinned: bool,
    has_slopes: bool,
}

impl Spans {
    pub(crate) fn new(ledger: &GpuCredit, range: (i64, i64)) -> Self {
        let (from, to) = range;
        let mut boundaries: Vec<i64> = (ledger.grants())
            .flat_map(|(_, grant)| [Some(grant.start), grant.end.checked_add(1)])
            .flatten()
            .filter(|at| (from..=to).contains(at))
            .collect();
        boundaries.sort_unstable();
        boundaries.dedup();
        let changes = (boundaries.len() <= CHANGES_MAX)
            .then(|| changes(ledger, range))
            .flatten();
        let is_thinned = changes.is_none();
        let starts = match changes {
            None => columns(range),
            Some(changes) => {
                let all = changes.into_iter().chain(boundaries.iter().copied());
                let mut starts: Vec<i64> = all.collect();
                starts.sort_unstable();
                starts.dedup();
                starts
            }
        };
        Spans {
            range,
            starts,
            boundaries,
            is_thinned,
            has_slopes: is_thinned || ledger.metered_count() > 0,
        }
    }

    /// The first instant of each, and the last one if amounts may be others there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, Option<i64>)> {
        let next = self.starts.iter().skip(1).map(|next| next - 1);
        let last = next.chain([self.range.1]);
        let last = last.map(|last| self.has_slopes.then_some(last));
        self.starts.iter().copied().zip(last)
    }

    /// The balance in each; `None` if there is none.
    pub(crate) fn levels(&self, ledger: &GpuCredit) -> Vec<Option<Level>> {
        let level = |at: i64| {
            let answer = ledger.balance_at(at);
            let overdrawn = (answer.deficit > 0).then(|| -i128::from(answer.deficit));
            answer.balance.map(i128::from).or(overdrawn)
        };
        let mut boundaries = self.boundaries.iter().copied().peekable();
        let mut levels = Vec::with_capacity(self.starts.len());
        for (first, last) in self.iter() {
            // Between two boundaries nothing rises: the extremes are beside them.
            let mut seen = vec![level(first), last.and_then(level)];
            if self.is_thinned {
                let end = last.unwrap_or(first);
                while let Some(at) = boundaries.next_if(|at| *at <= end) {
                    if at > first {
                        seen.extend([level(at - 1), level(at)]);
                    }
                }
            }
            levels.push(joined(&seen));
        }
        levels
    }
}

/// The level of a span in which these were seen, the first and the last of it to begin with.
fn joined(seen: &[Option<i128>]) -> Option<Level> {
    let amounts = || seen.iter().copied().flatten();
    let (lowest, highest) = (amounts().min()?, amounts().max()?);
    let first = seen[0].or_else(|| amounts().next())?;
    // What turns into a deficit in between is drawn as that from the next span on.
    let last = seen[1].filter(|last| (*last < 0) == (first < 0));
    Some(Level {
        course: Course {
            first,
            last: last.unwrap_or(first),
        },
        lowest,
        highest,
    })
}

/// The instants at which usage changes something, and the first one of the range; `None` if they are too many.
fn changes(ledger: &GpuCredit, (from, to): (i64, i64)) -> Option<Vec<i64>> {
    let mut changes = vec![from];
    for (usage, _) in ledger.usage(from..=to) {
        if changes.last() != Some(&usage.timestamp) {
            changes.push(usage.timestamp);
            if changes.len() > CHANGES_MAX {
                return None;
            }
        }
    }
    if ledger.metered_count() > 0 {
        // A grant that is used up by jobs lies between the ends of two draws.
        let steps = ledger.steps(from..=to).map(|step| step.first);
        let draws = ledger.draws(from..=to).flat_map(|draw| {
            let next = draw.last.checked_add(1);
            [Some(draw.first), next].into_iter().flatten()
        });
        let of_jobs = steps.chain(draws).filter(|at| (from..=to).contains(at));
        changes.extend(of_jobs.take(2 * CHANGES_MAX));
        changes.sort_unstable();
        changes.dedup();
    }
    (changes.len() <= CHANGES_MAX).then_some(changes)
}

/// The first instant of each pixel.
fn columns((from, to): (i64, i64)) -> Vec<i64> {
    let span = i128::from(to) - i128::from(from);
    let first =
        |column| i64::try_from(i128::from(from) + span * i128::from(column) / i128::from(COLUMNS));
    let mut columns: Vec<i64> = (0..=COLUMNS)
        .filter_map(|column| first(column).ok())
        .collect();
    columns.dedup();
    columns
}
