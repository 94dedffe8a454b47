//! Which operation comes next.

use super::numbers;
use super::source::Source;
use super::{Grant, Numbers, Operation, Record, Usage};

pub(super) struct Sequence<S> {
    source: S,
    numbers: Numbers,
    /// Whether grants differ in priority.
    is_ranked: bool,
    /// Grants posted so far, and the usage that stands, to have something to correct.
    grants: u64,
    usage: Vec<Usage>,
    /// All usage records so far.
    usage_count: u64,
    /// So many operations write and do nothing else.
    burst: u64,
}

impl<S: Source> Iterator for Sequence<S> {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        if self.burst > 0 {
            self.burst -= 1;
            return self.next_write();
        }
        match self.source.below(34)? {
            0..5 => self.post_grant(),
            5..11 => self.post_usage(),
            11 => self.retract_grant(),
            12 | 13 => self.retract_usage(),
            14 => Some(Operation::Settle),
            15..19 => self.question(),
            19 => self.change_usage(),
            20 | 21 => self.revoke_grant(),
            22 => self.change_expiration(),
            23 => self.remove_end(),
            24 => self.retract_usage_at(),
            25 => self.change_usage_at(),
            26 => self.settle_to(),
            27 => self.post_usage_many(),
            28 => self.post_many(),
            29 => Some(Operation::GoOnWithClone),
            30 => Some(Operation::GoOnWithBytes),
            31 => self.change_priority(),
            _ => self.begin_burst(),
        }
    }
}

impl<S: Source> Sequence<S> {
    pub(super) fn new(mut source: S, numbers: Numbers) -> Self {
        Self {
            is_ranked: source.below(2) == Some(1),
            source,
            numbers,
            grants: 0,
            usage: Vec::new(),
            usage_count: 0,
            burst: 0,
        }
    }

    /// Settles, so that nearly all of the writes that follow are late. No question comes between
    /// them, and nothing else at which an account might settle.
    fn begin_burst(&mut self) -> Option<Operation> {
        let most = match self.source.below(4)? {
            0 => 160,
            _ => 12,
        };
        self.burst = 4 + self.source.below(most)?;
        Some(Operation::Settle)
    }

    fn next_write(&mut self) -> Option<Operation> {
        match self.source.below(17)? {
            0..5 => self.post_grant(),
            5..10 => self.post_usage(),
            10 => self.retract_grant(),
            11 => self.retract_usage(),
            12 => self.change_usage(),
            13 => self.revoke_grant(),
            14 => self.retract_usage_at(),
            15 => self.change_priority(),
            _ => self.change_usage_at(),
        }
    }

    fn post_grant(&mut self) -> Option<Operation> {
        let amount = self.amount()?;
        Some(Operation::PostGrant(self.new_grant(amount)?))
    }

    fn post_usage(&mut self) -> Option<Operation> {
        let amount = self.amount()?;
        Some(Operation::PostUsage(self.new_usage(amount)?))
    }

    fn post_usage_many(&mut self) -> Option<Operation> {
        let (count, is_modest) = self.batch()?;
        let usage = (0..count).map(|_| {
            let amount = self.batch_amount(is_modest)?;
            self.new_usage(amount)
        });
        Some(Operation::PostUsageMany(usage.collect::<Option<_>>()?))
    }

    fn post_many(&mut self) -> Option<Operation> {
        let (count, is_modest) = self.batch()?;
        let records = (0..count).map(|_| {
            let amount = self.batch_amount(is_modest)?;
            match self.source.below(2)? {
                0 => self.new_grant(amount).map(Record::Grant),
                _ => self.new_usage(amount).map(Record::Usage),
            }
        });
        Some(Operation::PostMany(records.collect::<Option<_>>()?))
    }

    /// How many records a batch has, few or many; and whether all of them are to fit, which many
    /// amounts of any size hardly ever do.
    fn batch(&mut self) -> Option<(u64, bool)> {
        let most = match self.source.below(4)? {
            0 => 64,
            _ => 6,
        };
        let count = self.source.below(most)?;
        Some((count, self.source.below(8)? > 0))
    }

