//! Reads an events file: its rows go to the staging, and what must be known of all of them stays.

use std::io::Read;
use std::sync::Arc;

use gpu_credit_workload::{Action, Event, EventReader};
use hashbrown::{HashMap, HashSet};

use super::identity::{FileDigest, RowDigest, RowKey};
use super::staging::{AccountIndex, StagedRow, Staging};
use super::{ImportOptions, ImportStep};
use crate::{Change, ImportError, RecordId, TimeUnit};

/// An events file that was read.
pub(super) struct ReadFile {
    pub(super) staging: Staging,
    /// The names of its accounts, in the order in which they come.
    pub(super) accounts: Vec<Arc<str>>,
    pub(super) keys: Keys,
    /// Of all rows, if none of them has an id.
    pub(super) digest: Option<FileDigest>,
    pub(super) questions: u64,
}

/// How often each row is there.
#[derive(Default)]
pub(super) struct Keys {
    once: HashSet<RowKey>,
    /// Those that are there again.
    repeated: HashMap<RowKey, u32>,
}

impl Keys {
    /// Which one it is of its key, from 1 on.
    fn add(&mut self, key: RowKey) -> u32 {
        if self.once.insert(key) {
            return 1;
        }
        let count = self.repeated.entry(key).or_insert(1);
        *count = count.saturating_add(1);
        *count
    }

    /// Whether more than one row has this key.
    pub(super) fn is_repeated(&self, key: RowKey) -> bool {
        self.repeated.contains_key(&key)
    }

    /// Bytes that it takes once another key is there.
    fn bytes(&self) -> usize {
        grown(self.once.len(), self.once.capacity(), size_of::<RowKey>())
            + grown(
                self.repeated.len(),
                self.repeated.capacity(),
                size_of::<(RowKey, u32)>(),
            )
    }
}

/// Bytes of a table with room for one more: while it grows, the old one is there beside the new.
fn grown(length: usize, capacity: usize, item_bytes: usize) -> usize {
    let places = if length < capacity {
        capacity
    } else {
        3 * capacity
    };
    // A byte of control for each place, and an eighth of them empty.
    places * (item_bytes + 1) * 8 / 7
}

/// Bytes of one account: its name, twice its head, its places in tables.
const ACCOUNT_BYTES: usize = 400;
/// Bytes that an import takes besides: rows on their way, and pages of the journal.
const OTHER_BYTES: usize = 384 << 20;

/// Reads a file to its end. `conversion` is from the unit of the file to that of the store.
pub(super) fn read(
    input: impl Read,
    options: &ImportOptions,
    conversion: Option<(TimeUnit, TimeUnit)>,
    progress: &mut impl FnMut(ImportStep),
) -> Result<ReadFile, ImportError> {
    let mut events = EventReader::new(input)?;
    let mut indexes: HashMap<Arc<str>, AccountIndex> = HashMap::new();
    let mut file = ReadFile {
        staging: Staging::new(&options.folder),
        accounts: Vec::new(),
        keys: Keys::default(),
        digest: Some(FileDigest::default()),
        questions: 0,
    };
    let mut account_bytes = 0;
    while let Some(event) = events.read() {
        let event = event?;
        let Some(change) = change(&event) else {
            file.questions += 1;
            continue;
        };
        let name = event.account;
        let account = match indexes.get(name) {
            Some(account) => *account,
            None => {
                let index = u32::try_from(file.accounts.len());
                let account = AccountIndex(index.map_err(|_| ImportError::TooManyAccounts)?);
                let name: Arc<str> = name.into();
                account_bytes += name.len() + ACCOUNT_BYTES;
                file.accounts.push(Arc::clone(&name));
                indexes.insert(name, account);
                account
            }
        };
        let id = event.id.map(RecordId::from);
        let line = events.line();
        let change = match conversion {
            None => change,
            Some((from, to)) => converted(change, line, from, to)?,
        };
        let account_name = &file.accounts[account.0 as usize];
        let key = match &id {
            Some(id) => {
                file.digest = None;
                RowKey::of_id(account_name, id.as_str())
            }
            None => {
                let digest = RowDigest::of(account_name, &change);
                if let Some(file) = &mut file.digest {
                    file.add(digest);
                }
                digest.key()
            }
        };
        let needed = OTHER_BYTES + account_bytes + file.keys.bytes();
        if needed > options.memory_bytes_max {
            return Err(ImportError::Memory {
                line,
                rows: file.staging.rows(),
                needed,
                limit: options.memory_bytes_max,
            });
        }
        let occurrence = file.keys.add(key);
        file.staging.push(&StagedRow {
            line,
            account,
            id,
            key: key.0,
            occurrence,
            change,
        })?;
        progress(ImportStep::Read(file.staging.rows() + file.questions));
    }
    Ok(file)
}

fn change(event: &Event<'_>) -> Option<Change> {
    match event.action {
        Action::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
        } => Some(Change::Grant {
            credit_id: credit_id.to_owned(),
            amount,
            timestamp,
            expiration: Some(expiration),
            priority: 0,
        }),
        Action::Usage { amount, timestamp } => Some(Change::Usage { amount, timestamp }),
        Action::Balance { .. } => None,
    }
}

/// A record in another unit of time.
fn converted(
    mut change: Change,
    line: u64,
    from: TimeUnit,
    to: TimeUnit,
) -> Result<Change, ImportError> {
    let convert = |column, value: i64| {
        let converted = from.convert(value, to);
        converted.ok_or(ImportError::NotInUnit {
            line,
            column,
            value,
            from,
            to,
        })
    };
    match &mut change {
        Change::Grant {
            timestamp,
            expiration,
            ..
        } => {
            *timestamp = convert("timestamp", *timestamp)?;
            if let Some(length) = expiration {
                // What the reader lets through from a negative start may be longer than that.
                let signed = i64::try_from(*length).unwrap_or(i64::MAX);
                *length = convert("expiration", signed)?.unsigned_abs();
            }
        }
        Change::Usage { timestamp, .. } => *timestamp = convert("timestamp", *timestamp)?,
        _ => {}
    }
    Ok(change)
}
