//! An entry as bytes, and back.
//!
//! The value of an entry is its record time, id and change in the postcard format, followed by a
//! CRC-32 of everything that identifies and makes up the entry: the account's name, both numbers of
//! the key, and the bytes before it. An entry that is changed, or stands in another's place, is known.
//!
//! A head is written likewise, with a CRC-32 of the account's name, its number and the bytes.
//!
//! Postcard because its format is specified, stable and compact, and follows from the types, which
//! leaves nothing here to get wrong; numbers take as many bytes as they need.

use gpu_credit::Overdraft;
use serde::{Deserialize, Serialize};

use crate::{AccountKey, Change, Entry, Head, Sequence, Totals};

const CHECKSUM_BYTES: usize = 4;

#[derive(Serialize)]
struct Written<'a> {
    recorded_at: i64,
    id: &'a str,
    change: &'a Change,
}

#[derive(Deserialize)]
struct Read<'a> {
    recorded_at: i64,
    #[serde(borrow)]
    id: &'a str,
    change: Change,
}

/// Appends an entry's value to `bytes`, but for its [checksum](Checksums), which depends on its place.
pub(super) fn encode(entry: &Entry, bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    let written = Written {
        recorded_at: entry.recorded_at,
        id: entry.id.as_str(),
        change: &entry.change,
    };
    postcard::to_extend(&written, bytes)
}

/// The entry that a value holds; `Err` says what is wrong with it.
pub(super) fn decode(
    account: &AccountKey,
    sequence: Sequence,
    value: &[u8],
) -> Result<Entry, String> {
    let split = value.split_last_chunk::<CHECKSUM_BYTES>();
    let (bytes, stored) = split.ok_or("it is too short")?;
    if Checksums::of(account).at(sequence, bytes) != *stored {
        return Err("its checksum does not match".to_owned());
    }
    let (read, rest) = postcard::take_from_bytes::<Read<'_>>(bytes)
        .map_err(|error| format!("it does not read as an entry ({error})"))?;
    if !rest.is_empty() {
        return Err("it goes on after its end".to_owned());
    }
    Ok(Entry {
        sequence,
        recorded_at: read.recorded_at,
        account: account.clone(),
        id: read.id.into(),
        change: read.change,
    })
}

#[derive(Serialize, Deserialize)]
struct WrittenHead {
    policy: Overdraft,
    entries: u64,
    last: Sequence,
    totals: Totals,
}

/// A head's value.
pub(super) fn encode_head(head: &Head) -> Result<Vec<u8>, postcard::Error> {
    let written = WrittenHead {
        policy: head.policy,
        entries: head.entries,
        last: head.last,
        totals: head.totals,
    };
    let mut bytes = postcard::to_extend(&written, Vec::new())?;
    let checksum = Checksums::of(&head.account).at(head.account.opened, &bytes);
    bytes.extend_from_slice(&checksum);
    Ok(bytes)
}

/// The head that a value holds; `Err` says what is wrong with it.
pub(super) fn decode_head(account: AccountKey, value: &[u8]) -> Result<Head, String> {
    let split = value.split_last_chunk::<CHECKSUM_BYTES>();
    let (bytes, stored) = split.ok_or("it is too short")?;
    if Checksums::of(&account).at(account.opened, bytes) != *stored {
        return Err("its checksum does not match".to_owned());
    }
    let (read, rest) = postcard::take_from_bytes::<WrittenHead>(bytes)
        .map_err(|error| format!("it does not read as a head ({error})"))?;
    if !rest.is_empty() {
        return Err("it goes on after its end".to_owned());
    }
    Ok(Head {
        account,
        policy: read.policy,
        entries: read.entries,
        last: read.last,
        totals: read.totals,
    })
}

/// The checksums of the values of one account.
pub(super) struct Checksums(crc32fast::Hasher);

impl Checksums {
    pub(super) fn of(account: &AccountKey) -> Self {
        Self::of_account(&account.name, account.opened)
    }

