//! Bytes that any machine can read back, and that may be damaged or made by hand.
//!
//! What is read is checked before it is used: no length leads beyond the end, and none makes the
//! reader allocate more than a constant times the bytes that are there.

#![cfg_attr(
    not(test),
    allow(dead_code, reason = "the bytes of an account come next")
)]

pub(crate) mod numbers;
pub(crate) mod reader;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

/// Bytes that nothing of ours has written: what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) &'static str);
