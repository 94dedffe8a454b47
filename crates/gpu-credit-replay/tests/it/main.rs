//! The replays against worked examples, against one another, against the law, and against the
//! classic keyed calculator.

mod ledger;

mod cases;
mod classic;
mod differential;
mod jobs;
mod laws;
mod model;
mod posting;
mod real_files;
mod spendable;