    pub(super) fn of_account(name: &str, opened: Sequence) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(name.as_bytes());
        hasher.update(&opened.get().to_be_bytes());
        Checksums(hasher)
    }

    /// Makes the whole value of an entry at this place, of the bytes that say what it is.
    pub(super) fn complete(&self, sequence: Sequence, bytes: &[u8], value: &mut Vec<u8>) {
        value.clear();
        value.extend_from_slice(bytes);
        value.extend_from_slice(&self.at(sequence, bytes));
    }

    /// The last bytes of a value at this place, after those that say what it is.
    pub(super) fn at(&self, sequence: Sequence, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let mut hasher = self.0.clone();
        hasher.update(&sequence.get().to_be_bytes());
        hasher.update(bytes);
        hasher.finalize().to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit::Overdraft;

    use super::*;

    fn entries() -> Vec<Entry> {
        let of = || "x".into();
        let changes = [
            Change::OpenAccount {
                policy: Overdraft::Forfeit,
            },
            Change::Grant {
                credit_id: "march".to_owned(),
                amount: 100,
                timestamp: -1,
                expiration: Some(300),
                priority: 0,
            },
            Change::Usage {
                amount: u64::MAX,
                timestamp: i64::MIN,
            },
            Change::RetractRecord { of: of() },
            Change::ChangeUsage {
                of: of(),
                amount: 7,
            },
            Change::Revoke { of: of(), from: 5 },
            Change::ChangeExpiration {
                of: of(),
                expiration: None,
            },
            Change::CloseBooks { until: 9 },
            Change::DeleteAccount,
            Change::MeteredUsage {
                rate: 300,
                from: -1,
                until: i64::MAX,
            },
            Change::ChangeMeteredUsage {
                of: of(),
                rate: None,
                from: Some(-1),
                until: Some(5),
            },
            Change::Grant {
                credit_id: "march".to_owned(),
                amount: 100,
                timestamp: -1,
                expiration: None,
                priority: -2,
            },
            Change::ChangePriority {
                of: of(),
                priority: 200,
            },
            Change::OpenAccount {
                policy: Overdraft::CarryUpTo(300),
            },
        ];
        let numbered = changes.into_iter().zip(2..);
        numbered
            .map(|(change, number)| Entry {
                sequence: Sequence::new(number),
                recorded_at: 1,
                account: AccountKey {
                    opened: Sequence::new(2),
                    name: "acme".into(),
                },
                id: "i".into(),
                change,
            })
            .collect()
    }

    fn value(entry: &Entry) -> Vec<u8> {
        let mut bytes = encode(entry, Vec::new()).unwrap();
        let checksum = Checksums::of(&entry.account).at(entry.sequence, &bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes of formats 1 and 2, and what format 3 adds: if this fails, files of others can no longer
    /// be read.
    #[test]
    fn the_format_is_what_it_was() {
        let written: Vec<_> = entries().iter().map(|entry| hex(&value(entry))).collect();
        let expected = [
            "0201690001d42c690c",
            "02016901056d61726368640101ac02f95058ba",
            "02016902ffffffffffffffffff01ffffffffffffffffff010f261f4b",
            "020169030178b5e98fca",
            "020169040178079e8dffe4",
            "0201690501780ad89658ee",
            "0201690601780084c218c5",
            "02016907120e0b51ad",
            "020169081f5ff6ee",
            "02016909ac0201feffffffffffffffff0123ce5e15",
            "0201690a0178000101010a05e958ac",
            "0201690b056d61726368640100031943a2d7",
            "0201690c01789003fd0af0e9",
            "0201690002ac022f4baae3",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn entries_are_read_as_they_were_written_and_no_byte_can_change() {
        for entry in entries() {
            let bytes = value(&entry);
            assert_eq!(
                decode(&entry.account, entry.sequence, &bytes),
                Ok(entry.clone())
            );
            for bit in 0..8 * bytes.len() {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(decode(&entry.account, entry.sequence, &flipped).is_err());
            }
            for length in 0..bytes.len() {
                assert!(decode(&entry.account, entry.sequence, &bytes[..length]).is_err());
            }
            let elsewhere = entry.sequence.next();
            assert!(decode(&entry.account, elsewhere, &bytes).is_err());
        }
    }
}
