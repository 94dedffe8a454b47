//! The grants of an account by number: windows, amounts, names.

use super::boundary::{Event, Key};
use super::live::{Live, LiveGrant};
use super::tree::Boundary;
use crate::error::Error;
use crate::limits::{Sums, window_end};
use crate::record::{Grant, GrantId};
use crate::usage::prefetch::prefetch;

/// One grant: 32 bytes.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: i64,
    end: i64,
    amount: u64,
    /// Where its name ends among the names; it begins where the one before ends.
    name_end: u32,
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

/// All grants ever posted, in posting order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    rows: Vec<Row>,
    names: String,
    retracted: u32,
    /// The sum of the amounts of those not retracted: at most `i64::MAX`.
    total: u64,
}

impl Grants {
    /// The number of grants not retracted.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.retracted as usize
    }

    /// The sum of the amounts of those not retracted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What a grant would be as it starts, with its number; or why it cannot be posted. O(1).
    pub(crate) fn admit(
        &self,
        name: &str,
        amount: u64,
        start: i64,
        expiration: u64,
    ) -> Result<LiveGrant, Error> {
        let end = (self.sums()).add_grant(name, amount, start, expiration)?;
        let grant = u32::try_from(self.rows.len()).map_err(|_| Error::TooManyGrants)?;
        Ok(LiveGrant {
            end,
            grant,
            remainder: amount,
        })
    }

    /// What the grants add up to.
    pub(crate) fn sums(&self) -> Sums {
        Sums {
            granted: self.total,
            grants: self.rows.len(),
            credit_ids: self.names.len(),
            ..Sums::default()
        }
    }

    /// Where a name would end among the names.
    fn name_end(&self, name: &str) -> Result<u32, Error> {
        u32::try_from(self.names.len() + name.len()).map_err(|_| Error::CreditIdsTooLong)
    }

    /// Adds a grant and returns its number; or changes nothing. O(1) amortised.
    pub(crate) fn post(
        &mut self,
        name: &str,
        amount: u64,
        start: i64,
        expiration: u64,
    ) -> Result<u32, Error> {
        let LiveGrant { end, grant, .. } = self.admit(name, amount, start, expiration)?;
        let name_end = self.name_end(name)?;
        if self.rows.len() == self.rows.capacity() {
            // Half as much again rather than double: most accounts are small.
            self.rows.reserve_exact((self.rows.len() / 2).max(4));
        }
        self.names.push_str(name);
        self.rows.push(Row {
            start,
            end,
            amount,
            name_end,
            state: State::Posted,
        });
        self.total += amount;
        Ok(grant)
    }

    /// The number that the next grant gets.
    pub(crate) fn next_number(&self) -> usize {
        self.rows.len()
    }

    /// Takes a grant back that is there. O(1).
    pub(crate) fn retract(&mut self, number: u32) {
        let row = &mut self.rows[number as usize];
        debug_assert_ne!(row.state, State::Retracted);
        row.state = State::Retracted;
        self.retracted += 1;
        self.total -= row.amount;
    }

    /// The row of a grant that is not retracted.
    fn row(&self, number: u32) -> Option<&Row> {
        let row = self.rows.get(number as usize);
        row.filter(|row| row.state != State::Retracted)
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
        let Row { end, state, .. } = self.rows[number as usize];
        Window { end, state }
    }

    /// The caller sees to the boundaries.
    pub(crate) fn set_window(&mut self, number: u32, window: Window) {
        let row = &mut self.rows[number as usize];
        (row.end, row.state) = (window.end, window.state);
    }

    /// Whether a grant has boundaries. Only such a one is ever asked for them, and for its amount.
    pub(crate) fn is_ever_live(&self, number: u32) -> bool {
        let state = self.rows[number as usize].state;
        state == State::Posted || state == State::Revoked
    }

    pub(crate) fn get(&self, number: u32) -> Option<Grant<'_>> {
        let row = self.row(number)?;
        let name_start = match number.checked_sub(1) {
            Some(before) => self.rows[before as usize].name_end,
            None => 0,
        };
        Some(Grant {
            credit_id: &self.names[name_start as usize..row.name_end as usize],
            amount: row.amount,
            start: row.start,
            end: row.end,
            revoked_from: row.revoked_from(),
        })
    }

    /// A grant as it starts.
    #[inline]
    pub(crate) fn whole(&self, number: u32) -> LiveGrant {
        let row = &self.rows[number as usize];
        LiveGrant {
            end: row.end,
            grant: number,
            remainder: row.amount,
        }
    }

    /// What a boundary does to what is live. O(log live).
    #[inline]
    pub(crate) fn apply(&self, key: Key, live: &mut Live) {
        match key.handle.event() {
            Event::Start(grant) => live.start(self.whole(grant)),
            Event::End(grant) => live.end(grant),
        }
    }

    /// Starts loading what [`apply`](Self::apply) will read for boundaries that come soon: posting
    /// order may be any, and so nearly every start is a cache miss.
    #[inline]
    pub(crate) fn prefetch<'a>(&self, coming: impl IntoIterator<Item = &'a Boundary>) {
        for boundary in coming {
            if let Event::Start(grant) = boundary.handle.event() {
                prefetch(&self.rows[grant as usize]);
            }
        }
    }

    /// The boundaries of a grant's window: where it starts, and where it has ended if it ever does.
    pub(crate) fn boundaries(&self, number: u32) -> (Key, Option<Key>) {
        let row = &self.rows[number as usize];
        (Key::start(row.start, number), Key::end(row.end, number))
    }

    /// The numbers of the grants from `number` on that are ever live.
    pub(crate) fn numbers_from(&self, number: usize) -> impl Iterator<Item = u32> + '_ {
        let numbers = (number..self.rows.len()).filter_map(|number| u32::try_from(number).ok());
        numbers.filter(|number| self.is_ever_live(*number))
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + self.names.capacity()
    }
}
