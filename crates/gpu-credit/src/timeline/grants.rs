//! The grants of an account by number: windows, amounts, names.

use super::boundary::{Event, GRANTS_MAX, Key};
use super::live::{Left, Live};
use crate::{Error, Grant};

/// One grant: 32 bytes.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: i64,
    end: i64,
    amount: u64,
    /// Where its name ends among the names; it begins where the one before ends.
    name_end: u32,
    retracted: bool,
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

    /// Adds a grant and returns its number; or changes nothing. O(1) amortised.
    pub(crate) fn post(
        &mut self,
        name: &str,
        amount: u64,
        start: i64,
        expiration: u64,
    ) -> Result<u32, Error> {
        let end = start
            .checked_add_unsigned(expiration)
            .ok_or(Error::WindowTooLong {
                timestamp: start,
                expiration,
            })?;
        let total = self.total.checked_add(amount);
        let total = total
            .filter(|total| *total <= i64::MAX.unsigned_abs())
            .ok_or(Error::GrantsTooLarge {
                amount,
                total: self.total,
            })?;
        let number = u32::try_from(self.rows.len()).ok();
        let number = number.filter(|number| *number < GRANTS_MAX);
        let number = number.ok_or(Error::TooManyGrants)?;
        let name_end =
            u32::try_from(self.names.len() + name.len()).map_err(|_| Error::CreditIdsTooLong)?;
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
            retracted: false,
        });
        self.total = total;
        Ok(number)
    }

    /// Forgets the grants from `number` on, as if never posted.
    pub(crate) fn forget_from(&mut self, number: usize) {
        for row in self.rows.drain(number.min(self.rows.len())..) {
            self.total -= if row.retracted { 0 } else { row.amount };
            self.retracted -= u32::from(row.retracted);
        }
        let names = self.rows.last().map_or(0, |row| row.name_end as usize);
        self.names.truncate(names);
    }

    /// The number that the next grant gets.
    pub(crate) fn next_number(&self) -> usize {
        self.rows.len()
    }

    /// Takes a grant back; whether it was there. O(1).
    pub(crate) fn retract(&mut self, number: u32) -> bool {
        match self.rows.get_mut(number as usize) {
            Some(row) if !row.retracted => {
                row.retracted = true;
                self.retracted += 1;
                self.total -= row.amount;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<Grant<'_>> {
        let row = self
            .rows
            .get(number as usize)
            .filter(|row| !row.retracted)?;
        let name_start = match number.checked_sub(1) {
            Some(before) => self.rows[before as usize].name_end,
            None => 0,
        };
        Some(Grant {
            credit_id: &self.names[name_start as usize..row.name_end as usize],
            amount: row.amount,
            start: row.start,
            end: row.end,
        })
    }

    /// What is left of a grant as it starts.
    #[inline]
    pub(crate) fn whole(&self, number: u32) -> Left {
        let row = &self.rows[number as usize];
        Left {
            end: row.end,
            grant: number,
            amount: row.amount,
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

    /// The boundaries of a grant's window: where it starts, and where it has ended if it ever does.
    pub(crate) fn boundaries(&self, number: u32) -> (Key, Option<Key>) {
        let row = &self.rows[number as usize];
        (Key::start(row.start, number), Key::end(row.end, number))
    }

    /// The numbers of the grants from `number` on that are not retracted.
    pub(crate) fn numbers_from(&self, number: usize) -> impl Iterator<Item = u32> + '_ {
        let rows = self.rows.iter().enumerate().skip(number);
        rows.filter(|(_, row)| !row.retracted)
            .filter_map(|(number, _)| u32::try_from(number).ok())
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + self.names.capacity()
    }
}
