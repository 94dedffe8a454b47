//! How rows and files that have no ids are known again.
//!
//! A row without id gets an id made of its columns: `~` and 64 bits of a digest of account and change,
//! as 11 characters; the second row of the same columns in an account has `.2` after it, and so on. So
//! whether a row equals one that is there is a question to the journal about an id.
//!
//! A file without ids is known by a digest of all its rows, in order. The digests of all files that
//! were imported are notes of the journal: a file that begins with all rows of one of them continues it.

use std::fmt::Write as _;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::{Change, JournalError, Reader, RecordId};

/// A digest of all columns of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowDigest([u8; 32]);

/// What a row is known by within the memory of one import: 64 bits of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct RowKey(u64);

impl RowDigest {
    /// Of a record that has no id. Every text goes in with its length, so that no two records give the
    /// same bytes.
    pub(super) fn of(account: &str, change: &Change) -> Self {
        let mut digest = Sha256::new();
        let mut text = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        };
        text(account);
        match change {
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => {
                text("grant");
                text(credit_id);
                digest.update(amount.to_le_bytes());
                digest.update(timestamp.to_le_bytes());
                digest.update(expiration.unwrap_or(u64::MAX).to_le_bytes());
                // A grant without one is known as it was before there were priorities.
                if *priority != 0 {
                    digest.update(priority.to_le_bytes());
                }
            }
            Change::Usage { amount, timestamp } => {
                text("usage");
                digest.update(amount.to_le_bytes());
                digest.update(timestamp.to_le_bytes());
            }
            Change::MeteredUsage { rate, from, until } => {
                text("metered usage");
                digest.update(rate.to_le_bytes());
                digest.update(from.to_le_bytes());
                digest.update(until.to_le_bytes());
            }
            other => unreachable!("no row of an events file is {other:?}"),
        }
        RowDigest(digest.finalize().into())
    }

    pub(super) fn key(self) -> RowKey {
        first_bits(self.0)
    }
}

impl RowKey {
    /// Of a record that has an id.
    pub(super) fn of_id(account: &str, id: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update((account.len() as u64).to_le_bytes());
        digest.update(account);
        digest.update(id);
        first_bits(digest.finalize().into())
    }

    /// The id of the record without id that has these columns, the `occurrence`-th of them in its
    /// account, from 1 on.
    pub(super) fn made_id(self, occurrence: u32) -> RecordId {
        const DIGITS: &[u8; 64] =
            b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
        let mut id = String::with_capacity(16);
        id.push('~');
        for place in (0..11).rev() {
            let digit = (self.0 >> (6 * place)) & 63;
            id.push(char::from(DIGITS[digit as usize]));
        }
        if occurrence > 1 {
            let _ = write!(id, ".{occurrence}");
        }
        id.into()
    }
}

fn first_bits(digest: [u8; 32]) -> RowKey {
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    RowKey(u64::from_be_bytes(*first))
}

/// The digest of the rows of a file so far.
#[derive(Clone, Debug, Default)]
pub(super) struct FileDigest {
    digest: Sha256,
    rows: u64,
}

impl FileDigest {
    pub(super) fn add(&mut self, row: RowDigest) {
        self.digest.update(row.0);
        self.rows += 1;
    }

    /// How many rows it has taken in.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The file of these rows.
    pub(super) fn file(&self) -> ImportedFile {
        let mut digest = String::with_capacity(DIGEST_DIGITS);
        for byte in &self.digest.clone().finalize()[..DIGEST_DIGITS / 2] {
            let _ = write!(digest, "{byte:02x}");
        }
        let rows = self.rows;
        ImportedFile { digest, rows }
    }
}

/// A file without ids that was imported, or the beginning of one: 128 bits of a digest of its rows tell
/// any two apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportedFile {
    #[serde(deserialize_with = "digest")]
    digest: String,
    pub(super) rows: u64,
}

/// Digits of the digest, of 4 bits each.
const DIGEST_DIGITS: usize = 32;
/// How the notes of imported files begin.
const NOTES: &str = "imported ";

impl ImportedFile {
    /// All that a journal knows.
    pub(super) fn all(journal: &dyn Reader) -> Result<Vec<Self>, JournalError> {
        let notes = journal.notes(NOTES)?.into_iter();
        let file = |(name, rows): (String, u64)| {
            let digest = name.strip_prefix(NOTES)?.to_owned();
            Some(ImportedFile { digest, rows })
        };
        Ok(notes.filter_map(file).collect())
    }

    /// The note by which it is known.
    pub(super) fn note(&self) -> (String, u64) {
        (format!("{NOTES}{}", self.digest), self.rows)
    }
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let digest = String::deserialize(deserializer)?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match digest.len() == DIGEST_DIGITS && digest.bytes().all(is_digit) {
        true => Ok(digest),
        false => Err(D::Error::custom(format_args!(
            "found the digest {digest:?}, expected {DIGEST_DIGITS} digits 0 to 9 and a to f"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ids_are_what_they_were() {
        let usage = Change::Usage {
            amount: 4,
            timestamp: 30,
        };
        let key = RowDigest::of("acme", &usage).key();
        assert_eq!(key.made_id(1).as_str(), "~-9vy66gKdyf");
        assert_eq!(RowKey(u64::MAX).made_id(12).as_str(), "~Ezzzzzzzzzz.12");
        assert_eq!(RowKey(0).made_id(1).as_str(), "~-----------");
    }

    #[test]
    fn every_column_counts() {
        let grant = |credit_id: &str, amount, timestamp, expiration| Change::Grant {
            credit_id: credit_id.to_owned(),
            amount,
            timestamp,
            expiration: Some(expiration),
            priority: 0,
        };
        let prioritized = Change::Grant {
            credit_id: "g".to_owned(),
            amount: 1,
            timestamp: 2,
            expiration: Some(3),
            priority: 1,
        };
        let job = |rate, from, until| Change::MeteredUsage { rate, from, until };
        let usage = |amount, timestamp| Change::Usage { amount, timestamp };
        let rows = [
            ("a", grant("g", 1, 2, 3)),
            ("a", grant("h", 1, 2, 3)),
            ("a", grant("g", 2, 2, 3)),
            ("a", grant("g", 1, 3, 3)),
            ("a", grant("g", 1, 2, 4)),
            ("b", grant("g", 1, 2, 3)),
            ("a", usage(1, 2)),
            ("a", usage(2, 2)),
            ("a", usage(1, 1)),
            ("b", usage(1, 2)),
            ("a", prioritized),
            ("a", job(1, 2, 3)),
            ("a", job(2, 2, 3)),
            ("a", job(1, 1, 3)),
            ("a", job(1, 2, 4)),
            ("b", job(1, 2, 3)),
        ];
        for (place, (account, change)) in rows.iter().enumerate() {
            let digest = RowDigest::of(account, change);
            let is_other =
                |(account, change): &(&str, Change)| digest != RowDigest::of(account, change);
            assert!(rows[..place].iter().all(is_other), "{account} {change:?}");
        }
    }
}
