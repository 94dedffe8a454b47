//! The account: the classic verbs, and what its users would miss beside them.

use crate::answer::{Answer, Remainder, answer, balance};
use crate::error::Error;
use crate::limits::{Sums, check_usage};
use crate::options::{Options, Overdraft};
use crate::record::{Grant, GrantId, Record};
use crate::timeline::GrantTimeline;
use crate::timeline::live::Left;
use crate::timeline::settle::SettlementStatistics;
use crate::usage::{Staged, UsageIndex};

/// One account of credit that expires: exact balances at any instant, whatever the order of calls.
///
/// Timestamps are `i64` in the caller's unit (seconds, milliseconds ...) and may be negative;
/// amounts are non-negative integers of the smallest unit. Grants add up to `i64::MAX` at most,
/// and so does usage. In the costs below, `n` is the number of usage entries, `m` the number of
/// window ends, twice the number of grants.
///
/// Queries take `&self`, lock nothing and store nothing; no answer depends on when the account was
/// settled. Usage in time order keeps it settled up to "now". After late records, call
/// [`settle`](Self::settle) before many queries: until then, each replays window ends from the
/// last sound checkpoint on, never usage.
///
/// ```
/// use gpu_credit::GpuCredit;
///
/// let mut account = GpuCredit::new();
/// account.subtract(4, 30)?; // reaches the ledger first, takes effect second
/// account.add_credit("march", 10, 20, 30)?; // live in [20, 50], both ends included
///
/// assert_eq!(account.get_balance(19), None);
/// assert_eq!(account.get_balance(20), Some(10));
/// assert_eq!(account.get_balance(30), Some(6));
/// assert_eq!(account.get_balance(50), Some(6));
/// assert_eq!(account.get_balance(51), None);
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GpuCredit {
    pub(crate) usage: UsageIndex,
    pub(crate) timeline: GrantTimeline,
    pub(crate) overdraft: Overdraft,
}

impl Default for GpuCredit {
    fn default() -> Self {
        Self::new()
    }
}

impl GpuCredit {
    /// An empty account that carries its deficits.
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// An empty account with a policy and sizes of its own.
    pub fn with_options(options: Options) -> Self {
        GpuCredit {
            usage: UsageIndex::new(options.usage_chunk),
            timeline: GrantTimeline::new(&options),
            overdraft: options.overdraft,
        }
    }

    /// The policy with which the account was opened.
    pub fn overdraft(&self) -> Overdraft {
        self.overdraft
    }

    /// Posts a grant that is live in `[timestamp, timestamp + expiration]`, both ends included: an
    /// `expiration` of 0 is a window of one instant, and a window that ends at `i64::MAX` never
    /// ends. `credit_id` is metadata: two grants with one id are two grants. O(log m), and a pass
    /// over one chunk.
    ///
    /// # Errors
    /// Where the window would end after `i64::MAX`, grants would add up to more than `i64::MAX`,
    /// or there are more than 2³¹ grants or 4 GiB of credit ids. The account is as before.
    pub fn add_credit(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<GrantId, Error> {
        self.timeline
            .post_grant(&self.usage, credit_id, amount, timestamp, expiration)
            .map(GrantId)
    }

    /// Posts a grant that is live from `timestamp` on, for good. O(log m), and a pass over one
    /// chunk.
    ///
    /// # Errors
    /// As [`add_credit`](Self::add_credit), but for the window.
    pub fn add_credit_without_end(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
    ) -> Result<GrantId, Error> {
        self.add_credit(credit_id, amount, timestamp, timestamp.abs_diff(i64::MAX))
    }

    /// Posts usage at an instant. It draws from the grants live then, soonest expiry first, and
    /// never fails for lack of credit: see [`Overdraft`]. O(log n) and a pass over one chunk;
    /// amortised O(1) in time order.
    ///
    /// # Errors
    /// Where usage would add up to more than `i64::MAX`. The account is as before.
    pub fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
        check_usage(self.usage.total(), amount)?;
        self.usage.insert(timestamp, amount);
        self.timeline.usage_posted(&self.usage, timestamp, amount);
        Ok(())
    }

