//! An entry as bytes, and back.
//!
//! The value of an entry is its sequence, record time, id and change in the postcard format, followed by
//! a CRC-32 of everything that identifies and makes up the entry: the account's name, both numbers of
//! the key, and the bytes before it. An entry that is changed, or stands in another's place, is known.
//!
//! A head is written likewise, with a CRC-32 of the account's name, its number and the bytes.
//!
//! Postcard because its format is specified, stable and compact, and follows from the types, which
//! leaves nothing here to get wrong; numbers take as many bytes as they need.

use std::mem;

use gpu_credit::Overdraft;
use serde::{Deserialize, Serialize};

use crate::{AccountKey, Change, Entry, Head, Revision, Sequence, Totals};

const CHECKSUM_BYTES: usize = 4;

#[derive(Serialize)]
struct Written<'a> {
    recorded_at: i64,
    id: &'a str,
    change: &'a Change,
}

#[derive(Deserialize)]
struct Read<'a> {
    sequence: Sequence,
    recorded_at: i64,
    #[serde(borrow)]
    id: &'a str,
    change: Change,
}

/// Appends an entry's value to `bytes`, but for what depends on where it is written: its sequence and its
/// [checksum](Checksums).
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
    revision: Revision,
    value: &[u8],
) -> Result<Entry, String> {
    let read: Read<'_> = read(account, revision.get(), value, "an entry")?;
    Ok(Entry {
        account: account.clone(),
        revision,
        sequence: read.sequence,
        recorded_at: read.recorded_at,
        id: read.id.into(),
        change: read.change,
    })
}

/// What a value of an account holds whose checksum was made with this number.
pub(super) fn read<'v, T: Deserialize<'v>>(
    account: &AccountKey,
    number: u64,
    value: &'v [u8],
    what: &str,
) -> Result<T, String> {
    let split = value.split_last_chunk::<CHECKSUM_BYTES>();
    let (bytes, stored) = split.ok_or("it is too short")?;
    if Checksums::of(account).at(number, bytes) != *stored {
        return Err("its checksum does not match".to_owned());
    }
    let (read, rest) = postcard::take_from_bytes(bytes)
        .map_err(|error| format!("it does not read as {what} ({error})"))?;
    match rest.is_empty() {
        true => Ok(read),
        false => Err("it goes on after its end".to_owned()),
    }
}

#[derive(Serialize, Deserialize)]
struct WrittenHead {
    policy: Overdraft,
    revision: Revision,
    last: Sequence,
    recorded_at: i64,
    totals: Totals,
}

/// A head's value.
pub(super) fn encode_head(head: &Head) -> Result<Vec<u8>, postcard::Error> {
    let written = WrittenHead {
        policy: head.policy,
        revision: head.revision,
        last: head.last,
        recorded_at: head.recorded_at,
        totals: head.totals,
    };
    let mut bytes = postcard::to_extend(&written, Vec::new())?;
    let checksum = Checksums::of(&head.account).at(head.account.opened.get(), &bytes);
    bytes.extend_from_slice(&checksum);
    Ok(bytes)
}

/// The head that a value holds; `Err` says what is wrong with it.
pub(super) fn decode_head(account: AccountKey, value: &[u8]) -> Result<Head, String> {
    let read: WrittenHead = read(&account, account.opened.get(), value, "a head")?;
    Ok(Head {
        account,
        policy: read.policy,
        revision: read.revision,
        last: read.last,
        recorded_at: read.recorded_at,
        totals: read.totals,
    })
}

