//! Worked examples as text, to be run over any engine.
//!
//! A case is a name, a policy, and lines that read like sentences. Records are posted in the order
//! of the lines, and a question is asked of what stands by then:
//!
//! ```text
//! case soonest expiry first, carry
//! grant 4 at 20 for 40              # amount, timestamp, expiration
//! grant 3 at 30 for 10
//! usage 2 at 30                     # amount, timestamp
//! balance at 30 is 5                # available
//! balance at 90 is inactive         # none, and why: inactive, spent or overdrawn
//! remainders at 30 are 1:1 0:4      # number:amount in draw order, or `none`
//! retract usage 2 at 30
//! retract grant 1                   # by posting number: 0, 1, 2 ...
//! balance at 30 is 4
//! ```
//!
//! The policy is `carry`, `forfeit` or `either`, which makes a case of each. A standing deficit is
//! said with the balance, `balance at 9 is overdrawn, deficit 5`; if none is said, there is
//! none. What the classic keyed calculator makes of the records so far is `classic at 9 is 5`, or
//! `none`. Amounts and times are integers, `#` starts a remark, and blank lines mean nothing.
//!
//! ```
//! use gpu_credit_replay::cases::{self, Step};
//! use gpu_credit_replay::{ListReplay, Replay};
//!
//! for case in cases::all() {
//!     let mut account = ListReplay::new(case.overdraft);
//!     for step in &case.steps {
//!         match *step {
//!             Step::Grant { amount, timestamp, expiration } => {
//!                 account.add_credit(amount, timestamp, expiration);
//!             }
//!             Step::Usage { amount, timestamp } => account.subtract(amount, timestamp),
//!             Step::RetractGrant { grant } => assert!(account.retract_grant(grant)),
//!             Step::RetractUsage { amount, timestamp } => {
//!                 assert!(account.retract_usage(amount, timestamp));
//!             }
//!             Step::Balance { timestamp, answer } => {
//!                 assert_eq!(account.balance_at(timestamp), answer, "{step} in\n{case}");
//!             }
//!             Step::Remainders { timestamp, ref remainders } => {
//!                 assert_eq!(&account.remainders_at(timestamp), remainders, "{step} in\n{case}");
//!             }
//!             Step::Classic { .. } => {}
//!         }
//!     }
//! }
//! ```

mod parse;
mod print;

pub use parse::{ParseError, parse};

use crate::{Answer, Overdraft};

/// A worked example. It prints as the text that it is parsed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The policy of its account.
    pub overdraft: Overdraft,
    /// What is posted and asked, in this order.
    pub steps: Vec<Step>,
}

/// One line of a case: a record, a retraction, or a question with its right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Credit that is live in `[timestamp, timestamp + expiration]`.
    Grant {
        /// In the smallest unit.
        amount: u64,
        /// The first instant of the window.
        timestamp: i64,
        /// The last instant of the window, counted from `timestamp`.
        expiration: u64,
    },
    /// Usage at an instant.
    Usage {
        /// In the smallest unit.
        amount: u64,
        /// When it took effect.
        timestamp: i64,
    },
    /// Takes a grant back as if never posted; it is there.
    RetractGrant {
        /// Its posting number.
        grant: usize,
    },
    /// Takes one matching usage back as if never posted; there is one.
    RetractUsage {
        /// As posted.
        amount: u64,
        /// As posted.
        timestamp: i64,
    },
    /// What is the balance, and why?
    Balance {
        /// The instant asked about.
        timestamp: i64,
        /// The right answer.
        answer: Answer,
    },
    /// What is left of each live grant?
    Remainders {
        /// The instant asked about.
        timestamp: i64,
        /// The right answer: posting number and amount, in draw order.
        remainders: Vec<(usize, u64)>,
    },
    /// What does the classic keyed calculator say?
    Classic {
        /// The instant asked about.
        timestamp: i64,
        /// What it says, by the order of the calls so far.
        balance: Option<u64>,
    },
}

/// All cases that come with the crate.
///
/// # Panics
///
/// Never: the texts are part of the crate, and its tests parse them.
pub fn all() -> Vec<Case> {
    let texts = [
        include_str!("../../cases/worked.txt"),
        include_str!("../../cases/law.txt"),
        include_str!("../../cases/limits.txt"),
        include_str!("../../cases/classic.txt"),
    ];
    let cases = texts.map(|text| parse(text).expect("the crate's own cases are well formed"));
    cases.into_iter().flatten().collect()
}