    /// Posts many usage entries, as `(timestamp, amount)`, in their order: as
    /// [`subtract`](Self::subtract) for each, and cheaper an entry: several wait for memory
    /// together, and very many are sorted and merged in one pass. All or nothing; it does not
    /// settle.
    ///
    /// # Errors
    /// Where usage would add up to more than `i64::MAX`. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("a", 10, 0, 100)?;
    /// account.subtract_many(&[(50, 4), (20, 1)])?;
    /// assert_eq!(account.get_balance(20), Some(9));
    /// assert_eq!(account.get_balance(50), Some(5));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn subtract_many(&mut self, usage: &[(i64, u64)]) -> Result<(), Error> {
        let mut amounts = usage.iter().map(|(_, amount)| *amount);
        amounts.try_fold(self.usage.total(), check_usage)?;
        if self.is_few(usage.len()) {
            self.post_usage(usage);
        } else {
            self.load_usage(usage.iter().copied().collect());
        }
        Ok(())
    }

    /// Takes a grant back, as if it had never been posted. O(log m), and a pass over one chunk.
    ///
    /// # Errors
    /// Where it was never posted to this account, or is retracted already.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let mistaken = account.add_credit("twice", 10, 0, 100)?;
    /// account.add_credit("twice", 10, 0, 100)?;
    /// account.retract_grant(mistaken)?;
    /// assert_eq!(account.get_balance(0), Some(10));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn retract_grant(&mut self, grant: GrantId) -> Result<(), Error> {
        if self.timeline.retract_grant(grant.0) {
            Ok(())
        } else {
            Err(Error::NoSuchGrant(grant))
        }
    }

    /// Takes one usage of this amount at this instant back, the one posted last, as if it had
    /// never been posted. O(log n), and a pass over the usage at that very instant.
    ///
    /// # Errors
    /// Where there is none.
    pub fn retract_usage(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
        if !self.usage.remove(timestamp, amount) {
            return Err(Error::NoSuchUsage { amount, timestamp });
        }
        self.timeline.usage_retracted(amount, timestamp);
        Ok(())
    }

    /// The balance at an instant: live remainders minus deficit, with every record at or before it
    /// applied in event time. `None` where no window contains the instant, where the result is
    /// negative, and under [`Overdraft::Forfeit`] where it is zero.
    ///
    /// O(log m + log n) where the account is settled at `timestamp`, with one round of cache
    /// misses in each index; otherwise as [`settle`](Self::settle) says.
    #[inline]
    pub fn get_balance(&self, timestamp: i64) -> Option<u64> {
        if let Some(limit) = self.timeline.limit(timestamp) {
            return limit.balance(self.usage.through(timestamp), self.overdraft);
        }
        self.balance_by_tree(timestamp)
    }

    /// The balance where the epoch table does not hold. Out of line, to keep the other way short.
    #[inline(never)]
    fn balance_by_tree(&self, timestamp: i64) -> Option<u64> {
        balance(
            self.timeline.standing(&self.usage, timestamp),
            self.overdraft,
        )
    }

    /// The balance at an instant, and why it is what it is. Cost as
    /// [`get_balance`](Self::get_balance).
    pub fn balance_at(&self, timestamp: i64) -> Answer {
        answer(
            self.timeline.standing(&self.usage, timestamp),
            self.overdraft,
        )
    }

    /// What is left of each live grant at an instant, in the order in which usage draws: soonest
    /// expiry first, equal expiries in posting order. Grants with nothing left are left out. The
    /// remainders add up to the balance; where there is a deficit there are none.
    ///
    /// Replays window ends from the last sound checkpoint before the instant.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let long = account.add_credit("long", 10, 0, 100)?;
    /// let short = account.add_credit("short", 5, 0, 50)?;
    /// account.subtract(7, 20)?;
    /// let remainders = account.remainders_at(20);
    /// assert_eq!(remainders.len(), 1); // the short one ended sooner and is spent
    /// assert_eq!((remainders[0].grant, remainders[0].amount), (long, 8));
    /// # let _ = short;
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn remainders_at(&self, timestamp: i64) -> Vec<Remainder> {
        let lefts = self.timeline.lefts_at(&self.usage, timestamp);
        let remainder = |left: Left| Remainder {
            grant: GrantId(left.grant),
            amount: left.amount,
        };
        lefts.into_iter().map(remainder).collect()
    }

    /// Posts many records, in their order, and settles. All or nothing. O(k log k + n + m) for `k`
    /// records that are many; as one by one for a few.
    ///
    /// # Errors
    /// Where one of them would be refused on its own; then none has been posted.
    pub fn extend(&mut self, records: impl IntoIterator<Item = Record>) -> Result<(), Error> {
        // Whatever the iterator does, it has done by the time the account changes.
        let (mut grants, mut usage) = (Vec::new(), Staged::new());
        let mut used = self.usage.total();
        for record in records {
            match record {
                Record::Usage { amount, timestamp } => {
                    used = check_usage(used, amount)?;
                    usage.push((timestamp, amount));
                }
                Record::Grant {
                    credit_id,
                    amount,
                    timestamp,
                    expiration,
                } => grants.push((credit_id, amount, timestamp, expiration)),
            }
        }
        let table = &mut self.timeline.grants;
        let first = table.next_number();
        for (credit_id, amount, timestamp, expiration) in grants {
            if let Err(error) = table.post(&credit_id, amount, timestamp, expiration) {
                table.forget_from(first);
                return Err(error);
            }
        }
        self.timeline.grants_posted(&self.usage, first);
        if self.is_few(usage.len()) {
            self.post_usage(&usage.into_entries());
        } else {
            self.load_usage(usage);
        }
        self.settle();
        Ok(())
    }

    /// What the records add up to.
    pub(crate) fn sums(&self) -> Sums {
        Sums {
            used: self.usage.total(),
            ..self.timeline.grants.sums()
        }
    }

    /// Whether so many usage entries are inserted rather than merged.
    fn is_few(&self, count: usize) -> bool {
        const FEW: usize = 16;
        count <= FEW.max(self.usage.len() / FEW)
    }

    fn post_usage(&mut self, usage: &[(i64, u64)]) {
        self.usage.insert_many(usage);
        self.timeline.usage_posted_many(&self.usage, usage);
    }

    fn load_usage(&mut self, usage: Staged) {
        if let Some((earliest, latest)) = usage.times() {
            self.usage.extend(usage);
            self.timeline.usage_loaded(earliest, latest);
        }
    }

    /// Brings levels and checkpoints up to date, so that queries replay nothing. It changes cost,
    /// never an answer.
    ///
    /// O(1) where nothing is unsettled. A late write costs the window ends from the checkpoint
    /// before it to where the new state meets the remembered one, often a few dozen; after very
    /// many late writes, or a bulk load, everything later is replayed once. After usage in time
    /// order every window end still to come is replayed: to ask about now,
    /// [`settle_to`](Self::settle_to) does with less. Usage is never replayed.
    pub fn settle(&mut self) {
        self.settle_to(i64::MAX);
    }

    /// As [`settle`](Self::settle), but only so far that queries up to an instant replay nothing.
    /// Where records come in time order and questions are about now, there is nothing to do.
    pub fn settle_to(&mut self, timestamp: i64) {
        self.usage.flush();
        self.timeline.settle(&self.usage, timestamp);
    }

    /// Whether queries at every instant replay nothing.
    pub fn is_settled(&self) -> bool {
        self.timeline.is_settled()
    }

    /// What settling has done since the account was opened.
    pub fn settlement(&self) -> SettlementStatistics {
        self.timeline.statistics()
    }

    /// A grant by its number; `None` where it was never posted, or is retracted. O(1).
    pub fn grant(&self, grant: GrantId) -> Option<Grant<'_>> {
        self.timeline.grants.get(grant.0)
    }

    /// All grants that are not retracted, in posting order.
    pub fn grants(&self) -> impl Iterator<Item = (GrantId, Grant<'_>)> {
        self.timeline.grants.iter()
    }

    /// All usage as `(timestamp, amount)`, in event order.
    pub fn usage(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.usage.iter_from(i64::MIN)
    }

    /// The number of grants that are not retracted.
    pub fn grant_count(&self) -> usize {
        self.timeline.grants.len()
    }

    /// The sum of the amounts of the grants that are not retracted.
    pub fn granted(&self) -> u64 {
        self.timeline.grants.total()
    }

    /// The number of usage entries.
    pub fn usage_count(&self) -> usize {
        self.usage.len()
    }

    /// The sum of the amounts of all usage.
    pub fn used(&self) -> u64 {
        self.usage.total()
    }

    /// The sum of all usage at or before an instant, paid or not. O(log n).
    pub fn used_at(&self, timestamp: i64) -> u64 {
        self.usage.through(timestamp)
    }

    /// The first instant by which more than `amount` has been used, paid or not; `None` where
    /// there is none. O(log n).
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(600, 20)?;
    /// account.subtract(500, 10)?;
    /// assert_eq!(account.used_at(10), 500);
    /// assert_eq!(account.first_used_above(499), Some(10));
    /// assert_eq!(account.first_used_above(500), Some(20));
    /// assert_eq!(account.first_used_above(1_100), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn first_used_above(&self, amount: u64) -> Option<i64> {
        self.usage.first_above(amount).map(|(time, _)| time)
    }

    /// The number of checkpoints kept.
    pub fn checkpoint_count(&self) -> usize {
        self.timeline.checkpoint_count()
    }

    /// Bytes on the heap and in the account itself, capacity not in use included.
    pub fn memory_used(&self) -> usize {
        size_of::<Self>() + self.usage.memory_used() + self.timeline.memory_used()
    }

    /// Checks every structure against its definition. For tests: O(n + m log m), and more where
    /// the account is not settled.
    ///
    /// # Panics
    /// If anything does not add up.
    pub fn assert_invariants(&self) {
        self.usage.assert_invariants();
        self.timeline.assert_invariants(&self.usage);
    }
}
