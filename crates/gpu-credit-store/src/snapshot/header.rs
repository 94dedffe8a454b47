//! The header of a snapshot as bytes.

use gpu_credit::Overdraft;
use serde::{Deserialize, Serialize};

use super::Odd;
use super::segment::{from_postcard, open, postcard, seal};
use crate::{AccountKey, Revision, SegmentNumber, Totals};

/// The format of headers and segments.
const FORMAT: u8 = 1;
/// The same, with holds behind it: that of an account that has some which are neither settled nor released.
const FORMAT_WITH_HOLDS: u8 = 2;

/// What a snapshot says of its account, and where the rest is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Rows of its segments of usage.
    pub(super) rows: u32,
    /// The checksum of the entry at its revision.
    pub(super) entry: u64,
    pub(super) policy: Overdraft,
    pub(super) totals: Totals,
    pub(super) usage: Vec<UsagePart>,
    pub(super) grants: Vec<u64>,
    pub(super) jobs: Vec<u64>,
    pub(super) corrected: Vec<u64>,
    pub(super) epochs: Vec<u64>,
    #[serde(skip)]
    pub(super) holds: Vec<u64>,
}

/// A segment of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsagePart {
    pub(super) usage: u64,
    pub(super) revisions: u64,
    /// The instants of the first and the last of it.
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) sum: u64,
}

impl Header {
    pub(super) fn to_bytes(&self, account: &AccountKey, revision: Revision) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.holds.is_empty() {
            bytes.push(FORMAT);
            bytes.extend(postcard(self));
        } else {
            bytes.push(FORMAT_WITH_HOLDS);
            bytes.extend(postcard(&(self, &self.holds)));
        }
        seal(account, revision.get(), bytes)
    }

    pub(super) fn from_bytes(
        account: &AccountKey,
        revision: Revision,
        bytes: &[u8],
    ) -> Result<Self, Odd> {
        match open(account, revision.get(), bytes)?.split_first() {
            Some((&FORMAT, header)) => from_postcard(header),
            Some((&FORMAT_WITH_HOLDS, header)) => {
                let (header, holds) = from_postcard(header)?;
                Ok(Header { holds, ..header })
            }
            _ => Err(Odd("its format is not known")),
        }
    }

    /// The numbers of all its segments.
    pub(crate) fn segments(&self) -> impl Iterator<Item = SegmentNumber> {
        let usage = self
            .usage
            .iter()
            .flat_map(|part| [part.usage, part.revisions]);
        let others = [
            &self.grants,
            &self.jobs,
            &self.corrected,
            &self.epochs,
            &self.holds,
        ];
        let others = others.into_iter().flatten().copied();
        usage.chain(others).map(SegmentNumber)
    }
}
