//! Many accounts asked at once: some questions at a time wait for memory together.

use super::CreditBook;
use super::directory::{Hash, Shard};
use super::packed::Question;
use crate::answer::Answer;
use crate::parallel;

/// Questions that wait together.
const TOGETHER: usize = 32;
/// Questions that one thread takes at a time.
const AT_A_TIME: usize = 1_024;

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
    /// many. O(1) expected for each name, and as `balance_at` for the account.
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
        let mut answers = vec![None; questions.len()];
        parallel::answer(AT_A_TIME, questions, &mut answers, |questions, answers| {
            let questions = questions.chunks(TOGETHER);
            for (questions, answers) in questions.zip(answers.chunks_mut(TOGETHER)) {
                self.answer_together(questions, answers);
            }
        });
        answers
    }

    /// Answers some questions step by step. Before each step what it reads is asked for: slots, then
    /// accounts, fences and blocks.
    fn answer_together<N: AsRef<str>>(
        &self,
        questions: &[(N, i64)],
        answers: &mut [Option<Answer>],
    ) {
        let mut looked_up = [Hash::default(); TOGETHER];
        for ((name, _), hash) in questions.iter().zip(&mut looked_up) {
            *hash = self.hash(name.as_ref());
            self.shards[hash.shard()].prefetch(hash.tag());
        }
        let mut tagged = [None; TOGETHER];
        for (hash, account) in looked_up[..questions.len()].iter().zip(&mut tagged) {
            *account = self.shards[hash.shard()].first_tagged(hash.tag());
            account.inspect(|account| account.prefetch());
        }
        let mut asked = [None; TOGETHER];
        for (at, (name, timestamp)) in questions.iter().enumerate() {
            if tagged[at].is_some_and(|account| !account.is_named(name.as_ref())) {
                tagged[at] = self.account(name.as_ref());
            }
            asked[at] = tagged[at].and_then(|account| account.question(*timestamp));
            asked[at].iter().for_each(Question::prefetch_fences);
        }
        for question in asked.iter_mut().flatten() {
            question.find_blocks();
            question.prefetch_blocks();
        }
        for (at, ((_, timestamp), answer)) in questions.iter().zip(answers).enumerate() {
            *answer = match &asked[at] {
                Some(question) => Some(question.answer()),
                None => tagged[at].map(|account| account.balance_at(*timestamp)),
            };
        }
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
            let answers = shard.iter().map(|account| account.balance_at(timestamp));
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
