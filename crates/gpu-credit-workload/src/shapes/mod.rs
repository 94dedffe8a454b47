//! Workloads of named shapes, as long as you like, the same for the same seed.
//!
//! A [`Workload`] says what is wanted and [makes](Workload::generate) the [`Events`]. Amounts of
//! one account never add up to more than `i64::MAX`, grants and usage each, and every window ends
//! by then, so that no ledger refuses anything.

mod generator;
mod shape;
mod time;

use std::num::NonZeroU32;

use crate::events::{Action, Event};

pub use shape::{Shape, UnknownShape};

/// What is to be generated. The counts are those of the whole workload; they are met exactly.
///
/// ```
/// use std::num::NonZeroU32;
/// use gpu_credit_workload::{Shape, Workload};
///
/// let workload = Workload {
///     shape: Shape::Late,
///     seed: 1,
///     accounts: NonZeroU32::new(3).unwrap(),
///     usage: 100,
///     grants: 10,
///     queries: 5,
/// };
/// let events = workload.generate();
/// assert_eq!(events.iter().count(), 115);
/// assert_eq!(events.iter().filter(|event| event.action.kind() == "grant").count(), 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its character.
    pub shape: Shape,
    /// Other seeds make other workloads of the same character.
    pub seed: u64,
    /// Accounts, at most: with few rows some may have none.
    pub accounts: NonZeroU32,
    /// Usage rows.
    pub usage: u32,
    /// Grant rows.
    pub grants: u32,
    /// Balance rows: questions.
    pub queries: u32,
}

impl Workload {
    /// Makes the events. O(n log n), and about 70 bytes a row.
    pub fn generate(&self) -> Events {
        generator::generate(self)
    }
}

/// The events of a workload.
#[derive(Clone, Debug)]
pub struct Events {
    accounts: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Rows are in this order.
    arrival: i64,
    account: u32,
    action: Action<'static>,
}

impl Events {
    /// The events in arrival order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        self.rows.iter().map(|row| Event {
            account: &self.accounts[row.account as usize],
            id: None,
            action: row.action,
        })
    }
}
