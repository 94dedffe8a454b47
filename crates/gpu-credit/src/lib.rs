//! An exact ledger for credit that expires: the balance at any instant, past or future, however late
//! the records arrive and in whatever order.
//!
//! There is one type to know first, [`GpuCredit`]: one account. Grants are posted with
//! [`add_credit`](GpuCredit::add_credit), usage with [`subtract`](GpuCredit::subtract), jobs with
//! [`post_metered`](GpuCredit::post_metered), in any order; [`get_balance`](GpuCredit::get_balance) answers
//! for any instant.
//!
//! ```
//! use gpu_credit::GpuCredit;
//!
//! let mut account = GpuCredit::new();
//! account.add_credit("march", 100, 0, 30)?; // active in [0, 30], both ends included
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
//! [`CreditBook`] keeps many accounts by name, in less than a kilobyte each if they are small.
//!
//! # Rules
//!
//! * A grant is active (*live*) in its window, first and last instant included. What is left of it then
//!   lapses.
//! * Usage draws from the grants that are live at its instant: those of the lowest
//!   [priority](GrantRecord::priority) first, and among these the one that expires soonest. Usage is never
//!   refused for lack of credit.
//! * Usage that live grants do not cover is handled by the account's [`Overdraft`] policy. It becomes a
//!   deficit, which grants that start later cover before anything else; or a deficit up to a credit line,
//!   and what exceeds the line is dropped; or it forfeits what is live and is itself dropped.
//! * The balance is that of a replay of all records in the order of their timestamps, whatever the order
//!   of the calls. Records can be [retracted](GpuCredit::retract_usage) and
//!   [corrected](GpuCredit::change_usage): every answer is then that of the corrected records.
//!
//! # Queries
//!
//! | query | method |
//! |---|---|
//! | the balance at an instant, and its status | [`get_balance`](GpuCredit::get_balance), [`balance_at`](GpuCredit::balance_at) |
//! | the balance at many instants, wherever it changes, every hour | [`get_balances`](GpuCredit::get_balances), [`steps`](GpuCredit::steps), [`series`](GpuCredit::series) |
//! | when the balance is lowest, and when it is first too low | [`lowest_balance`](GpuCredit::lowest_balance), [`first_below`](GpuCredit::first_below) |
//! | what may be spent, and when the account runs dry | [`spendable`](GpuCredit::spendable), [`spendable_rate`](GpuCredit::spendable_rate), [`runs_dry`](GpuCredit::runs_dry), [`first_uncovered`](GpuCredit::first_uncovered) |
//! | all of this, as if records had been posted or corrected | [`what_if`](GpuCredit::what_if), [`balance_if`](GpuCredit::balance_if) |
//! | the remainder of each grant, and what will lapse | [`remainders_at`](GpuCredit::remainders_at), [`lapsing`](GpuCredit::lapsing) |
//! | which usage drew from which grant | [`draws`](GpuCredit::draws), [`usage_statement`](GpuCredit::usage_statement), [`metered_statement`](GpuCredit::metered_statement) |
//! | the sums of all credit and all usage, up to an instant or of a period | [`statement`](GpuCredit::statement), [`grant_statement`](GpuCredit::grant_statement), [`period_statement`](GpuCredit::period_statement) |
//!
//! # Cost
//!
//! A balance is found in two indexes: prefix sums of usage over time, and a level for each epoch. An epoch
//! runs from one start or end of a window to the next. A late record invalidates later levels; the same call
//! repairs them if at most 256 boundaries (starts and ends of windows) have to be replayed, and the calls
//! after it repair the rest. Answers are the same before and after a repair. Queries other than the balance
//! replay boundaries, and those that list usage visit the usage that they list. The repository's
//! `docs/complexity.md` has every operation and the worst cases.
//!
//! # Errors
//!
//! | error | of |
//! |---|---|
//! | [`Error`] | one record, correction or question |
//! | [`RecordError`], [`ChangeError`] | many records, and a plan: which one, and its [`Error`] |
//! | [`BookError`] | a [`CreditBook`]: which account and record, and its [`Error`] |
//! | [`BytesError`] | bytes that are to be an account |
//! | [`OverdraftError`] | text that is to be a policy |
//!
//! `?` turns the second into the first, whereby the place is lost, and the first into the third. Whatever
//! returns one of them has changed nothing.
//!
//! # Features
//!
//! * `rayon` (default): large batches of queries and large loads use all cores.
//! * `serde`: `Serialize` and `Deserialize` for [`Record`], [`Answer`] and their parts.

#![cfg_attr(docsrs, feature(doc_cfg))]

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
mod step_table;
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
    Draw, Draws, GrantPeriod, GrantStatement, Lapse, PeriodStatement, Remainder, Series, Statement,
    Step, Steps, UsageStatement,
};
pub use record::{
    AnyUsageId, Grant, GrantId, GrantRecord, MeteredId, MeteredUsage, Record, UsageId, UsageRecord,
};
pub use timeline::settle::SettlementStatistics;
pub use what_if::{Change, WhatIf};

/// The Rust of the crate's README, run as a test of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