    fn batch_amount(&mut self, is_modest: bool) -> Option<u64> {
        match is_modest {
            true => self.numbers.modest_amount(&mut self.source),
            false => self.amount(),
        }
    }

    fn new_grant(&mut self, amount: u64) -> Option<Grant> {
        let timestamp = self.timestamp()?;
        let expiration = self.expiration(timestamp)?;
        let priority = self.priority()?;
        self.grants += 1;
        Some(Grant {
            amount,
            timestamp,
            expiration,
            priority,
        })
    }

    fn new_usage(&mut self, amount: u64) -> Option<Usage> {
        let timestamp = self.timestamp()?;
        let usage = Usage { amount, timestamp };
        self.usage.push(usage);
        self.usage_count += 1;
        Some(usage)
    }

    fn retract_grant(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        Some(Operation::RetractGrant { place })
    }

    fn retract_usage(&mut self) -> Option<Operation> {
        self.take_usage().map(Operation::RetractUsage)
    }

    fn retract_usage_at(&mut self) -> Option<Operation> {
        let place = self.usage_place()?;
        Some(Operation::RetractUsageAt { place })
    }

    fn change_usage(&mut self) -> Option<Operation> {
        let usage = self.take_usage()?;
        let new_amount = self.amount()?;
        self.usage.push(Usage {
            amount: new_amount,
            ..usage
        });
        Some(Operation::ChangeUsage { usage, new_amount })
    }

    fn change_usage_at(&mut self) -> Option<Operation> {
        let place = self.usage_place()?;
        let new_amount = self.amount()?;
        Some(Operation::ChangeUsageAt { place, new_amount })
    }

    fn revoke_grant(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        let from = self.timestamp()?;
        Some(Operation::RevokeGrant { place, from })
    }

    fn change_expiration(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        // The start of the grant is not known here, for some are refused.
        let timestamp = self.timestamp()?;
        let expiration = self.expiration(timestamp)?;
        Some(Operation::ChangeExpiration { place, expiration })
    }

    fn change_priority(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        let priority = self.priority()?;
        Some(Operation::ChangePriority { place, priority })
    }

    fn remove_end(&mut self) -> Option<Operation> {
        let place = self.grant()?;
        Some(Operation::RemoveEnd { place })
    }

    fn settle_to(&mut self) -> Option<Operation> {
        let timestamp = self.timestamp()?;
        Some(Operation::SettleTo { timestamp })
    }

    fn question(&mut self) -> Option<Operation> {
        let timestamp = self.timestamp()?;
        Some(Operation::Question { timestamp })
    }

    /// One of those posted, or the one after them.
    fn grant(&mut self) -> Option<usize> {
        let place = self.source.below(self.grants + 1)?;
        usize::try_from(place).ok()
    }

    /// One of those posted, or the one after them.
    fn usage_place(&mut self) -> Option<usize> {
        let place = self.source.below(self.usage_count + 1)?;
        usize::try_from(place).ok()
    }

    /// One of those posted, or any. It is not posted any more.
    fn take_usage(&mut self) -> Option<Usage> {
        let place = self.source.below(self.usage.len() as u64 + 1)?;
        let place = usize::try_from(place).ok()?;
        if place < self.usage.len() {
            return Some(self.usage.swap_remove(place));
        }
        Some(Usage {
            amount: self.amount()?,
            timestamp: self.timestamp()?,
        })
    }

    fn amount(&mut self) -> Option<u64> {
        self.numbers.amount(&mut self.source)
    }

    fn timestamp(&mut self) -> Option<i64> {
        self.numbers.timestamp(&mut self.source)
    }

    fn priority(&mut self) -> Option<i16> {
        match self.is_ranked {
            true => numbers::priority(&mut self.source),
            false => Some(0),
        }
    }

    fn expiration(&mut self, timestamp: i64) -> Option<u64> {
        self.numbers.expiration(timestamp, &mut self.source)
    }
}
