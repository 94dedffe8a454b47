//! What the engine is compared with. Each peer does only what its task needs.
//!
//! | peer | what it is |
//! |---|---|
//! | [`AnswerTable`] | every answer computed beforehand, found by binary search: the least a query can cost |
//! | [`RawMap`] | the raw usage in a `BTreeMap`, which answers nothing: the least a write can cost |
//! | [`BareReplay`] | replay with a heap over ready epoch totals: the least a replay can cost |
//! | [`FenwickIndex`] | a Fenwick tree over instants known beforehand, with ready levels |
//! | [`events_file`] | decompresses and parses an events file |
//! | `dataflow` | a differential-dataflow program that maintains answers (feature `heavy`) |

mod answer_table;
mod bare_replay;
mod fenwick;
mod raw_map;
mod sorted_usage;

#[cfg(feature = "heavy")]
pub mod dataflow;
pub mod events_file;

pub use answer_table::AnswerTable;
pub use bare_replay::{BareReplay, State, replayed};
pub use fenwick::FenwickIndex;
pub use raw_map::{RawGrants, RawMap};
pub use sorted_usage::SortedUsage;
