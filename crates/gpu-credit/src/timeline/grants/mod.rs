//! The grants of an account by number: windows, amounts, names.

mod bytes;

use super::boundary::{Event, Handle, Key};
use super::live::{Live, LiveGrant};
use super::tree::Boundary;
use crate::error::Error;
use crate::limits::{Sums, window_end};
use crate::record::{Grant, GrantId, NewGrant};
use crate::usage::prefetch::prefetch;

/// One grant: 32 bytes.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: i64,
    end: i64,
    amount: u64,
    /// Where its name ends among those of its page; it begins where the one before ends.
    name_end: u32,
    priority: i16,
    state: State,
}

/// What has become of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Posted,
    /// Revoked from the instant after its end on.
    Revoked,
    /// Revoked from its start on: it has no boundaries.
    NeverLive,
    Retracted,
}

/// A window as a correction leaves it; it starts where it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    end: i64,
    state: State,
}

impl Row {
    fn revoked_from(&self) -> Option<i64> {
        match self.state {
            State::Posted | State::Retracted => None,
            // It ended before some instant, so there is one after its end.
            State::Revoked => Some(self.end.saturating_add(1)),
            State::NeverLive => Some(self.start),
        }
    }
}

/// How many neighbours in posting order a page of rows holds: so many that the list of pages stays
/// in the cache of a core, for a replay looks up a page for each grant that starts.
const ROWS: usize = 1_024;

/// How many neighbours a page of names holds: so few that taking one out moves little.
const NAMES: usize = 64;

/// All grants, in posting order: page by page, so that those retracted can go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    /// Of each [`ROWS`] neighbours; none if all have been retracted.
    rows: Vec<Vec<Row>>,
    /// Of each [`NAMES`] neighbours: the names of those not retracted, one after another.
    names: Vec<String>,
    /// The number of grants ever posted.
    posted: usize,
    /// How many of them are not retracted.
    len: usize,
    /// The sum of the amounts of those: at most `i64::MAX`.
    total: u64,
    /// The bytes of their names.
    name_bytes: usize,
}

/// Makes room for one more, and for half as many again rather than double: most accounts are small.
fn reserve<T>(items: &mut Vec<T>, least: usize, most: usize) {
    let len = items.len();
    if len == items.capacity() {
        items.reserve_exact((len / 2).max(least).min(most - len));
    }
}

/// A length of names, which fits because all names of an account together do.
fn small(len: usize) -> u32 {
    u32::try_from(len).expect("the limit of credit ids holds")
}

/// The number of a grant, which fits because the limit of grants holds.
fn grant_number(number: usize) -> u32 {
    u32::try_from(number).expect("the limit of grants holds")
}

/// The page of the row of a grant, and its place there.
#[inline]
fn place(number: u32) -> (usize, usize) {
    (number as usize / ROWS, number as usize % ROWS)
}

/// Where the name of the grant at a place of a page of rows begins in its page of names.
fn name_start(rows: &[Row], at: usize) -> usize {
    if at.is_multiple_of(NAMES) {
        0
    } else {
        rows[at - 1].name_end as usize
    }
}

impl Grants {
    /// The number of grants not retracted.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The sum of the amounts of those not retracted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What a grant would be as it starts, with its number; or why it cannot be posted. O(1).
    pub(crate) fn admit(&self, new: NewGrant<'_>) -> Result<LiveGrant, Error> {
        let end = (self.sums()).add_grant(new)?;
        let grant = u32::try_from(self.posted).map_err(|_| Error::TooManyGrants)?;
        Ok(LiveGrant {
            end,
            grant,
            priority: new.priority,
            remainder: new.amount,
        })
    }

    /// What the grants add up to.
    pub(crate) fn sums(&self) -> Sums {
        Sums {
            granted: self.total,
            grants: self.posted,
            credit_ids: self.name_bytes,
            ..Sums::default()
        }
    }

    /// Adds a grant and returns its number; or changes nothing. O(1) amortised.
    pub(crate) fn post(&mut self, new: NewGrant<'_>) -> Result<u32, Error> {
        let LiveGrant { end, grant, .. } = self.admit(new)?;
        self.push(
            new.credit_id,
            Row {
                start: new.timestamp,
                end,
                amount: new.amount,
                name_end: 0,
                priority: new.priority,
                state: State::Posted,
            },
        );
        Ok(grant)
    }

