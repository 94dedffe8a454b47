//! The account: grants and usage are posted to it, and it answers for any instant.
//!
//! It stands on two indexes: usage over time ([`AllUsage`]) and the level of each epoch
//! ([`GrantTimeline`]). A balance is a level less a sum of usage. Posting many records at once,
//! corrections, what the account holds and all further questions have files of their own.

use std::fmt;

use crate::all_usage::AllUsage;
use crate::answer::{Answer, answer, balance};
use crate::error::Error;
use crate::limits::{Sums, UsageSums};
use crate::options::{Options, Overdraft};
use crate::rates::RateIndex;
use crate::record::{GrantId, GrantRecord, NewGrant, UsageId, UsageRecord};
use crate::timeline::GrantTimeline;
use crate::timeline::ask::View;
use crate::timeline::settle::SettlementStatistics;

/// One account of credit that expires: exact balances at any instant, whatever the order of calls.
///
/// Timestamps are `i64` in the caller's unit (seconds, milliseconds ...) and may be negative;
/// amounts are non-negative integers of the smallest unit. Grants add up to `i64::MAX` at most,
/// and so does usage.
///
/// In the costs below, `n` is the number of usage records and `m` the number of *boundaries*: each
/// grant has two, its start and the instant after its end. From one boundary to the next runs an
/// *epoch*.
///
/// Questions take `&self`, lock nothing and store nothing; no answer depends on when the account
/// was settled. An account settles on its own, up to the latest usage: each write repairs what it
/// invalidates, within 256 boundaries, and of late writes that follow one another the 1st, 2nd, 4th, 8th
/// and 16th does. A question about what is not settled costs at most what is left to repair, never
/// a replay of usage. [`settle`](Self::settle) is for bulk work: call it after a load, or before
/// many questions about the future.
///
/// ```
/// use gpu_credit::GpuCredit;
///
/// let mut account = GpuCredit::new();
/// account.subtract(4, 30)?; // reaches the account first, takes effect second
/// account.add_credit("march", 10, 20, 30)?; // live in [20, 50], both ends included
///
/// assert_eq!(account.get_balance(19), None);
/// assert_eq!(account.get_balance(20), Some(10));
/// assert_eq!(account.get_balance(30), Some(6));
/// assert_eq!(account.get_balance(50), Some(6));
/// assert_eq!(account.get_balance(51), None);
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone)]
pub struct GpuCredit {
    pub(crate) usage: AllUsage,
    pub(crate) timeline: GrantTimeline,
    pub(crate) overdraft: Overdraft,
}

impl Default for GpuCredit {
    fn default() -> Self {
        Self::new()
    }
}

/// A summary: what the account holds, and whether it is settled. O(1)
impl fmt::Debug for GpuCredit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GpuCredit")
            .field("overdraft", &self.overdraft)
            .field("grant_count", &self.grant_count())
            .field("granted", &self.granted())
            .field("usage_count", &self.usage_count())
            .field("used", &self.used())
            .field("is_settled", &self.is_settled())
            .finish_non_exhaustive()
    }
}

