//! Who takes part in a verification, and what they say.

use std::fmt;

use gpu_credit::{Error, GpuCredit, Overdraft};
use gpu_credit_replay::KeyedCalculator;
use gpu_credit_workload::Action;

use crate::engine::{Answer, Engine, Heap, List};

/// One account as one of the engines keeps it.
pub(crate) trait Party {
    /// Posts a record. A question is not one.
    fn post(&mut self, record: Action<'_>) -> Result<(), Error>;

    /// Asks for the balance at an instant.
    fn ask(&mut self, timestamp: i64) -> Said;
}

/// The parties to one account, by name.
pub(crate) type Parties = Vec<(&'static str, Box<dyn Party>)>;

/// Every engine there is, for a new account of this policy.
pub(crate) fn all(overdraft: Overdraft) -> Parties {
    let mut parties: Parties = vec![
        ("indexed", Box::new(GpuCredit::open(overdraft))),
        ("list", Box::new(List::open(overdraft))),
        ("heap", Box::new(Heap::open(overdraft))),
    ];
    if overdraft == Overdraft::Forfeit {
        parties.push((KEYED, Box::new(Keyed::new())));
    }
    parties
}

/// The name of the keyed calculator.
pub(crate) const KEYED: &str = "keyed";

/// What a party says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The whole answer.
    Answer(Answer),
    /// The balance, not knowing why.
    Balance(Option<u64>),
    /// Nothing, because it does not take part.
    Nothing,
}

impl Said {
    /// Whether both may be right.
    pub(crate) fn agrees_with(self, other: Said) -> bool {
        match (self, other) {
            (Said::Answer(answer), Said::Answer(other)) => answer == other,
            (Said::Nothing, _) | (_, Said::Nothing) => true,
            _ => self.balance() == other.balance(),
        }
    }

    fn balance(self) -> Option<u64> {
        match self {
            Said::Answer(answer) => answer.balance,
            Said::Balance(balance) => balance,
            Said::Nothing => None,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Said::Nothing {
            return formatter.write_str("takes no part");
        }
        match self.balance() {
            Some(balance) => write!(formatter, "balance {balance}")?,
            None => formatter.write_str("no balance")?,
        }
        if let Said::Answer(answer) = self {
            write!(formatter, ", {}, deficit {}", answer.status, answer.deficit)?;
        }
        Ok(())
    }
}

impl<E: Engine> Party for E {
    fn post(&mut self, record: Action<'_>) -> Result<(), Error> {
        Engine::post(self, record)
    }

    fn ask(&mut self, timestamp: i64) -> Said {
        Said::Answer(self.balance_at(timestamp))
    }
}

/// The keyed calculator, for as long as records come in time order and, at one instant, grants
/// before usage. It answers by the order of the calls, so that from the first record out of order
/// on it takes no part, and it has nothing to say about instants before its last record. Nor does it
/// know metered usage and priorities.
struct Keyed {
    calculator: KeyedCalculator,
    /// Time of the last record, and whether it is usage. `None`: no record yet.
    last: Option<(i64, bool)>,
    takes_part: bool,
}

/// The calculator keeps many accounts; here it has one.
const ACCOUNT: &str = "account";

impl Keyed {
    fn new() -> Self {
        Self {
            calculator: KeyedCalculator::new(),
            last: None,
            takes_part: true,
        }
    }
}

impl Party for Keyed {
    fn post(&mut self, record: Action<'_>) -> Result<(), Error> {
        // The order of the tuples is that of the law: time, then grants before usage.
        let is_usage = matches!(record, Action::Usage { .. });
        let this = Some((record.timestamp(), is_usage));
        let is_known = match record {
            Action::Grant { priority, .. } => priority == 0,
            Action::Metered { .. } => false,
            Action::Usage { .. } | Action::Balance { .. } => true,
        };
        self.takes_part &= is_known && self.last <= this;
        self.last = this;
        match record {
            _ if !self.takes_part => {}
            Action::Grant {
                amount,
                timestamp,
                expiration,
                ..
            } => self
                .calculator
                .add_credit(ACCOUNT, amount, timestamp, expiration),
            Action::Usage { amount, timestamp } => {
                self.calculator.use_credit(ACCOUNT, timestamp, amount);
            }
            Action::Metered { .. } | Action::Balance { .. } => {}
        }
        Ok(())
    }

    fn ask(&mut self, timestamp: i64) -> Said {
        let is_past = self.last.is_some_and(|(last, _)| timestamp < last);
        if !self.takes_part || is_past {
            return Said::Nothing;
        }
        Said::Balance(self.calculator.get_balance(ACCOUNT, timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(timestamp: i64) -> Action<'static> {
        Action::Grant {
            credit_id: "",
            amount: 10,
            timestamp,
            expiration: 100,
            priority: 0,
        }
    }

    fn usage(timestamp: i64) -> Action<'static> {
        Action::Usage {
            amount: 1,
            timestamp,
        }
    }

    #[track_caller]
    fn check(records: &[Action<'_>], timestamp: i64, expected: Said) {
        let mut keyed = Keyed::new();
        for record in records {
            keyed.post(*record).expect("it refuses nothing");
        }
        assert_eq!(keyed.ask(timestamp), expected);
    }

    #[test]
    fn the_keyed_calculator_takes_part_in_time_order_only() {
        check(&[], 0, Said::Balance(None));
        check(&[grant(5), usage(5), usage(7)], 7, Said::Balance(Some(8)));
        check(&[grant(5), usage(5), usage(7)], 6, Said::Nothing);
        check(&[grant(5), usage(7), grant(7)], 7, Said::Nothing);
        check(&[grant(5), usage(7), usage(6)], 7, Said::Nothing);
        check(&[usage(7), grant(5), usage(9)], 9, Said::Nothing);
    }

    #[test]
    fn the_keyed_calculator_knows_no_jobs_and_no_priorities() {
        let job = Action::Metered {
            rate: 1,
            from: 5,
            until: 7,
        };
        let prioritized = Action::Grant {
            credit_id: "",
            amount: 10,
            timestamp: 5,
            expiration: 100,
            priority: 1,
        };
        check(&[grant(5), job], 9, Said::Nothing);
        check(&[prioritized], 9, Said::Nothing);
    }

    #[test]
    fn a_balance_agrees_with_an_answer_of_that_balance() {
        let answer = |balance, deficit| {
            Said::Answer(Answer {
                balance,
                status: "available",
                deficit,
            })
        };
        assert!(answer(Some(1), 0).agrees_with(Said::Balance(Some(1))));
        assert!(!answer(Some(1), 0).agrees_with(Said::Balance(None)));
        assert!(answer(Some(1), 0).agrees_with(Said::Nothing));
        assert!(!answer(Some(1), 0).agrees_with(answer(Some(1), 2)));
    }
}