    fn push(&mut self, name: &str, row: Row) {
        if self.posted.is_multiple_of(ROWS) {
            reserve(&mut self.rows, 1, usize::MAX);
            self.rows.push(Vec::new());
        }
        if self.posted.is_multiple_of(NAMES) {
            reserve(&mut self.names, 1, usize::MAX);
            self.names.push(String::new());
        }
        let rows = self.rows.last_mut().expect("there is a page of rows");
        let names = self.names.last_mut().expect("there is a page of names");
        reserve(rows, 4, ROWS);
        names.push_str(name);
        let name_end = small(names.len());
        rows.push(Row { name_end, ..row });
        self.posted += 1;
        self.len += 1;
        self.total += row.amount;
        self.name_bytes += name.len();
    }

    /// The number that the next grant gets.
    pub(crate) fn next_number(&self) -> usize {
        self.posted
    }

    /// Takes a grant back that is there, with its name, and its page of rows if no other is left
    /// there. O(1).
    pub(crate) fn retract(&mut self, number: u32) {
        self.set_aside(number);
        let (page, at) = place(number);
        let names = &mut self.names[number as usize / NAMES];
        let rows = &mut self.rows[page];
        let (start, end) = (name_start(rows, at), rows[at].name_end);
        names.replace_range(start..end as usize, "");
        if names.is_empty() {
            *names = String::new();
        }
        let neighbours = NAMES - at % NAMES;
        for row in rows[at..].iter_mut().take(neighbours) {
            row.name_end -= end - small(start);
        }
        let is_gone = |row: &Row| row.state == State::Retracted;
        if rows.len() == ROWS && rows.iter().all(is_gone) {
            *rows = Vec::new();
        }
    }

    /// Takes a grant back that is there, but keeps its row and its name; its window. O(1).
    pub(crate) fn set_aside(&mut self, number: u32) -> Window {
        let grant = self.get(number).expect("the grant is there");
        let (amount, name_bytes) = (grant.amount, grant.credit_id.len());
        self.total -= amount;
        self.name_bytes -= name_bytes;
        self.len -= 1;
        let window = self.window(number);
        let state = State::Retracted;
        self.set_window(number, Window { state, ..window });
        window
    }

    /// Puts a grant back that was [set aside](Self::set_aside). O(1).
    pub(crate) fn put_back(&mut self, number: u32, window: Window) {
        self.set_window(number, window);
        let grant = self.get(number).expect("the grant is there again");
        let (amount, name_bytes) = (grant.amount, grant.credit_id.len());
        self.total += amount;
        self.name_bytes += name_bytes;
        self.len += 1;
    }

    /// Takes back that the last grant was posted: its number is the next again. O(1).
    pub(crate) fn unpost(&mut self) {
        let last = self.posted.checked_sub(1).map(grant_number);
        let number = last.expect("a grant has been posted");
        self.set_aside(number);
        self.posted -= 1;
        let (page, at) = place(number);
        let names = &mut self.names[number as usize / NAMES];
        names.truncate(name_start(&self.rows[page], at));
        self.rows[page].pop();
        if at == 0 {
            self.rows.pop();
        }
        if at.is_multiple_of(NAMES) {
            self.names.pop();
        }
    }

    /// The row of a grant that is not retracted.
    fn row(&self, number: u32) -> Option<&Row> {
        let (page, at) = place(number);
        let row = self.rows.get(page)?.get(at);
        row.filter(|row| row.state != State::Retracted)
    }

    /// The row of a grant that has boundaries.
    #[inline]
    fn live_row(&self, number: u32) -> &Row {
        let (page, at) = place(number);
        &self.rows[page][at]
    }

    /// The window of a grant revoked from an instant on, or why it cannot be.
    pub(crate) fn revoked(&self, grant: GrantId, from: i64) -> Result<Window, Error> {
        let row = self.row(grant.0).ok_or(Error::NoSuchGrant(grant))?;
        let from = from.max(row.start);
        if let Some(present) = row.revoked_from()
            && from >= present
        {
            let from = present;
            return Err(Error::AlreadyRevoked { grant, from });
        }
        let end = row.end;
        if from > end {
            return Err(Error::RevokedAfterEnd { grant, end, from });
        }
        Ok(if from == row.start {
            let state = State::NeverLive;
            Window { end, state }
        } else {
            let state = State::Revoked;
            Window {
                end: from - 1,
                state,
            }
        })
    }

    /// The window of a grant with another expiration, or why it cannot have it.
    pub(crate) fn with_expiration(&self, grant: GrantId, expiration: u64) -> Result<Window, Error> {
        let row = self.row(grant.0).ok_or(Error::NoSuchGrant(grant))?;
        if let Some(from) = row.revoked_from() {
            return Err(Error::AlreadyRevoked { grant, from });
        }
        let end = window_end(row.start, expiration)?;
        let state = State::Posted;
        Ok(Window { end, state })
    }

