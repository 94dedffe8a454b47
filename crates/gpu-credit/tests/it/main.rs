//! The engine against the replay reference, and the laws it must keep.

mod cases;
mod differential;
mod laws;
mod ledgers;
mod records;
mod scale;
