//! A ledger for credit that expires: exactly right about any moment of the past, however late and
//! shuffled its records arrive, and so fast that asking costs no more than looking the answer up.

mod answer;
mod batch;
mod error;
mod ledger;
mod options;
mod record;
mod steps;
mod timeline;
mod usage;

pub use answer::{Answer, Remainder, Status};
pub use error::Error;
pub use ledger::GpuCredit;
pub use options::{Options, Overdraft};
pub use record::{Grant, GrantId, Record};
pub use steps::Steps;
pub use timeline::settle::SettlementStatistics;