    pub(crate) fn window(&self, number: u32) -> Window {
        let Row { end, state, .. } = *self.live_row(number);
        Window { end, state }
    }

    /// The caller sees to the boundaries.
    pub(crate) fn set_window(&mut self, number: u32, window: Window) {
        let (page, at) = place(number);
        let row = &mut self.rows[page][at];
        (row.end, row.state) = (window.end, window.state);
    }

    /// The caller sees to what is drawn.
    pub(crate) fn set_priority(&mut self, number: u32, priority: i16) {
        let (page, at) = place(number);
        self.rows[page][at].priority = priority;
    }

    /// Whether a grant has boundaries. Only such a one is ever asked for them, and for its amount.
    pub(crate) fn is_ever_live(&self, number: u32) -> bool {
        self.row(number)
            .is_some_and(|row| row.state != State::NeverLive)
    }

    pub(crate) fn get(&self, number: u32) -> Option<Grant<'_>> {
        let row = self.row(number)?;
        let (page, at) = place(number);
        let names = &self.names[number as usize / NAMES];
        Some(Grant {
            credit_id: &names[name_start(&self.rows[page], at)..row.name_end as usize],
            amount: row.amount,
            start: row.start,
            end: row.end,
            revoked_from: row.revoked_from(),
            priority: row.priority,
        })
    }

    /// A grant as it starts.
    #[inline]
    pub(crate) fn whole(&self, number: u32) -> LiveGrant {
        let row = self.live_row(number);
        LiveGrant {
            end: row.end,
            grant: number,
            priority: row.priority,
            remainder: row.amount,
        }
    }

    /// What a boundary does to what is live: what is left of a grant that has ended lapses, and is
    /// returned. O(log live).
    #[inline(always)]
    pub(crate) fn apply(&self, key: Key, live: &mut Live) -> u64 {
        match key.handle.event() {
            Event::Start(grant) => {
                live.start(self.whole(grant));
                0
            }
            Event::End(grant) => live.end(grant, || self.live_row(grant).priority),
        }
    }

    /// Starts loading what [`apply`](Self::apply) will read for boundaries that come soon: posting
    /// order may be any, and so nearly every start is a cache miss.
    #[inline]
    pub(crate) fn prefetch<'a>(&self, coming: impl IntoIterator<Item = &'a Boundary>) {
        for boundary in coming {
            self.prefetch_start(boundary.handle);
        }
    }

    /// Starts loading the grant that starts at a boundary, if one does.
    #[inline]
    pub(crate) fn prefetch_start(&self, handle: Handle) {
        if let Event::Start(grant) = handle.event() {
            prefetch(self.live_row(grant));
        }
    }

    /// The boundaries of a grant's window: where it starts, and where it has ended if it ever does.
    pub(crate) fn boundaries(&self, number: u32) -> (Key, Option<Key>) {
        let row = self.live_row(number);
        (Key::start(row.start, number), Key::end(row.end, number))
    }

    /// The numbers of the grants from `number` on that are ever live.
    pub(crate) fn numbers_from(&self, number: usize) -> impl Iterator<Item = u32> + '_ {
        let numbers = (number..self.posted).map(grant_number);
        numbers.filter(|number| self.is_ever_live(*number))
    }

    /// Whether a grant has started and has not ended just before the boundary at `key`.
    pub(crate) fn is_live_before(&self, number: u32, key: Key) -> bool {
        self.is_ever_live(number) && {
            let (start, end) = self.boundaries(number);
            start < key && end.is_none_or(|end| key <= end)
        }
    }

    /// Whether a grant has started and has not ended in the epoch of `key`.
    pub(crate) fn is_live_from(&self, number: u32, key: Key) -> bool {
        self.is_ever_live(number) && {
            let (start, end) = self.boundaries(number);
            start <= key && end.is_none_or(|end| key < end)
        }
    }

    /// A boundary of a grant, if it has it.
    pub(crate) fn boundary(&self, number: u32, is_end: bool) -> Option<Key> {
        let (start, end) = (self.is_ever_live(number)).then(|| self.boundaries(number))?;
        if is_end { end } else { Some(start) }
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        let rows: usize = self.rows.iter().map(Vec::capacity).sum();
        let names: usize = self.names.iter().map(String::capacity).sum();
        rows * size_of::<Row>()
            + names
            + self.rows.capacity() * size_of::<Vec<Row>>()
            + self.names.capacity() * size_of::<String>()
    }
}
