//! What may be spent without taking from anything that is posted.

use std::ops::{Range, RangeBounds};

use crate::account::GpuCredit;
use crate::error::Error;
use crate::limits::{AMOUNTS_MAX, USAGE_RECORDS_MAX};
use crate::range::closed;
use crate::rates::{JOBS_MAX, Job};
use crate::timeline::ask::more::{More, Uncovered};

impl GpuCredit {
    /// The largest amount that may be used at an instant without taking from anything that is
    /// posted, planned usage included. Posted last, usage of that amount fits the limits, is drawn
    /// whole, and leaves the deficit and what is dropped as they are, at every instant; less may be
    /// forfeited. Usage of more does not. 0 if no grant is live.
    ///
    /// A replay of boundaries from the last sound checkpoint, and two side by side from the instant
    /// on, up to where the usage makes no difference any more: O(log live) and a look-up a boundary,
    /// and O(live) if a grant ends while one of another priority is drawn before it.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(60, 20)?; // planned
    /// assert_eq!(account.get_balance(10), Some(100));
    /// assert_eq!(account.spendable(10), 40);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn spendable(&self, timestamp: i64) -> u64 {
        let is_full = self.usage_sums().records >= USAGE_RECORDS_MAX.into();
        let amount = if is_full { 0 } else { self.usage_room() };
        let mut replays = self.view().with_more(More::Once { amount, timestamp });
        while replays.next_uncovered().is_some() {}
        replays.paid()
    }

    /// The largest rate of a job over these ticks, posted last, in the sense of
    /// [`spendable`](Self::spendable): does a job of 40 hours fit, and of how many GPUs?
    ///
    /// Some tries, usually two or three and never more than 252, each of which costs at most what
    /// [`spendable`](Self::spendable) does.
    ///
    /// # Errors
    /// If there are no ticks.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("today", 100, 0, 9)?; // live in [0, 9]
    /// account.add_credit("march", 30, 0, 99)?;
    /// assert_eq!(account.spendable_rate(0..10)?, 13);
    /// assert_eq!(account.spendable_rate(0..20)?, 3); // ten ticks from the second alone
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn spendable_rate(&self, ticks: Range<i64>) -> Result<u64, Error> {
        let Range {
            start: from,
            end: until,
        } = ticks;
        if from >= until {
            return Err(Error::NoTicks { from, until });
        }
        let most = self.job_room() / from.abs_diff(until);
        Ok(largest(most, |rate| {
            let mut replays = self.view().with_more(More::Job(Job { from, until, rate }));
            let mut most = rate;
            while let Some(uncovered) = replays.next_uncovered() {
                let is_after = uncovered.added_last == 0;
                if is_after && most < rate {
                    // The job itself could not be paid: the next try finds what it leaves uncovered later.
                    break;
                }
                most = most.min(rate - fewest(uncovered, rate));
            }
            Limit {
                most,
                is_reached: most == rate,
            }
        }))
    }

    /// The first tick `T` from `from` on that a job of this rate could not use: over
    /// `[from, T + 1)` it does not fit, in the sense of [`spendable`](Self::spendable), and over
    /// `[from, T)` it does. `None` if there is no such tick, and for a rate of 0. No job runs at
    /// `i64::MAX`.
    ///
    /// Cost as [`spendable_rate`](Self::spendable_rate); usually one try.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("today", 100, 0, 9)?; // live in [0, 9]
    /// account.add_credit("march", 30, 0, 99)?;
    /// assert_eq!(account.runs_dry(4, 0), Some(17));
    /// assert_eq!(account.runs_dry(0, 0), None);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn runs_dry(&self, rate: u64, from: i64) -> Option<i64> {
        let ahead = from.abs_diff(i64::MAX);
        let fitting = self.job_room().checked_div(rate)?.min(ahead);
        let until = |ticks| from.saturating_add_unsigned(ticks);
        let paid = largest(fitting, |ticks| {
            let until = until(ticks);
            let mut replays = self.view().with_more(More::Job(Job { from, until, rate }));
            let mut limit = Limit {
                most: ticks,
                is_reached: true,
            };
            while let Some(uncovered) = replays.next_uncovered() {
                // At least so many of the latest units have to go. If that is all, and they were
                // added in this very epoch, none of them has lapsed: they are what has to go.
                let is_first = limit.most == ticks;
                limit.is_reached = is_first && uncovered.amount <= uncovered.added_last;
                limit.most = (uncovered.added_in_all - uncovered.amount) / rate;
                if !limit.is_reached && uncovered.added_last > 0 {
                    break;
                }
                replays.add_no_more();
            }
            limit
        });
        (paid < ahead).then(|| until(paid))
    }

    /// The first tick in a range of time at which usage that is posted is not drawn whole as it
    /// happens: when the account runs dry. Then it becomes a deficit or is dropped, in part or whole.
    ///
    /// If the account is settled, a descent in each index: O(log n + log m), and a pass over one
    /// chunk. If not, boundaries are replayed.
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, MeteredUsage};
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 70, 0, 30)?;
    /// account.post_metered(MeteredUsage { rate: 4, from: 0, until: 20 })?;
    /// assert_eq!(account.first_uncovered(..), Some(17));
    /// assert_eq!(account.first_uncovered(20..), None); // no usage, though there is a deficit
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    #[must_use]
    pub fn first_uncovered(&self, range: impl RangeBounds<i64>) -> Option<i64> {
        self.view().first_uncovered(closed(range)?)
    }

    /// What all usage may still grow by.
    fn usage_room(&self) -> u64 {
        AMOUNTS_MAX - self.used()
    }

    /// The same, if one more job can be numbered.
    fn job_room(&self) -> u64 {
        if self.usage_sums().jobs < JOBS_MAX as usize {
            self.usage_room()
        } else {
            0
        }
    }
}

/// By how much the rate has to fall at least, for so much to be paid: each unit of it saves at most
/// one at each tick.
fn fewest(uncovered: Uncovered, rate: u64) -> u64 {
    let ticks = uncovered.added / rate;
    uncovered.amount.div_ceil(ticks)
}

/// What one try has shown.
struct Limit {
    /// Nothing above this fits.
    most: u64,
    /// Whether this fits.
    is_reached: bool,
}

/// One try in so many halves what is left.
const TRIES_TO_HALVE: u32 = 4;

/// The largest number up to `most` that fits. 0 does, and with a number all below it.
fn largest(most: u64, attempt: impl Fn(u64) -> Limit) -> u64 {
    let (mut fitting, mut most) = (0, most);
    let mut tries = 0;
    while fitting < most {
        tries += 1;
        // A limit that tries have shown is the answer as a rule. If it is not, halving is faster.
        let tried = if tries % TRIES_TO_HALVE == 0 {
            most - (most - fitting) / 2
        } else {
            most
        };
        let limit = attempt(tried);
        match limit.is_reached {
            true if limit.most < tried => return limit.most,
            true => fitting = tried,
            false => most = limit.most,
        }
    }
    fitting
}
