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
//! Metered usage, priorities, corrections, and what else can be asked:
//!
//! ```text
//! grant 10 at 0 for 100 priority -1 # 0 if none is said
//! usage 8 per tick from 10 until 20 # metered: a rate, and ticks without the last
//! change usage 8 per tick from 10 until 20 to 8 per tick from 10 until 15
//! retract usage 8 per tick from 10 until 15
//! change grant 0 for 50             # another expiration
//! change grant 0 priority 2
//! revoke grant 0 from 30            # its window ends the instant before
//! used at 30 is 40
//! dropped at 30 is 0
//! draws of 0 are 4 of 1 over 10..12, 3 of 0 over 13..13 drawn at 20 # grants by number, first and
//!                                   # last tick, and when a deficit was paid; or `none`
//! first uncovered from 0 to 30 is 12   # both ends included; or `never`
//! spendable at 10 is 5
//! spendable rate from 10 until 20 is 1
//! rate 3 from 10 runs dry at 12     # or `runs dry never`
//! ```
//!
//! The usage of a retraction, or of a change, is the latest posted record like it, and that of
//! `draws` a place among all usage that stands, 0, 1, 2 ...; its draws come by first tick. An engine
//! that does not have all of this runs the cases whose [`needs`](Case::needs) it meets.
//!
//! The policy is `carry`, `carry:5`, `forfeit`, or `either`, which makes a case of `carry` and one of
//! `forfeit`. A standing deficit is
//! said with the balance, `balance at 9 is overdrawn, deficit 5`; if none is said, there is
//! none. What the classic keyed calculator makes of the records so far is `classic at 9 is 5`, or
//! `none`. Amounts and times are integers, `#` starts a remark, and blank lines mean nothing.
//!
//! ```
//! use gpu_credit_replay::cases::{self, Step};
//! use gpu_credit_replay::{ListReplay, Replay, Usage};
//!
//! let simple = cases::all().into_iter().filter(|case| case.needs().is_empty());
//! for case in simple {
//!     let mut account = ListReplay::new(case.overdraft);
//!     for step in &case.steps {
//!         match *step {
//!             Step::Grant { amount, timestamp, expiration, .. } => {
//!                 account.add_credit(amount, timestamp, expiration);
//!             }
//!             Step::Usage(Usage { amount, timestamp, .. }) => account.subtract(amount, timestamp),
//!             Step::RetractGrant { grant } => assert!(account.retract_grant(grant)),
//!             Step::RetractUsage(Usage { amount, timestamp, .. }) => {
//!                 assert!(account.retract_usage(amount, timestamp));
//!             }
//!             Step::Balance { timestamp, answer } => {
//!                 assert_eq!(account.balance_at(timestamp), answer, "{step} in\n{case}");
//!             }
//!             Step::Remainders { timestamp, ref remainders } => {
//!                 assert_eq!(&account.remainders_at(timestamp), remainders, "{step} in\n{case}");
//!             }
//!             Step::Classic { .. } => {}
//!             _ => unreachable!("{step} needs something"),
//!         }
//!     }
//! }
//! ```

mod need;
mod parse;
mod print;

pub use need::Need;
pub use parse::{ParseError, parse};

use crate::{Answer, Draw, Overdraft, Usage};

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
        /// Lower is drawn first.
        priority: i16,
    },
    /// Usage, at an instant or metered.
    Usage(Usage),
    /// Takes a grant back as if never posted; it is there.
    RetractGrant {
        /// Its posting number.
        grant: usize,
    },
    /// Takes the latest posted usage like this back as if never posted; there is one.
    RetractUsage(Usage),
    /// Puts another record in the place of the latest posted usage like this; there is one.
    ChangeUsage {
        /// As it stands.
        usage: Usage,
        /// As it is to be.
        new: Usage,
    },
    /// Ends a grant before its time; it can be.
    RevokeGrant {
        /// Its posting number.
        grant: usize,
        /// The instant after its last.
        from: i64,
    },
    /// Gives a grant another window; it can be.
    ChangeExpiration {
        /// Its posting number.
        grant: usize,
        /// The last instant of the window, counted from the first.
        expiration: u64,
    },
    /// Gives a grant another priority; it is there.
    ChangePriority {
        /// Its posting number.
        grant: usize,
        /// Lower is drawn first.
        priority: i16,
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
    /// How much was used up to an instant?
    Used {
        /// The instant asked about.
        timestamp: i64,
        /// The right answer.
        amount: u64,
    },
    /// How much of what was used up to an instant was dropped?
    Dropped {
        /// The instant asked about.
        timestamp: i64,
        /// The right answer.
        amount: u64,
    },
    /// Who paid for a usage record, and when?
    Draws {
        /// The place of the record among all usage that stands.
        usage: usize,
        /// The right answer, by first tick.
        draws: Vec<Draw>,
    },
    /// When is usage first not drawn whole when it falls?
    FirstUncovered {
        /// The first instant asked about.
        from: i64,
        /// The last instant asked about.
        to: i64,
        /// The right answer; `None`: never.
        tick: Option<i64>,
    },
    /// How much could be used at an instant?
    Spendable {
        /// The instant asked about.
        timestamp: i64,
        /// The right answer.
        amount: u64,
    },
    /// Which rate could be used over some ticks?
    SpendableRate {
        /// The first tick.
        from: i64,
        /// The tick after the last; later than the first.
        until: i64,
        /// The right answer.
        rate: u64,
    },
    /// When would a job run dry?
    RunsDry {
        /// The units that it would use at each tick.
        rate: u64,
        /// Its first tick.
        from: i64,
        /// The right answer; `None`: never.
        tick: Option<i64>,
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
        include_str!("../../cases/metered.txt"),
        include_str!("../../cases/priority.txt"),
        include_str!("../../cases/line.txt"),
        include_str!("../../cases/spendable.txt"),
    ];
    let cases = texts.map(|text| parse(text).expect("the crate's own cases are well formed"));
    cases.into_iter().flatten().collect()
}
