//! What the benches measure, and what they measure it against.
//!
//! * [`workload`]: seeded histories of one account, and late writes to them.
//! * [`engine`]: the account under measurement, loaded and written to.
//! * [`peers`]: what it is compared with, each peer does only what its task needs.
//! * [`check`]: compares answers, one by one or as a sum.
//!
//! The comparison runner is `src/bin/compare`; the criterion benches of the parts are in `benches`.

pub mod check;
pub mod engine;
pub mod peers;
pub mod workload;
