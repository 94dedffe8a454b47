//! Entries as rows of the tables, in the order of their keys, made before it is known where they will
//! stand.
//!
//! ```text
//!   first and last sequence
//!   openings   number, name                     by name
//!   entries    number, name, count, and of each: revision, sequence, value without sequence and checksum
//!   ids        number, fingerprint, revision
//! ```
//!
//! Each of the three is preceded by its length, and so are the entries of an account, each text and each
//! value. Numbers have eight bytes.
//! If all sequences after some entry are moved by as much, the rows stay in the order of their keys.

use std::io;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use super::codec;
use super::error::Failure;
use super::fingerprint::fingerprint;
use crate::{Change, Entry, Revision, Sequence, StorageProblem};

/// Makes rows of entries, which are in ascending sequence; of none, no bytes. None of them deletes an
/// account.
pub(super) fn encode(entries: &[Entry]) -> Result<Vec<u8>, postcard::Error> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::with_capacity(entries.len() * ROW_BYTES);
    put(&mut bytes, first.sequence.get());
    put(&mut bytes, last.sequence.get());

    let start = begin(&mut bytes);
    let is_opening = |entry: &&Entry| matches!(entry.change, Change::OpenAccount { .. });
    let mut openings: Vec<&Entry> = entries.iter().filter(is_opening).collect();
    openings.sort_unstable_by_key(|entry| &entry.account.name);
    for entry in openings {
        put(&mut bytes, entry.sequence.get());
        put_text(&mut bytes, &entry.account.name);
    }
    end(&mut bytes, start);

    let start = begin(&mut bytes);
    let mut in_order: Vec<&Entry> = entries.iter().collect();
    in_order.sort_by_key(|entry| entry.account.opened);
    for entries in in_order.chunk_by(|one, next| one.account.opened == next.account.opened) {
        let account = &entries[0].account;
        put(&mut bytes, account.opened.get());
        put_text(&mut bytes, &account.name);
        put(&mut bytes, entries.len() as u64);
        let start = begin(&mut bytes);
        for entry in entries {
            put(&mut bytes, entry.revision.get());
            put(&mut bytes, entry.sequence.get());
            let start = begin(&mut bytes);
            bytes = codec::encode(entry, bytes)?;
            end(&mut bytes, start);
        }
        end(&mut bytes, start);
    }
    end(&mut bytes, start);

    let start = begin(&mut bytes);
    let id = |entry: &Entry| {
        let fingerprint = fingerprint(entry.id.as_str());
        (
            entry.account.opened.get(),
            fingerprint,
            entry.revision.get(),
        )
    };
    let mut ids: Vec<(u64, u64, u64)> = entries.iter().map(id).collect();
    ids.sort_unstable();
    for (account, fingerprint, revision) in ids {
        put(&mut bytes, account);
        put(&mut bytes, fingerprint);
        put(&mut bytes, revision);
    }
    end(&mut bytes, start);
    Ok(bytes)
}

/// Bytes of a row in all three, about.
const ROW_BYTES: usize = 80;

fn put(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Leaves room for a length.
fn begin(bytes: &mut Vec<u8>) -> Range<usize> {
    let start = bytes.len();
    put(bytes, 0);
    start..bytes.len()
}

/// Puts the length of what follows there.
fn end(bytes: &mut [u8], length: Range<usize>) {
    let following = (bytes.len() - length.end) as u64;
    bytes[length].copy_from_slice(&following.to_le_bytes());
}

/// Rows that were made.
#[derive(Clone, Copy)]
pub(super) struct Rows<'b> {
    pub(super) first: Sequence,
    pub(super) last: Sequence,
    openings: Reader<'b>,
    entries: Reader<'b>,
    ids: Reader<'b>,
}

/// The entries of one account.
pub(super) struct AccountRows<'b> {
    pub(super) opened: Sequence,
    pub(super) name: &'b str,
    pub(super) count: u64,
    entries: Reader<'b>,
}

impl<'b> Rows<'b> {
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, Failure> {
        let mut reader = Reader(bytes);
        Ok(Rows {
            first: reader.sequence()?,
            last: reader.sequence()?,
            openings: Reader(reader.bytes()?),
            entries: Reader(reader.bytes()?),
            ids: Reader(reader.bytes()?),
        })
    }

    /// The accounts that are opened: where, and their names.
    pub(super) fn openings(&self) -> impl Iterator<Item = Result<(Sequence, &'b str), Failure>> {
        self.openings.each(|row| Ok((row.sequence()?, row.text()?)))
    }

    /// The accounts that have entries.
    pub(super) fn accounts(&self) -> impl Iterator<Item = Result<AccountRows<'b>, Failure>> {
        self.entries.each(|row| {
            Ok(AccountRows {
                opened: row.sequence()?,
                name: row.text()?,
                count: row.number()?,
                entries: Reader(row.bytes()?),
            })
        })
    }

    /// Where an account was opened, the fingerprint of an id in it, and the revision that has it.
    pub(super) fn ids(&self) -> impl Iterator<Item = Result<(Sequence, u64, Revision), Failure>> {
        self.ids
            .each(|row| Ok((row.sequence()?, row.number()?, row.revision()?)))
    }
}

