//! Questions to an account that is not settled, in turns with one that is.

use std::time::{Duration, Instant};

use anyhow::Result;
use gpu_credit::GpuCredit;
use gpu_credit_benches::check::same_answers;

use crate::measure::nanoseconds;
use crate::outcome::Party;

/// Questions between two looks at the clock.
const QUESTIONS_A_CLOCK: usize = 16;

/// No more is asked in a round that has taken longer.
const ROUND_LONGEST: Duration = Duration::from_millis(300);

/// The same questions to both accounts, and the answers of the settled one.
pub(super) struct Questions<'a> {
    settled: &'a GpuCredit,
    times: &'a [i64],
    settled_answers: Vec<Option<u64>>,
    parties: [Party; 2],
}

impl<'a> Questions<'a> {
    /// Questions to a settled account, whose answers are known.
    pub(super) fn new(
        settled: &'a GpuCredit,
        times: &'a [i64],
        settled_answers: Vec<Option<u64>>,
    ) -> Self {
        let parties = ["gpu-credit, not settled", "gpu-credit, settled"];
        Self {
            settled,
            times,
            settled_answers,
            parties: parties.map(|name| Party::new(name, Vec::new())),
        }
    }

    /// Asks both accounts; the mean of each is a figure.
    ///
    /// # Errors
    /// If an answer of either is not what it should be.
    pub(super) fn round(&mut self, unsettled: &GpuCredit, expected: &[Option<u64>]) -> Result<()> {
        let first_settled = self.parties[0].samples.len() % 2 == 1;
        for is_settled in [first_settled, !first_settled] {
            let (account, expected) = match is_settled {
                true => (self.settled, &self.settled_answers[..]),
                false => (unsettled, expected),
            };
            let (answers, mean) = ask(account, self.times);
            let asked = answers.len();
            same_answers(&self.times[..asked], &answers, &expected[..asked])?;
            self.parties[usize::from(is_settled)].samples.push(mean);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Party> {
        self.parties.into()
    }
}

/// As many answers as a round has time for, and the nanoseconds of one.
fn ask(account: &GpuCredit, times: &[i64]) -> (Vec<Option<u64>>, f64) {
    let mut answers = Vec::with_capacity(times.len());
    let start = Instant::now();
    for some in times.chunks(QUESTIONS_A_CLOCK) {
        answers.extend(some.iter().map(|time| account.get_balance(*time)));
        if start.elapsed() > ROUND_LONGEST {
            break;
        }
    }
    let mean = nanoseconds(start.elapsed(), answers.len());
    (answers, mean)
}
