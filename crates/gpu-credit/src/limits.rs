//! The limits of one account: what its records may add up to.

use crate::error::Error;
use crate::record::Record;

/// How many grants one account can number: a boundary keeps one bit of 32 for its side.
pub(crate) const GRANTS_MAX: u32 = 1 << 31;

/// What the records of an account add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// The amounts of all grants that are not retracted.
    pub(crate) granted: u64,
    /// The number of grants ever posted.
    pub(crate) grants: usize,
    /// The bytes of their credit ids.
    pub(crate) credit_ids: usize,
    /// The amounts of all usage.
    pub(crate) used: u64,
}

impl Sums {
    /// Adds a record, or says why it does not fit and changes nothing.
    pub(crate) fn add(&mut self, record: &Record) -> Result<(), Error> {
        match *record {
            Record::Usage { amount, .. } => {
                self.used = check_usage(self.used, amount)?;
                Ok(())
            }
            Record::Grant {
                ref credit_id,
                amount,
                timestamp,
                expiration,
            } => self
                .add_grant(credit_id, amount, timestamp, expiration)
                .map(drop),
        }
    }

    /// Adds a grant in the same way; the last instant of its window.
    pub(crate) fn add_grant(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<i64, Error> {
        let end = window_end(timestamp, expiration)?;
        let total = self.granted;
        let granted = within(total, amount).ok_or(Error::GrantsTooLarge { amount, total })?;
        if u32::try_from(self.grants).map_or(true, |grants| grants >= GRANTS_MAX) {
            return Err(Error::TooManyGrants);
        }
        let credit_ids = self.credit_ids + credit_id.len();
        if u32::try_from(credit_ids).is_err() {
            return Err(Error::CreditIdsTooLong);
        }
        (self.granted, self.grants, self.credit_ids) = (granted, self.grants + 1, credit_ids);
        Ok(end)
    }
}

/// The last instant of a window; an error where there is no such instant.
pub(crate) fn window_end(timestamp: i64, expiration: u64) -> Result<i64, Error> {
    let end = timestamp.checked_add_unsigned(expiration);
    end.ok_or(Error::WindowTooLong {
        timestamp,
        expiration,
    })
}

/// A total with one more amount, if that fits.
fn within(total: u64, amount: u64) -> Option<u64> {
    let sum = total.checked_add(amount)?;
    (sum <= i64::MAX.unsigned_abs()).then_some(sum)
}

/// The total of all usage with one more; an error where that is too much.
pub(crate) fn check_usage(total: u64, amount: u64) -> Result<u64, Error> {
    within(total, amount).ok_or(Error::UsageTooLarge { amount, total })
}

#[cfg(test)]
mod tests {
    use super::GRANTS_MAX;
    use crate::error::Error;

    /// The message spells the number out, so that errors need not know the limits.
    #[test]
    fn the_error_names_the_limit() {
        let message = Error::TooManyGrants.to_string();
        assert!(message.contains(&GRANTS_MAX.to_string()), "{message}");
    }
}
