//! A ledger for credit that expires: exactly right about any moment of the past, however late and
//! shuffled its records arrive, and so fast that asking a large account costs no more than looking
//! the answer up.
//!
//! There is one type to know first, [`GpuCredit`]: one account. Grants go in with
//! [`add_credit`](GpuCredit::add_credit), usage with [`subtract`](GpuCredit::subtract), in any
//! order; [`get_balance`](GpuCredit::get_balance) answers for any instant.
//!
//! ```
//! use gpu_credit::GpuCredit;
//!
//! let mut account = GpuCredit::new();
//! account.add_credit("march", 100, 0, 30)?; // live in [0, 30], both ends included
//! account.add_credit("trial", 50, 10, 5)?;
//! account.subtract(20, 12)?; // from the trial, which expires sooner
//! assert_eq!(account.get_balance(12), Some(130));
//! assert_eq!(account.get_balance(16), Some(100)); // the rest of the trial has lapsed
//!
//! account.subtract(60, 5)?; // arrives late
//! assert_eq!(account.get_balance(12), Some(70));
//! # Ok::<(), gpu_credit::Error>(())
//! ```
//!
//! [`CreditBook`] keeps many accounts by name, in a few hundred bytes each if they are small.
//!
//! # Rules
//!
//! * A grant is live in its window, first and last instant included. Its remainder then lapses.
//! * Usage draws from the grants live at its instant, lowest [priority](GrantRecord::priority) first,
//!   of one priority soonest expiry first, and is never refused.
//!   What they cannot cover is a deficit that grants which start later pay on arrival, under
//!   [`Overdraft::CarryUpTo`] up to a credit line and dropped beyond; or, under
//!   [`Overdraft::Forfeit`], it forfeits what is live and is dropped.
//! * The balance is what a replay of all records in event time would find, whatever the order of the
//!   calls. Records can be [retracted](GpuCredit::retract_usage) and
//!   [corrected](GpuCredit::change_usage): every answer is then that of the corrected records.
//!
//! # Questions
//!
//! | question | method |
//! |---|---|
//! | the balance at an instant, and why | [`get_balance`](GpuCredit::get_balance), [`balance_at`](GpuCredit::balance_at) |
//! | at many, wherever it changes, every hour | [`get_balances`](GpuCredit::get_balances), [`steps`](GpuCredit::steps), [`series`](GpuCredit::series) |
//! | when it is lowest, and when first too low | [`lowest_balance`](GpuCredit::lowest_balance), [`first_below`](GpuCredit::first_below) |
//! | what may be spent, and when an account runs dry | [`spendable`](GpuCredit::spendable), [`spendable_rate`](GpuCredit::spendable_rate), [`runs_dry`](GpuCredit::runs_dry), [`first_unpaid`](GpuCredit::first_unpaid) |
//! | all of this, if records were posted or corrected | [`what_if`](GpuCredit::what_if), [`balance_if`](GpuCredit::balance_if) |
//! | the remainder of each grant, and what will lapse | [`remainders_at`](GpuCredit::remainders_at), [`lapsing`](GpuCredit::lapsing) |
//! | which grant paid for which usage | [`draws`](GpuCredit::draws), [`usage_statement`](GpuCredit::usage_statement), [`metered_statement`](GpuCredit::metered_statement) |
//! | where all credit and all usage went | [`statement`](GpuCredit::statement), [`grant_statement`](GpuCredit::grant_statement) |
//!
//! # Cost
//!
//! Every question is a look-up in two indexes: prefix sums of usage over time, and a level for each
//! epoch, which runs from one start or end of a window to the next. A late record unsettles later
//! levels, and repairs them at once if that is short, as it is as a rule. Questions are right before
//! and after. No call replays usage, and none jumps: the repository's `docs/complexity.md` has the
//! worst cases.
//!
//! # Features
//!
//! * `rayon` (default): large batches of questions and large loads use all cores.
//! * `serde`: `Serialize` and `Deserialize` for [`Record`], [`Answer`] and their parts.

mod account;
mod all_usage;
mod answer;
mod book;
mod bytes;
mod contents;
mod corrections;
mod error;
mod extend;
mod limits;
mod metered;
mod options;
mod overdraft;
mod parallel;
mod questions;
mod range;
mod rates;
mod record;
mod time_buckets;
mod timeline;
mod usage;
mod what_if;

pub use account::GpuCredit;
pub use answer::{Answer, Status};
pub use book::{Accounts, BookError, CreditBook, Names, Total};
pub use bytes::BytesError;
pub use contents::{Grants, UsageRecords};
pub use error::{ChangeError, Error, RecordError};
pub use metered::MeteredRecords;
pub use options::{Options, Overdraft};
pub use overdraft::OverdraftError;
pub use questions::{
    Draw, Draws, GrantStatement, Lapse, Remainder, Series, Statement, Step, Steps, UsageStatement,
};
pub use record::{
    AnyUsageId, Grant, GrantId, GrantRecord, MeteredId, MeteredUsage, Record, UsageId, UsageRecord,
};
pub use timeline::settle::SettlementStatistics;
pub use what_if::{Change, WhatIf};

/// The Rust of the README, run as a test of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
