//! The way of an import into a journal that others write to, too: one transaction that holds its accounts.
//!
//! Entries are prepared as bytes, and appended some at a time, so that neither side holds all of them.

use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::journal::{Append, Appended, HeadChange, SharedJournal, Transaction};
use super::posting::{not_known, unknown};
use crate::storage::Alone;
use crate::{
    AccountKey, Change, Entry, Error, Head, JournalError, Part, RecordId, Revision, Sequence,
    StorageProblem, lane,
};

/// Entries that are appended by one statement.
const APPENDED_AT_ONCE: usize = if cfg!(test) { 3 } else { 8_192 };
/// Heads that are written by one statement.
const HEADS_AT_ONCE: usize = if cfg!(test) { 2 } else { 8_192 };

/// An entry as bytes.
#[derive(Serialize, Deserialize)]
struct Prepared<'e> {
    opened: Sequence,
    #[serde(borrow)]
    name: &'e str,
    revision: Revision,
    recorded_at: i64,
    id: RecordId,
    change: Change,
}

/// Makes bytes of entries.
pub(super) fn prepare(entries: &[Entry], place: &str) -> Result<Vec<u8>, JournalError> {
    let mut bytes = Vec::new();
    for entry in entries {
        let prepared = Prepared {
            opened: entry.account.opened,
            name: &entry.account.name,
            revision: entry.revision,
            recorded_at: entry.recorded_at,
            id: entry.id.clone(),
            change: entry.change.clone(),
        };
        bytes = postcard::to_extend(&prepared, bytes).map_err(|error| failed(place, &error))?;
    }
    Ok(bytes)
}

fn failed(place: &str, error: &postcard::Error) -> JournalError {
    let problem = std::io::Error::other(error.to_string());
    JournalError::new(place, StorageProblem::Io(Arc::new(problem)))
}

/// Does something that appends while the accounts are held; whether that is written.
pub(super) fn alone<J: SharedJournal>(
    shared: &Shared<J>,
    names: &[Arc<str>],
    act: &mut dyn FnMut(&mut dyn Alone) -> Result<lane::Appended, Error>,
) -> Result<bool, Error> {
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let (mut answered, mut last, mut writes, mut conflicts) = (Ok(()), None, false, false);
    let written = shared.journal().transact(&names, &mut |transaction| {
        let mut held = Held::new(transaction, &names, shared.journal().place());
        let appended = act(&mut held);
        (writes, conflicts) = (held.writes, held.conflicts);
        last = held.last.take();
        match appended {
            Ok(_) => writes && !conflicts,
            Err(error) => {
                answered = Err(error);
                false
            }
        }
    })?;
    for name in &names {
        shared.posted.forget(name);
    }
    if conflicts {
        return Ok(false);
    }
    answered?;
    match (written, last) {
        (Appended::Written, _) => Ok(true),
        (Appended::Conflict, _) => Ok(!writes),
        (Appended::Unknown, Some(last)) => Ok(is_there(shared, &names, &last)?),
        (Appended::Unknown, None) => Err(Error::Interrupted),
    }
}

/// Whether an import is written whose last entry this is, once nobody can still be writing it. It is not known if the
/// account of that entry is not there: it may have been opened, and deleted since.
fn is_there<J: SharedJournal>(
    shared: &Shared<J>,
    names: &[&str],
    last: &Entry,
) -> Result<bool, JournalError> {
    let (mut found, mut is_open) = (Ok(false), false);
    let held = shared.journal().transact(names, &mut |transaction| {
        let mut heads = transaction.heads().iter().flatten();
        is_open = heads.any(|head| head.account == last.account);
        let asked = [(last.account.clone(), last.id.clone())];
        found = shared.journal().find_many(&asked).map(|mut found| {
            let entry = found.pop().flatten();
            entry.is_some_and(|entry| {
                (entry.revision, entry.recorded_at) == (last.revision, last.recorded_at)
                    && entry.change == last.change
            })
        });
        false
    });
    held.map_err(|error| unknown(&error))?;
    match found.map_err(|error| unknown(&error))? {
        // Its entries went with it, if there were any.
        false if !is_open => Err(unknown(&not_known(
            shared.journal(),
            "an account of the import is not there, or not any more",
        ))),
        is_found => Ok(is_found),
    }
}

/// Accounts that are held, and what is appended.
struct Held<'t> {
    transaction: &'t mut dyn Transaction,
    /// By name, as they were when they were held.
    known: HashMap<Arc<str>, (AccountKey, Revision)>,
    place: &'t str,
    /// Whether anything was appended,
    writes: bool,
    /// and the last entry of it.
    last: Option<Entry>,
    /// Whether others have opened an account that is opened here.
    conflicts: bool,
}

impl<'t> Held<'t> {
    fn new(transaction: &'t mut dyn Transaction, names: &[&str], place: &'t str) -> Self {
        let each = names.iter().zip(transaction.heads());
        let known = each.filter_map(|(name, head)| {
            let head = head.as_ref()?;
            Some((Arc::from(*name), (head.account.clone(), head.revision)))
        });
        Held {
            known: known.collect(),
            transaction,
            place,
            writes: false,
            last: None,
            conflicts: false,
        }
    }

    fn append_entries(&mut self, prepared: &[u8]) -> Result<(), JournalError> {
        let mut rest = prepared;
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let (entry, after): (Prepared<'_>, &[u8]) =
                postcard::take_from_bytes(rest).map_err(|error| failed(self.place, &error))?;
            rest = after;
            entries.push(Entry {
                account: AccountKey {
                    opened: entry.opened,
                    name: entry.name.into(),
                },
                revision: entry.revision,
                sequence: Sequence::START,
                recorded_at: entry.recorded_at,
                id: entry.id,
                change: entry.change,
            });
            if rest.is_empty() || entries.len() == APPENDED_AT_ONCE {
                let append = Append {
                    accounts: Vec::new(),
                    entries: std::mem::take(&mut entries),
                };
                self.write(&append)?;
                self.last = append.entries.into_iter().next_back();
            }
        }
        Ok(())
    }

    /// Writes how accounts stand afterwards.
    fn append_heads(&mut self, heads: &[Head]) -> Result<(), JournalError> {
        for heads in heads.chunks(HEADS_AT_ONCE) {
            let change = |head: &Head| {
                let known = self.known.get(&head.account.name);
                let known = known.filter(|(account, _)| *account == head.account);
                HeadChange {
                    expected: known.map_or(Revision::START, |(_, revision)| *revision),
                    head: head.clone(),
                    is_deleted: false,
                }
            };
            let mut accounts: Vec<HeadChange> = heads.iter().map(change).collect();
            accounts.sort_unstable_by_key(|change| change.head.account.opened);
            self.write(&Append {
                accounts,
                entries: Vec::new(),
            })?;
        }
        Ok(())
    }

    fn write(&mut self, append: &Append) -> Result<(), JournalError> {
        if self.conflicts {
            return Ok(());
        }
        self.conflicts = self.transaction.append(append)? != Appended::Written;
        Ok(())
    }
}

impl Alone for Held<'_> {
    fn last(&self) -> Sequence {
        Sequence::START
    }

    fn append(
        &mut self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError> {
        for part in parts {
            let part = part?;
            self.writes = true;
            self.append_entries(&part.prepared)?;
            self.append_heads(&part.heads)?;
            if !part.notes.is_empty() && !self.conflicts {
                self.transaction.keep_notes(part.notes)?;
            }
            if !part.deletions.is_empty() && !self.conflicts {
                self.transaction.keep_deletions(part.deletions)?;
            }
        }
        Ok(())
    }
}
