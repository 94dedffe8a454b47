//! Many accounts asked at once.

use super::{CreditBook, Shard};
use crate::answer::Answer;
use crate::parallel;

/// What the accounts of a book add up to at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Total {
    /// The sum of all balances that there are, in the smallest unit.
    pub balance: u128,
    /// The sum of all deficits, whatever the status.
    pub deficit: u128,
    /// The number of accounts that have a balance.
    pub available: usize,
}

impl Total {
    fn plus(self, other: Total) -> Total {
        Total {
            balance: self.balance + other.balance,
            deficit: self.deficit + other.deficit,
            available: self.available + other.available,
        }
    }
}

impl CreditBook {
    /// The answer to each question, an account and an instant, in any order: as
    /// [`balance_at`](Self::balance_at) for each, with the `rayon` feature on all cores if there are
    /// many.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft, Record};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Carry)?;
    /// book.ingest(&[("ada", Record::grant("march", 100, 0, 30))])?;
    /// let answers = book.balances_at(&[("ada", 5), ("eve", 5)]);
    /// assert_eq!(answers[0].unwrap().balance, Some(100));
    /// assert_eq!(answers[1], None); // no such account
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn balances_at<N: AsRef<str> + Sync>(&self, questions: &[(N, i64)]) -> Vec<Option<Answer>> {
        let ask = |(name, timestamp): &(N, i64)| self.balance_at(name.as_ref(), *timestamp);
        parallel::map_many(1_024, questions, ask)
    }

    /// What all accounts add up to at an instant. O(a), on all cores with the `rayon` feature.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft, Record};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Carry)?;
    /// book.open("bob", Overdraft::Carry)?;
    /// book.ingest(&[("ada", Record::grant("march", 100, 0, 30)), ("bob", Record::usage(4, 0))])?;
    /// let total = book.total_at(5);
    /// assert_eq!((total.balance, total.deficit, total.available), (100, 4, 1));
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn total_at(&self, timestamp: i64) -> Total {
        let total = |shard: &Shard| {
            let answers = shard.values().map(|account| account.balance_at(timestamp));
            let totals = answers.map(|answer| Total {
                balance: answer.balance.unwrap_or(0).into(),
                deficit: answer.deficit.into(),
                available: usize::from(answer.balance.is_some()),
            });
            totals.fold(Total::default(), Total::plus)
        };
        let totals = parallel::map(self.len(), self.shards.len(), |at| total(&self.shards[at]));
        totals.into_iter().fold(Total::default(), Total::plus)
    }
}
