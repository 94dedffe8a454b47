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

mod cases;
mod differential;
mod laws;
mod ledgers;
mod records;
mod scale;
