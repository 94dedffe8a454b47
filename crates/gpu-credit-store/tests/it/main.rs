//! The store, and what it must survive.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]

mod support;

mod admission;
mod batches;
mod check;
mod closing;
mod concurrency;
mod copying;
mod corrections;
mod damage;
mod disturbed_imports;
mod faults;
#[cfg(unix)]
mod fork;
mod giving_up;
mod holds;
mod importing;
mod kill;
mod lane;
mod left_out;
mod making;
mod meanwhile;
mod memory;
mod metered;
mod old_formats;
mod period;
mod posting;
mod power;
mod priorities;
mod read_only;
mod real_files;
mod revisions;
mod sacct;
mod simulation;
mod snapshots;
mod soak;
mod time_unit;
mod transfer;
mod usage_statement;
