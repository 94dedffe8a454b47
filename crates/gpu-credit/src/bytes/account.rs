//! An account as bytes, and back.
//!
//! ```text
//! "GPUCREDIT"   version   checksum of all that follows (XXH3, 64 bits)
//! sizes         policy, entries of a chunk, boundaries of a chunk, checkpoint spacing
//! usage         the index without its sums, and the jobs
//! timeline      grants, boundaries in order, levels, checkpoints
//! ```
//!
//! XXH3: Collet, *xxHash* (<https://xxhash.com>).

use xxhash_rust::xxh3::xxh3_64;

use super::reader::Reader;
use super::writer::write_varint;
use super::{BytesError, Damage};
use crate::account::GpuCredit;
use crate::all_usage::AllUsage;
use crate::options::{Options, Overdraft};
use crate::timeline::GrantTimeline;

const MAGIC: &[u8; 9] = b"GPUCREDIT";
/// It changes with what the bytes say, not with how fast they are read.
const VERSION: u8 = 3;
/// The policies; after the last comes its credit line.
const CARRY: u8 = 0;
const FORFEIT: u8 = 1;
const CARRY_UP_TO: u8 = 2;
const HEAD: usize = MAGIC.len() + 1 + size_of::<u64>();

impl GpuCredit {
    /// The account as bytes: its records, in their posting order, its sizes, and what is settled of
    /// it. They are the same on every machine, and [`from_bytes`](Self::from_bytes) reads them
    /// back. O(n + m), and O(1) for each remainder of a checkpoint.
    ///
    /// Late writes that are not repaired are not settled in the bytes either:
    /// [`settle`](Self::settle) first, to read back an account whose first question is cheap.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.subtract(40, 10)?;
    /// let bytes = account.to_bytes();
    ///
    /// let mut read = GpuCredit::from_bytes(&bytes)?;
    /// assert_eq!(read.get_balance(10), Some(60));
    /// read.subtract(1, 5)?; // it goes on like the one that was written
    /// assert_eq!(read.get_balance(10), Some(59));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::from(MAGIC);
        bytes.push(VERSION);
        bytes.extend([0; size_of::<u64>()]);
        bytes.push(match self.overdraft {
            Overdraft::Carry => CARRY,
            Overdraft::Forfeit => FORFEIT,
            Overdraft::CarryUpTo(_) => CARRY_UP_TO,
        });
        if let Overdraft::CarryUpTo(line) = self.overdraft {
            write_varint(&mut bytes, line);
        }
        for size in [
            self.usage.instants.chunk_entries(),
            self.timeline.boundary_chunk(),
            self.timeline.checkpoint_spacing(),
        ] {
            write_varint(&mut bytes, size as u64);
        }
        self.usage.write(&mut bytes);
        self.timeline.write(&mut bytes);
        let checksum = xxh3_64(&bytes[HEAD..]);
        bytes[HEAD - size_of::<u64>()..HEAD].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads an account from its bytes: nothing is sorted, and nothing that was settled is settled
    /// again. O(n + m), and O(1) for each remainder of a checkpoint.
    ///
    /// Bytes that were damaged by chance are an error. Bytes that somebody made, with a checksum
    /// that fits, may lie about balances, but not about records; they never panic, and take no more
    /// memory than a constant times their length. If they may not be trusted, read them with
    /// [`from_bytes_verified`](Self::from_bytes_verified).
    ///
    /// # Errors
    /// If the bytes are no account, are of a version that is not known here, or are damaged.
    ///
    /// ```
    /// use gpu_credit::{BytesError, GpuCredit};
    ///
    /// let mut bytes = GpuCredit::new().to_bytes();
    /// *bytes.last_mut().unwrap() ^= 1;
    /// assert_eq!(GpuCredit::from_bytes(&bytes).unwrap_err(), BytesError::Checksum);
    /// assert_eq!(GpuCredit::from_bytes(b"{}").unwrap_err(), BytesError::NoAccount);
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BytesError> {
        let mut reader = Reader::new(body(bytes)?);
        let account = read(&mut reader)?;
        reader.finish()?;
        Ok(account)
    }

    /// Reads an account from its bytes, and finds all levels again from the records, so that its
    /// answers are those of the records whatever the bytes say. O(n + m log live).
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// account.add_credit("march", 100, 0, 30)?;
    /// let read = GpuCredit::from_bytes_verified(&account.to_bytes())?;
    /// assert_eq!(read.get_balance(10), Some(100));
    /// assert!(read.is_settled());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes_verified(bytes: &[u8]) -> Result<Self, BytesError> {
        let mut account = Self::from_bytes(bytes)?;
        account.timeline.forget_levels();
        account.settle();
        Ok(account)
    }
}

/// What follows the head, which has been checked.
fn body(bytes: &[u8]) -> Result<&[u8], BytesError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(BytesError::NoAccount)?;
    let (version, rest) = rest.split_first().ok_or(BytesError::NoAccount)?;
    if *version != VERSION {
        return Err(BytesError::Version(*version));
    }
    let (checksum, body) = rest.split_first_chunk().ok_or(BytesError::Checksum)?;
    if u64::from_le_bytes(*checksum) != xxh3_64(body) {
        return Err(BytesError::Checksum);
    }
    Ok(body)
}

fn read(reader: &mut Reader<'_>) -> Result<GpuCredit, Damage> {
    let overdraft = match reader.u8()? {
        CARRY => Overdraft::Carry,
        FORFEIT => Overdraft::Forfeit,
        CARRY_UP_TO => Overdraft::CarryUpTo(reader.varint()?),
        _ => return Err(Damage("there is no such overdraft policy")),
    };
    let mut size = || {
        let size = reader.varint()?;
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    };
    let options = Options::default()
        .overdraft(overdraft)
        .usage_chunk(size()?)
        .boundary_chunk(size()?)
        .checkpoint_spacing(size()?);
    let usage = AllUsage::read(reader, options.usage_chunk)?;
    let timeline = GrantTimeline::read(reader, &usage, &options)?;
    Ok(GpuCredit {
        usage,
        timeline,
        overdraft: options.overdraft,
    })
}
