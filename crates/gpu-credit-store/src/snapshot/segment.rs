//! A segment: rows of one kind, immutable, under a number that follows from them.
//!
//! ```text
//! usage       count, times, amounts (pco), places of those that are retracted    CRC-32
//! revisions   count, revisions (pco)                                             CRC-32
//! others      rows (postcard)                                                    CRC-32
//! ```
//!
//! The checksum is over the account, the number and the bytes before it, so that a segment in another's
//! place is known. Its number is that of its rows before they are compressed: rows of a segment that is
//! there already are not compressed again.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress_into};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::Xxh3;

use super::Odd;
use crate::account::UsageRow;
use crate::{AccountKey, Revision, SegmentNumber};

const CHECKSUM_BYTES: usize = 4;
/// Rows that a segment has at most, whatever its bytes say.
const ROWS_MAX: usize = 1 << 20;
/// What pco is asked for: more takes longer, and saves little.
const LEVEL: usize = 6;

/// Usage without the entries that posted it.
#[derive(Serialize, Deserialize)]
struct UsageBytes<'b> {
    count: usize,
    #[serde(borrow)]
    times: &'b [u8],
    #[serde(borrow)]
    amounts: &'b [u8],
    retracted: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct RevisionBytes<'b> {
    count: usize,
    #[serde(borrow)]
    revisions: &'b [u8],
}

/// Bytes with a checksum of them and of their place.
pub(super) fn seal(account: &AccountKey, number: u64, mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = checksum(account, number, &bytes);
    bytes.extend(checksum);
    bytes
}

/// The bytes without their checksum, if that is right.
pub(super) fn open<'b>(
    account: &AccountKey,
    number: u64,
    bytes: &'b [u8],
) -> Result<&'b [u8], Odd> {
    let split = bytes.split_last_chunk::<CHECKSUM_BYTES>();
    let (bytes, stored) = split.ok_or(Odd("it is too short"))?;
    match checksum(account, number, bytes) == *stored {
        true => Ok(bytes),
        false => Err(Odd("a checksum does not match")),
    }
}

fn checksum(account: &AccountKey, number: u64, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(account.name.as_bytes());
    hasher.update(&account.opened.get().to_be_bytes());
    hasher.update(&number.to_be_bytes());
    hasher.update(bytes);
    hasher.finalize().to_le_bytes()
}

/// The number of a segment of usage.
pub(super) fn usage_number(rows: &[UsageRow]) -> SegmentNumber {
    let mut hasher = Xxh3::new();
    for row in rows {
        hasher.update(&row.timestamp.to_le_bytes());
        hasher.update(&row.amount.to_le_bytes());
        hasher.update(&[u8::from(row.is_retracted)]);
    }
    SegmentNumber(hasher.digest())
}

/// The number of a segment of the revisions of usage.
pub(super) fn revisions_number(rows: &[UsageRow]) -> SegmentNumber {
    let mut hasher = Xxh3::new();
    for row in rows {
        hasher.update(&row.revision.get().to_le_bytes());
    }
    SegmentNumber(hasher.digest())
}

/// A segment of usage.
pub(super) fn usage(account: &AccountKey, number: SegmentNumber, rows: &[UsageRow]) -> Vec<u8> {
    let times: Vec<i64> = rows.iter().map(|row| row.timestamp).collect();
    let amounts: Vec<u64> = rows.iter().map(|row| row.amount).collect();
    let retracted = (0..).zip(rows).filter(|(_, row)| row.is_retracted);
    let bytes = UsageBytes {
        count: rows.len(),
        times: &compressed(&times),
        amounts: &compressed(&amounts),
        retracted: retracted.map(|(place, _)| place).collect(),
    };
    seal(account, number.0, postcard(&bytes))
}

/// A segment of the revisions of usage.
pub(super) fn revisions(account: &AccountKey, number: SegmentNumber, rows: &[UsageRow]) -> Vec<u8> {
    let revisions: Vec<u64> = rows.iter().map(|row| row.revision.get()).collect();
    let bytes = RevisionBytes {
        count: rows.len(),
        revisions: &compressed(&revisions),
    };
    seal(account, number.0, postcard(&bytes))
}

/// A segment of other rows, and its number.
pub(super) fn others<T: Serialize>(account: &AccountKey, rows: &[T]) -> (SegmentNumber, Vec<u8>) {
    let bytes = postcard(&rows);
    let number = xxhash_rust::xxh3::xxh3_64(&bytes);
    (SegmentNumber(number), seal(account, number, bytes))
}

/// The usage of a segment, without the entries that posted it.
pub(super) fn read_usage(
    account: &AccountKey,
    number: SegmentNumber,
    bytes: &[u8],
) -> Result<Vec<UsageRow>, Odd> {
    let bytes: UsageBytes<'_> = from_postcard(open(account, number.0, bytes)?)?;
    let times: Vec<i64> = decompressed(bytes.times, bytes.count)?;
    let amounts: Vec<u64> = decompressed(bytes.amounts, bytes.count)?;
    let row = |(timestamp, amount)| UsageRow {
        timestamp,
        amount,
        revision: Revision::START,
        is_retracted: false,
    };
    let mut rows: Vec<UsageRow> = times.into_iter().zip(amounts).map(row).collect();
    for place in bytes.retracted {
        let row = rows.get_mut(place as usize);
        row.ok_or(Odd("usage is retracted that is not there"))?
            .is_retracted = true;
    }
    match usage_number(&rows) == number {
        true => Ok(rows),
        false => Err(Odd("a segment has another number")),
    }
}

/// Adds to usage the entries that posted it.
pub(super) fn read_revisions(
    account: &AccountKey,
    number: SegmentNumber,
    bytes: &[u8],
    rows: &mut [UsageRow],
) -> Result<(), Odd> {
    let bytes: RevisionBytes<'_> = from_postcard(open(account, number.0, bytes)?)?;
    let revisions: Vec<u64> = decompressed(bytes.revisions, bytes.count)?;
    if revisions.len() != rows.len() {
        return Err(Odd("usage and its entries are not as many"));
    }
    for (row, revision) in rows.iter_mut().zip(revisions) {
        row.revision = Revision::new(revision);
    }
    match revisions_number(rows) == number {
        true => Ok(()),
        false => Err(Odd("a segment has another number")),
    }
}

/// Other rows of a segment.
pub(super) fn read_others<T: DeserializeOwned>(
    account: &AccountKey,
    number: SegmentNumber,
    bytes: &[u8],
) -> Result<Vec<T>, Odd> {
    from_postcard(open(account, number.0, bytes)?)
}

pub(super) fn postcard(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("what is in memory can be written")
}

pub(super) fn from_postcard<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Odd> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(Odd("it does not read as what it is")),
    }
}

fn compressed<T: Number>(numbers: &[T]) -> Vec<u8> {
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    simple_compress(numbers, &config).expect("a segment has not too many rows")
}

fn decompressed<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, Odd> {
    if count > ROWS_MAX {
        return Err(Odd("a segment has too many rows"));
    }
    let mut numbers = vec![T::default(); count];
    let read = simple_decompress_into(bytes, &mut numbers);
    match read {
        Ok(read) if read.finished && read.n_processed == count => Ok(numbers),
        _ => Err(Odd("a column is not as long as it says")),
    }
}
