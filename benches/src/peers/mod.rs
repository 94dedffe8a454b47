//! What the engine is compared with, each no more than its task needs.
//!
//! | peer | what it is |
//! |---|---|
//! | [`AnswerTable`] | every answer worked out beforehand, found by binary search: the floor of queries |
//! | [`RawMap`] | the raw usage in a `BTreeMap`, which answers nothing: the floor of writes |
//! | [`BareReplay`] | replay with a heap over ready epoch totals: the floor of replaying |
//! | [`FenwickIndex`] | a Fenwick tree over instants known beforehand, with ready levels |
//! | [`events_file`] | decompressing and parsing an events file, and nothing else |
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
