//! Snapshots: an account at a revision as bytes, so that it need not be folded from its first entry.
//!
//! ```text
//! header     format, checksum of the entry at the revision, policy, totals, and the numbers of:
//! segments   usage at instants in event order      times and amounts, with what each segment sums up to
//!            the entries that posted it            revisions
//!            grants, metered usage                 in posting order
//!            records that are corrected            by revision
//!            usage of the epochs                   instant, sum: see `cold.rs`
//! ```
//!
//! A snapshot is a function of the entries up to its revision, byte for byte: whoever makes it, of whatever
//! snapshot before. Late records are later revisions, so that none becomes wrong. Segments have their
//! numbers from what they hold: those of usage before a late record are those of the snapshot before.
//!
//! A snapshot is never needed. Whatever is odd about one (a checksum, the format, the account, the entry at its
//! revision, the totals), an older one serves instead, or the journal from its first entry.
//!
//! | file | idea |
//! |---|---|
//! | `header.rs` | the header as bytes |
//! | `segment.rs` | a segment as bytes |
//! | `write.rs` | an account as a snapshot |
//! | `read.rs` | a snapshot as an account |
//! | `check.rs` | whether they are what the entries make |
//! | `tables.rs` | where snapshots are kept |
//! | `cold.rs` | a balance without loading the account |
//! | `thinning.rs` | which snapshots stay |
//! | `keeper.rs` | when they are written |
//! | `growth.rs` | which accounts have grown |
//! | `aside.rs` | the thread that writes them |

mod aside;
mod check;
pub(crate) mod cold;
mod growth;
mod header;
mod keeper;
mod read;
mod segment;
mod tables;
mod thinning;
mod write;

use crate::Entry;

pub(crate) use aside::Aside;
pub(crate) use check::problems;
pub(crate) use keeper::Keeper;
pub use keeper::SnapshotStatistics;
pub(crate) use read::read;
pub use tables::{SegmentNumber, SnapshotChange, Snapshots};
pub(crate) use write::{Made, make};

/// Rows of a segment of usage, if nobody asks for others.
pub(crate) const SEGMENT_ROWS: u32 = 16_384;

/// What is used in an epoch, with an instant of the epoch that none of it is before.
type EpochRow = (i64, u64);

/// Why a snapshot is of no use.
#[derive(Debug)]
pub(crate) struct Odd(&'static str);

impl From<gpu_credit::Error> for Odd {
    fn from(_: gpu_credit::Error) -> Self {
        Odd("its records do not fit an account")
    }
}

impl From<crate::JournalError> for Odd {
    fn from(_: crate::JournalError) -> Self {
        Odd("it cannot be read")
    }
}

/// A checksum of all that an entry says, but for its place among those of other accounts.
fn checksum(entry: &Entry) -> u64 {
    let said = (entry.revision, entry.recorded_at, &entry.id, &entry.change);
    xxhash_rust::xxh3::xxh3_64(&segment::postcard(&said))
}
