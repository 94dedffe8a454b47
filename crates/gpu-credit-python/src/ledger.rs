//! An account with an inbox: a call that posts appends to the inbox, and the next call that asks
//! has all of it posted, many records at once where there are many.
//!
//! Posting at once would keep the account in order after each record, at several times the price,
//! though nobody may ask before the next one. The inbox takes a record only if the account is
//! certain to: any other is posted at once, and whatever is refused, the engine has refused it.

use gpu_credit::{Error, GpuCredit, GrantId, GrantRecord, Record, RecordError, UsageRecord};

/// So few grants, or one for so many in the account, are posted one by one.
const FEW: usize = 16;

/// The credit ids of one account that the inbox takes, in bytes and one for each: less than the
/// engine's limits on their number and length.
const CREDIT_IDS_MAX: usize = 1 << 30;

/// The usage records of one account that the inbox takes: less than the engine can number.
const USAGE_RECORDS_MAX: usize = 1 << 31;

/// One account, and what has been posted to it since it was last asked.
pub(crate) struct Ledger {
    account: GpuCredit,
    grants: Vec<WaitingGrant>,
    /// The credit ids of the waiting grants, end to end.
    credit_ids: String,
    usage: Vec<UsageRecord>,
    waiting_granted: u64,
    waiting_used: u64,
    /// All credit ids ever posted, in bytes and one for each, at most.
    credit_ids_posted: usize,
    /// All usage records ever posted, at most.
    usage_posted: usize,
}

struct WaitingGrant {
    /// Where its credit id ends.
    credit_id_end: usize,
    amount: u64,
    timestamp: i64,
    expiration: u64,
}

impl From<GpuCredit> for Ledger {
    fn from(account: GpuCredit) -> Self {
        let grants = account.grants();
        let credit_ids_posted = grants.map(|(_, grant)| grant.credit_id.len() + 1).sum();
        Ledger {
            usage_posted: account.usage_count(),
            account,
            grants: Vec::new(),
            credit_ids: String::new(),
            usage: Vec::new(),
            waiting_granted: 0,
            waiting_used: 0,
            credit_ids_posted,
        }
    }
}

impl Ledger {
    #[inline]
    pub(crate) fn add_credit(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<(), Error> {
        self.credit_ids_posted += credit_id.len() + 1;
        let fits = timestamp.checked_add_unsigned(expiration).is_some()
            && fits(self.account.granted(), self.waiting_granted, amount)
            && self.credit_ids_posted <= CREDIT_IDS_MAX;
        if !fits {
            let posted = self
                .account()
                .add_credit(credit_id, amount, timestamp, expiration);
            return posted.map(drop);
        }
        self.waiting_granted += amount;
        self.credit_ids.push_str(credit_id);
        self.grants.push(WaitingGrant {
            credit_id_end: self.credit_ids.len(),
            amount,
            timestamp,
            expiration,
        });
        Ok(())
    }

    #[inline]
    pub(crate) fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
        self.usage_posted += 1;
        let fits = fits(self.account.used(), self.waiting_used, amount)
            && self.usage_posted <= USAGE_RECORDS_MAX;
        if !fits {
            return self.account().subtract(amount, timestamp);
        }
        self.waiting_used += amount;
        self.usage.push(UsageRecord { amount, timestamp });
        Ok(())
    }

    /// Posts a grant at once: its number is wanted.
    pub(crate) fn post_grant(&mut self, grant: GrantRecord) -> Result<GrantId, Error> {
        self.credit_ids_posted += grant.credit_id.len() + 1;
        self.account().post_grant(grant)
    }

    pub(crate) fn extend(&mut self, records: Vec<Record>) -> Result<(), RecordError> {
        let credit_ids = records.iter().map(|record| match record {
            Record::Grant(grant) => grant.credit_id.len() + 1,
            _ => 0,
        });
        self.credit_ids_posted += credit_ids.sum::<usize>();
        self.account().extend(records)
    }

    /// The account, with everything posted. Grants are posted by [`Self::add_credit`],
    /// [`Self::post_grant`] and [`Self::extend`] only.
    #[inline]
    pub(crate) fn account(&mut self) -> &mut GpuCredit {
        if self.waiting() > 0 {
            self.post();
        }
        &mut self.account
    }

    /// How many records wait in the inbox.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.grants.len() + self.usage.len()
    }

    /// Empties the inbox. Usage draws by its time and not by when it was posted, so that all
    /// grants may be posted before it.
    fn post(&mut self) {
        let few = FEW.max(self.account.grant_count() / FEW);
        let posted = if self.grants.len() <= few {
            self.post_one_by_one()
        } else {
            self.post_at_once()
        };
        assert_eq!(posted, Ok(()), "the inbox takes only what fits");
        self.grants.clear();
        self.credit_ids.clear();
        self.usage.clear();
        self.waiting_granted = 0;
        self.waiting_used = 0;
        self.give_memory_back();
    }

    fn post_one_by_one(&mut self) -> Result<(), Error> {
        let mut from = 0;
        for grant in &self.grants {
            let credit_id = &self.credit_ids[from..grant.credit_id_end];
            from = grant.credit_id_end;
            let &WaitingGrant {
                amount,
                timestamp,
                expiration,
                ..
            } = grant;
            self.account
                .add_credit(credit_id, amount, timestamp, expiration)?;
        }
        (self.account.subtract_many(&self.usage)).map_err(|refused| refused.error)
    }

    fn post_at_once(&mut self) -> Result<(), Error> {
        let mut from = 0;
        let grants = self.grants.iter().map(|grant| {
            let credit_id = &self.credit_ids[from..grant.credit_id_end];
            from = grant.credit_id_end;
            Record::grant(credit_id, grant.amount, grant.timestamp, grant.expiration)
        });
        let usage = self.usage.iter().copied().map(Record::from);
        (self.account.extend(grants.chain(usage))).map_err(|refused| refused.error)
    }

    /// A large inbox is not kept for the next few records.
    fn give_memory_back(&mut self) {
        const KEPT: usize = 4 * 1024;
        self.grants.shrink_to(KEPT);
        self.credit_ids.shrink_to(KEPT);
        self.usage.shrink_to(KEPT);
    }

    /// Bytes of the account and of its inbox.
    pub(crate) fn memory_used(&self) -> usize {
        self.account.memory_used()
            + self.grants.capacity() * size_of::<WaitingGrant>()
            + self.credit_ids.capacity()
            + self.usage.capacity() * size_of::<UsageRecord>()
    }
}

/// Whether one more amount fits behind those that are posted and those that wait.
#[inline]
fn fits(posted: u64, waiting: u64, amount: u64) -> bool {
    // The two add up to `i64::MAX` at most, and no amount is more: the sum cannot wrap.
    posted + waiting + amount <= i64::MAX.unsigned_abs()
}