/// The revision that a head's value says; whose it is is not verified.
pub(super) fn revision(value: &[u8]) -> Result<Revision, String> {
    let read = postcard::take_from_bytes::<WrittenHead>(value);
    let (head, _) = read.map_err(|error| format!("it does not read as a head ({error})"))?;
    Ok(head.revision)
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

    /// Makes the whole value of an entry in `value`, of the bytes that say what it is.
    pub(super) fn complete(
        &self,
        revision: Revision,
        sequence: Sequence,
        bytes: &[u8],
        value: &mut Vec<u8>,
    ) -> Result<(), postcard::Error> {
        value.clear();
        *value = postcard::to_extend(&sequence, mem::take(value))?;
        value.extend_from_slice(bytes);
        let checksum = self.at(revision.get(), value);
        value.extend_from_slice(&checksum);
        Ok(())
    }

    /// The last bytes of a value at this number of its account, after those that say what it is.
    pub(super) fn at(&self, number: u64, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let mut hasher = self.0.clone();
        hasher.update(&number.to_be_bytes());
        hasher.update(bytes);
        hasher.finalize().to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit::Overdraft;

    use super::*;
    use crate::{Funds, HeldUsage, Hold, RefusedHold};

    fn hold(usage: HeldUsage, up_to: Option<u64>) -> Hold {
        Hold {
            accounts: vec!["acme".to_owned(), "b".to_owned()],
            usage,
            up_to,
            at: -1,
            until: 300,
        }
    }

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
            Change::Hold(Box::new(hold(HeldUsage::Amount(300), None))),
            Change::RefuseHold(Box::new(RefusedHold {
                asked: hold(HeldUsage::Metered { rate: 4, end: 9 }, Some(4)),
                funds: Funds {
                    balance: Some(300),
                    held: 5,
                    available: 295,
                    spendable: 3,
                },
            })),
            Change::Settle {
                hold: of(),
                amount: 300,
                timestamp: -1,
            },
            Change::SettleMetered {
                hold: of(),
                rate: 300,
                from: -1,
                until: 5,
            },
            Change::Release { hold: of() },
        ];
        let numbered = changes.into_iter().zip(2..);
        numbered
            .map(|(change, number)| Entry {
                account: AccountKey {
                    opened: Sequence::new(2),
                    name: "acme".into(),
                },
                revision: Revision::new(number - 1),
                sequence: Sequence::new(number),
                recorded_at: 1,
                id: "i".into(),
                change,
            })
            .collect()
    }

    fn value(entry: &Entry) -> Vec<u8> {
        let (bytes, mut value) = (encode(entry, Vec::new()).unwrap(), Vec::new());
        let checksums = Checksums::of(&entry.account);
        let completed = checksums.complete(entry.revision, entry.sequence, &bytes, &mut value);
        completed.map(|()| value).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// If this fails, files of others can no longer be read.
    #[test]
    fn the_format_is_what_it_was() {
        let written: Vec<_> = entries().iter().map(|entry| hex(&value(entry))).collect();
        let expected = [
            "020201690001b5de70f2",
            "0302016901056d61726368640101ac02abe45238",
            "0402016902ffffffffffffffffff01ffffffffffffffffff01a8db1255",
            "05020169030178edaf24b8",
            "06020169040178075deb4696",
            "070201690501780adecc6ca5",
            "0802016906017800c18c5799",
            "090201690712bcbcd0c6",
            "0a02016908eaca4ccf",
            "0b02016909ac0201feffffffffffffffff01ef197e58",
            "0c0201690a0178000101010a2e1610f5",
            "0d0201690b056d6172636864010003e42660f5",
            "0e0201690c01789003656038f8",
            "0f0201690002ac0231b34613",
            "100201690d020461636d65016200ac020001d80430f2c0dd",
            "110201690e020461636d650162010412010401d80401ac0205a702037e1ad84d",
            "120201690f0178ac0201dd1aa5b3",
            "13020169100178ac02010af7ec80ed",
            "14020169110178bb775110",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn entries_are_read_as_they_were_written_and_no_byte_can_change() {
        for entry in entries() {
            let bytes = value(&entry);
            assert_eq!(
                decode(&entry.account, entry.revision, &bytes),
                Ok(entry.clone())
            );
            for bit in 0..8 * bytes.len() {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(decode(&entry.account, entry.revision, &flipped).is_err());
            }
            for length in 0..bytes.len() {
                assert!(decode(&entry.account, entry.revision, &bytes[..length]).is_err());
            }
            let elsewhere = entry.revision.next();
            assert!(decode(&entry.account, elsewhere, &bytes).is_err());
        }
    }
}
