//! The limits of one account: what its records may add up to.

use crate::error::Error;
use crate::rates::{JOBS_MAX, Job};
use crate::record::{MeteredUsage, NewGrant, Record};

/// How many grants one account can number: a boundary keeps one bit of 32 for its side.
pub(crate) const GRANTS_MAX: u32 = 1 << 31;

/// How many usage records one account can number, if all of them have the same instant.
pub(crate) const USAGE_RECORDS_MAX: u32 = u32::MAX;

/// What the amounts of all grants may add up to, and those of all usage.
pub(crate) const AMOUNTS_MAX: u64 = i64::MAX.unsigned_abs();

/// What the records of an account add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// The amounts of all grants that are not retracted.
    pub(crate) granted: u64,
    /// The number of grants ever posted.
    pub(crate) grants: usize,
    /// The bytes of their credit ids.
    pub(crate) credit_ids: usize,
    /// The usage.
    pub(crate) usage: UsageSums,
}

/// What the usage of an account adds up to. It stands apart to be kept in registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageSums {
    /// The amounts of all usage that is not retracted, metered usage too: at most `i64::MAX`.
    pub(crate) total: u64,
    /// The number of usage records ever posted: at most [`USAGE_RECORDS_MAX`].
    pub(crate) records: u64,
    /// The number of jobs ever posted: at most [`JOBS_MAX`].
    pub(crate) jobs: usize,
}

impl UsageSums {
    /// Adds usage, or says why it does not fit and changes nothing.
    #[inline]
    pub(crate) fn add(&mut self, amount: u64) -> Result<(), Error> {
        let room = AMOUNTS_MAX - self.total;
        if amount > room || self.records >= USAGE_RECORDS_MAX.into() {
            return Err(self.refusal(amount));
        }
        self.total += amount;
        self.records += 1;
        Ok(())
    }

    /// Adds metered usage in the same way.
    pub(crate) fn add_metered(&mut self, usage: MeteredUsage) -> Result<(), Error> {
        self.total = check_metered(self.total, usage, self.jobs)?;
        self.jobs += 1;
        Ok(())
    }

    /// Why one more usage record of this amount does not fit.
    #[cold]
    fn refusal(self, amount: u64) -> Error {
        match check_usage(self.total, amount) {
            Ok(_) => Error::TooManyUsageRecords,
            Err(error) => error,
        }
    }
}

impl Sums {
    /// Adds a record, or says why it does not fit and changes nothing.
    pub(crate) fn add(&mut self, record: &Record) -> Result<(), Error> {
        match record {
            Record::Usage(usage) => self.usage.add(usage.amount),
            Record::Metered(usage) => self.usage.add_metered(*usage),
            Record::Grant(grant) => self.add_grant(grant.borrowed()).map(drop),
        }
    }

    /// Adds a grant in the same way, and returns the last instant of its window.
    pub(crate) fn add_grant(&mut self, grant: NewGrant<'_>) -> Result<i64, Error> {
        let NewGrant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority: _,
        } = grant;
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

/// The last instant of a window; an error if there is no such instant.
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
    (sum <= AMOUNTS_MAX).then_some(sum)
}

/// The total of all usage with one more amount; an error if that is too much.
pub(crate) fn check_usage(total: u64, amount: u64) -> Result<u64, Error> {
    within(total, amount).ok_or(Error::UsageTooLarge { amount, total })
}

/// The total of all usage with metered usage, beside so many jobs that were ever posted; an error if
/// that is too much.
pub(crate) fn check_metered(total: u64, usage: MeteredUsage, posted: usize) -> Result<u64, Error> {
    let MeteredUsage { rate, from, until } = usage;
    if posted >= JOBS_MAX as usize {
        return Err(Error::TooManyMeteredRecords);
    }
    let sum = Job::from(usage).total().checked_add(u128::from(total));
    let sum = sum.and_then(|sum| u64::try_from(sum).ok());
    let sum = sum.filter(|sum| *sum <= AMOUNTS_MAX);
    sum.ok_or(Error::MeteredUsageTooLarge {
        rate,
        from,
        until,
        total,
    })
}

#[cfg(test)]
mod tests {
    use super::{GRANTS_MAX, Sums, USAGE_RECORDS_MAX, UsageSums};
    use crate::error::Error;
    use crate::rates::JOBS_MAX;
    use crate::record::Record;

    /// The messages spell the numbers out, so that errors need not know the limits.
    #[test]
    fn the_errors_name_the_limits() {
        let limits = [
            (Error::TooManyGrants, GRANTS_MAX),
            (Error::TooManyUsageRecords, USAGE_RECORDS_MAX),
            (Error::TooManyMeteredRecords, JOBS_MAX),
        ];
        for (error, limit) in limits {
            let message = error.to_string();
            assert!(message.contains(&limit.to_string()), "{message}");
        }
    }

    #[test]
    fn what_can_be_numbered_is_the_last_that_fits() {
        let mut sums = Sums {
            grants: GRANTS_MAX as usize - 1,
            usage: UsageSums {
                total: 0,
                records: u64::from(USAGE_RECORDS_MAX) - 1,
                jobs: JOBS_MAX as usize - 1,
            },
            ..Sums::default()
        };
        let (usage, grant) = (Record::usage(0, 0), Record::grant("", 0, 0, 0));
        let metered = Record::metered(0, 0..0);
        sums.add(&grant).expect("the last grant");
        sums.add(&usage).expect("the last usage record");
        sums.add(&metered).expect("the last job");
        let full = sums;
        assert_eq!(sums.add(&grant), Err(Error::TooManyGrants));
        assert_eq!(sums.add(&usage), Err(Error::TooManyUsageRecords));
        assert_eq!(sums.add(&metered), Err(Error::TooManyMeteredRecords));
        let too_much = Record::usage(u64::MAX, 0);
        assert!(matches!(
            sums.add(&too_much),
            Err(Error::UsageTooLarge { .. })
        ));
        assert_eq!(sums, full);
    }
}
