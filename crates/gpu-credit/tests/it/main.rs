//! The engine against the replay reference, and the laws it must keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "quickcheck hands values over"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]

mod book;
mod cases;
mod corrections;
mod costs;
mod differential;
mod interpreted;
mod laws;
mod ledgers;
mod questions;
mod records;
mod scale;

/// How many ledgers to try: 4,000, or what `GPU_CREDIT_LEDGERS` says.
fn ledger_count() -> u64 {
    let asked = std::env::var("GPU_CREDIT_LEDGERS").ok();
    asked.map_or(4_000, |count| count.parse().expect("a number of ledgers"))
}