/// One entry.
pub(super) struct EntryRow<'b> {
    pub(super) revision: Revision,
    pub(super) sequence: Sequence,
    /// Its value without sequence and checksum.
    pub(super) bytes: &'b [u8],
}

impl<'b> AccountRows<'b> {
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<EntryRow<'b>, Failure>> {
        self.entries.each(|row| {
            Ok(EntryRow {
                revision: row.revision()?,
                sequence: row.sequence()?,
                bytes: row.bytes()?,
            })
        })
    }
}

/// Bytes that are still to be read.
#[derive(Clone, Copy)]
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// What `read` reads, until there are no more bytes.
    fn each<T>(
        mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) -> impl Iterator<Item = Result<T, Failure>> {
        iter::from_fn(move || (!self.0.is_empty()).then(|| read(&mut self)))
    }

    fn number(&mut self) -> Result<u64, Failure> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(torn)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    fn sequence(&mut self) -> Result<Sequence, Failure> {
        self.number().map(Sequence::new)
    }

    fn revision(&mut self) -> Result<Revision, Failure> {
        self.number().map(Revision::new)
    }

    fn bytes(&mut self) -> Result<&'b [u8], Failure> {
        let length = usize::try_from(self.number()?).map_err(|_| torn())?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(torn)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<&'b str, Failure> {
        str::from_utf8(self.bytes()?).map_err(|_| torn())
    }
}

/// They waited in a file of their own, which is not as it was written.
fn torn() -> Failure {
    Failure(StorageProblem::Io(Arc::new(io::Error::other(
        "the prepared rows are not as they were made",
    ))))
}

#[cfg(test)]
mod tests {
    use gpu_credit::Overdraft;

    use super::*;
    use crate::AccountKey;

    fn entry(opened: u64, revision: u64, sequence: u64, id: &str) -> Entry {
        let change = match opened == sequence {
            true => Change::OpenAccount {
                policy: Overdraft::Carry,
            },
            false => Change::Usage {
                amount: 1,
                timestamp: 0,
            },
        };
        Entry {
            account: AccountKey {
                opened: Sequence::new(opened),
                name: format!("account {}", 100 - opened).into(),
            },
            revision: Revision::new(revision),
            sequence: Sequence::new(sequence),
            recorded_at: 0,
            id: id.into(),
            change,
        }
    }

    fn read<T>(rows: impl Iterator<Item = Result<T, Failure>>) -> Vec<T> {
        let rows: Result<_, Failure> = rows.collect();
        rows.unwrap_or_else(|Failure(problem)| panic!("{problem}"))
    }

    #[test]
    fn rows_are_in_the_order_of_their_keys() {
        let entries = [
            entry(7, 1, 7, "open"),
            entry(3, 5, 8, "b"),
            entry(9, 1, 9, "open"),
            entry(7, 2, 10, "a"),
            entry(3, 6, 11, "a"),
        ];
        let bytes = encode(&entries).unwrap();
        let rows = Rows::read(&bytes).unwrap_or_else(|_| panic!("torn"));
        assert_eq!((rows.first.get(), rows.last.get()), (7, 11));
        let openings = read(rows.openings()).into_iter();
        let openings: Vec<_> = openings.map(|(at, name)| (at.get(), name)).collect();
        assert_eq!(openings, [(9, "account 91"), (7, "account 93")]);
        let mut keys = Vec::new();
        for account in read(rows.accounts()) {
            for row in read(account.entries()) {
                let mut own = entries
                    .iter()
                    .filter(|entry| entry.sequence == row.sequence);
                let own = own.next().unwrap();
                assert_eq!(*own.account.name, *account.name);
                assert_eq!(own.revision, row.revision);
                assert_eq!(row.bytes, codec::encode(own, Vec::new()).unwrap());
                keys.push((account.opened.get(), row.revision.get()));
            }
        }
        assert_eq!(keys, [(3, 5), (3, 6), (7, 1), (7, 2), (9, 1)]);
        let ids = read(rows.ids());
        assert!(ids.is_sorted() && ids.len() == entries.len());
        for (opened, of_id, revision) in ids {
            let is_own =
                |entry: &&Entry| (entry.account.opened, entry.revision) == (opened, revision);
            let own = entries.iter().find(is_own).unwrap();
            assert_eq!(fingerprint(own.id.as_str()), of_id);
        }
    }

    #[test]
    fn rows_that_are_cut_are_an_error() {
        let bytes = encode(&[entry(1, 1, 1, "open"), entry(1, 2, 2, "a")]).unwrap();
        assert!(encode(&[]).unwrap().is_empty());
        for length in 0..bytes.len() {
            assert!(Rows::read(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