impl GpuCredit {
    /// An empty account that carries its deficits. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let account = GpuCredit::new();
    /// assert_eq!(account.get_balance(0), None); // no grant is live
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// An empty account with an overdraft policy. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Overdraft};
    ///
    /// let mut account = GpuCredit::with_overdraft(Overdraft::Forfeit);
    /// account.subtract(4, 0)?; // nothing is live: it is dropped
    /// account.add_credit("a", 10, 5, 5)?;
    /// assert_eq!(account.get_balance(5), Some(10));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn with_overdraft(overdraft: Overdraft) -> Self {
        Self::with_options(Options::default().overdraft(overdraft))
    }

    /// An empty account with a policy and sizes of its own. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Options, Overdraft};
    ///
    /// let account = GpuCredit::with_options(Options::default().overdraft(Overdraft::Forfeit));
    /// assert_eq!(account.overdraft(), Overdraft::Forfeit);
    /// ```
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        GpuCredit {
            usage: AllUsage::new(options.usage_chunk),
            timeline: GrantTimeline::new(&options),
            overdraft: options.overdraft,
        }
    }

    /// The policy with which the account was opened. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Overdraft};
    ///
    /// assert_eq!(GpuCredit::new().overdraft(), Overdraft::Carry);
    /// ```
    #[must_use]
    pub fn overdraft(&self) -> Overdraft {
        self.overdraft
    }

    /// Posts a grant that is live in `[timestamp, timestamp + expiration]`, both ends included: an
    /// `expiration` of 0 is a window of one instant, and a window that ends at `i64::MAX` never
    /// ends. `credit_id` is metadata: two grants with one id are two grants. Its priority is 0:
    /// [`post_grant`](Self::post_grant) takes another. O(log m), a pass over one chunk, and, unless it
    /// starts beyond what is settled, at most 256 boundaries replayed.
    ///
    /// # Errors
    /// If the window would end after `i64::MAX`, if grants would add up to more than `i64::MAX`, or
    /// if more than 2³¹ grants or 4 GiB of credit ids were ever posted. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 10, 30)?; // live in [10, 40]
    /// assert_eq!(account.get_balance(9), None);
    /// assert_eq!(account.get_balance(40), Some(100));
    /// assert_eq!(account.get_balance(41), None);
    /// assert!(account.add_credit("too long", 1, i64::MAX, 1).is_err());
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn add_credit(
        &mut self,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> Result<GrantId, Error> {
        self.number_grant(NewGrant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority: 0,
        })
    }

    /// Posts a grant, as [`add_credit`](Self::add_credit) does and at its cost.
    ///
    /// # Errors
    /// As [`add_credit`](Self::add_credit).
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, GrantRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.post_grant(GrantRecord::new("gift", 100, 10, 0).without_end())?;
    /// assert_eq!(account.get_balance(i64::MAX), Some(100));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "a record is handed over")]
    pub fn post_grant(&mut self, grant: GrantRecord) -> Result<GrantId, Error> {
        self.number_grant(grant.borrowed())
    }

    fn number_grant(&mut self, grant: NewGrant<'_>) -> Result<GrantId, Error> {
        let number = self.timeline.post_grant(&self.usage, grant)?;
        Ok(GrantId(number))
    }

    /// Posts usage at an instant. It draws from the grants live then, lowest priority and then soonest
    /// expiry first, and never fails for lack of credit: see [`Overdraft`].
    ///
    /// Amortised O(1) in time order. Else O(log n) and a pass over one chunk, amortised, and, unless it is
    /// beyond what is settled, at most 256 boundaries replayed.
    ///
    /// # Errors
    /// If usage would add up to more than `i64::MAX`, or if 2³² - 1 usage records were ever posted
    /// already. The account is as before.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(60, 20)?;
    /// account.subtract(70, 10)?; // late, and more than is then left for the other
    /// assert_eq!(account.get_balance(10), Some(30));
    /// assert_eq!(account.balance_at(20).deficit, 30);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
        self.usage_sums().add(amount)?;
        self.usage.instants.insert(timestamp, amount);
        self.timeline.usage_posted(&self.usage, timestamp, amount);
        Ok(())
    }

    /// Posts usage, as [`subtract`](Self::subtract) does, and names it: to ask which grants it
    /// drew from, and to correct it. O(log n) more than `subtract`.
    ///
    /// # Errors
    /// As [`subtract`](Self::subtract).
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, UsageRecord};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let job = account.post_usage(UsageRecord { amount: 40, timestamp: 10 })?;
    /// account.change_usage(job, 4)?;
    /// assert_eq!(account.get_balance(10), Some(96));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn post_usage(&mut self, usage: UsageRecord) -> Result<UsageId, Error> {
        let id = self.next_usage_id(usage.timestamp);
        self.subtract(usage.amount, usage.timestamp)?;
        Ok(id)
    }

    /// The balance at an instant: live remainders minus deficit, with every record at or before it
    /// applied in event time. `None` if no window contains the instant, if the result is negative,
    /// or if it is zero under [`Overdraft::Forfeit`].
    ///
    /// O(log m + log n) if the account is settled at `timestamp`, with one round of cache misses in
    /// each index; otherwise as [`settle`](Self::settle) says.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(60, 20)?;
    /// assert_eq!(account.get_balance(19), Some(100));
    /// assert_eq!(account.get_balance(20), Some(40));
    /// assert_eq!(account.get_balance(31), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get_balance(&self, timestamp: i64) -> Option<u64> {
        if let Some(sums) = self.usage.laid_out()
            && let Some(limits) = self.timeline.laid_out_at(timestamp)
        {
            let used = sums.value(timestamp);
            return limits.value(timestamp).balance(used, self.overdraft);
        }
        self.balance_elsewhere(timestamp)
    }

    /// The balance if not everything is laid out. Out of line, to keep the other way short.
    #[inline(never)]
    fn balance_elsewhere(&self, timestamp: i64) -> Option<u64> {
        match self.timeline.limit(timestamp) {
            Some(limit) => limit.balance(self.usage.through(timestamp), self.overdraft),
            None => self.balance_by_tree(timestamp),
        }
    }

    #[inline(never)]
    fn balance_by_tree(&self, timestamp: i64) -> Option<u64> {
        balance(self.view().standing(timestamp), self.overdraft)
    }

    /// The balance at an instant, and why it is what it is. O(log m + log n) if the account is
    /// settled at `timestamp`; otherwise as [`settle`](Self::settle) says.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Status};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(120, 20)?;
    /// let answer = account.balance_at(20);
    /// assert_eq!((answer.status, answer.deficit), (Status::Overdrawn, 20));
    /// assert_eq!(account.balance_at(31).status, Status::Inactive); // the deficit is still 20
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn balance_at(&self, timestamp: i64) -> Answer {
        answer(self.view().standing(timestamp), self.overdraft)
    }

    /// Brings levels and checkpoints up to date, so that questions replay nothing. It changes cost,
    /// never an answer.
    ///
    /// Writes do the part of it that questions up to the latest usage need, within 256 boundaries
    /// each. What is left is for bulk work: after very many late writes or a load, everything later
    /// is replayed once, and before many questions about the future, every boundary to come. O(1)
    /// if nothing is stale; else O(log live) for each boundary that is replayed, and O(m) when
    /// the table is built anew that makes questions O(1). Usage is never replayed.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// account.add_credit("march", 10, 20, 30)?;
    /// account.settle();
    /// assert!(account.is_settled());
    /// assert_eq!(account.get_balance(30), Some(6));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn settle(&mut self) {
        self.settle_to(i64::MAX);
    }

    /// As [`settle`](Self::settle), but only so far that questions up to an instant replay nothing:
    /// O(1) if nothing before it is stale, else O(log live) for each boundary replayed. If records come in time order and questions are about now, there is nothing to do.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// for month in 0..12 {
    ///     account.add_credit("plan", 10, month * 30, 29)?;
    /// }
    /// account.subtract(4, 5)?;
    /// account.settle_to(35); // the other months are left alone
    /// assert_eq!(account.get_balance(35), Some(10));
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn settle_to(&mut self, timestamp: i64) {
        self.usage.lay_out();
        self.timeline.settle(&self.usage, timestamp);
    }

    /// Whether questions at every instant replay nothing. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// assert!(GpuCredit::new().is_settled());
    /// ```
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.timeline.is_settled()
    }

    /// What settling has done since the account was opened. O(1)
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// assert_eq!(GpuCredit::new().settlement().boundaries_replayed, 0);
    /// ```
    #[must_use]
    pub fn settlement(&self) -> SettlementStatistics {
        self.timeline.statistics()
    }

    /// Checks every structure against its definition. For tests: O(n + m log m), and more if the
    /// account is not settled.
    ///
    /// # Panics
    /// If anything does not add up.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.subtract(4, 30)?;
    /// account.assert_invariants();
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn assert_invariants(&self) {
        self.usage.assert_invariants();
        self.timeline.assert_invariants(&self.usage);
    }

    /// The account, to be asked what the timeline knows.
    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        self.timeline.ask(&self.usage)
    }

    /// What the records add up to.
    #[inline]
    pub(crate) fn sums(&self) -> Sums {
        Sums {
            usage: self.usage_sums(),
            ..self.timeline.grants.sums()
        }
    }

    /// What the usage adds up to.
    #[inline]
    pub(crate) fn usage_sums(&self) -> UsageSums {
        UsageSums {
            total: self.usage.total(),
            records: self.usage.instants.posted(),
            jobs: self.usage.metered().map_or(0, RateIndex::posted),
        }
    }
}
