//! Files of events: usage and grants without ids, as the other programs of the workspace know them.

use std::fmt::{self, Write as _};
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use gpu_credit::Overdraft;
use gpu_credit_workload::{Action, Event, EventReader, EventWriter};
use sha2::{Digest, Sha256};

use super::{Batch, ImportMode, Imported};
use crate::standing::Standing;
use crate::{Change, Entry, Error, ImportError, Journal, Posting, RecordId, Sequence, Store};

/// The id under which an import opens an account that is not there.
const OPENING_ID: &str = "open";

/// What an events file leaves out of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Accounts, whose policies are left out.
    pub policies: u64,
    /// Records, whose ids and places in the journal are left out: the file has only their order.
    pub ids: u64,
    /// Records that were retracted, or revoked before they started.
    pub records: u64,
    /// Corrections: the file has the records as they stand.
    pub corrections: u64,
    /// Closes of the books: the file has the records before them all the same.
    pub closes: u64,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LeftOut {
            policies,
            ids,
            records,
            corrections,
            closes,
        } = self;
        write!(
            formatter,
            "left out: {policies} policies, {ids} ids, {records} records that do not stand, \
             {corrections} corrections, {closes} closes of the books"
        )
    }
}

impl<J: Journal> Store<J> {
    /// Posts the records of an events file, in their order: all of them or none. Its questions are
    /// passed over; accounts that are not there are opened with `policy`. `progress` is told the
    /// number of rows so far.
    ///
    /// A row that has no id gets one of the digest of the file's rows and its line: the same
    /// file imported again, compressed or not, posts nothing. A file that has grown is another file:
    /// all its rows are new.
    ///
    /// # Errors
    /// If the file cannot be read, a record is refused, or the storage fails; nothing is posted.
    pub fn import_events(
        &self,
        input: impl Read,
        policy: Overdraft,
        mode: ImportMode,
        mut progress: impl FnMut(u64),
    ) -> Result<Imported, Error> {
        let mut file = EventReader::new(input).map_err(ImportError::from)?;
        let (mut rows, mut questions, mut digest) = (Vec::new(), 0, Sha256::new());
        while let Some(event) = file.read() {
            let event = event.map_err(ImportError::from)?;
            digest_event(&mut digest, &event);
            let (account, change) = (event.account.to_owned(), change(&event));
            let own_id = event.id.map(RecordId::from);
            let line = file.line();
            digest.update(line.to_le_bytes());
            match change {
                Some(change) => rows.push((line, account, own_id, change)),
                None => questions += 1,
            }
            progress(rows.len() as u64 + questions);
        }
        let file_id = file_id(digest);
        let mut batch = Batch::default();
        let (mut known, mut id) = (HashSet::new(), file_id.clone());
        for (line, account, own_id, change) in rows {
            if !known.contains(&account) {
                if !self.has_account(&account)? {
                    let opening = Posting::open_account(account.clone(), OPENING_ID, policy);
                    batch.push(line, opening);
                }
                known.insert(account.clone());
            }
            // Of one length, so that the ids of a file are in the order of its lines.
            id.truncate(file_id.len());
            let _ = write!(id, ":{line:010}");
            let id = own_id.unwrap_or_else(|| id.as_str().into());
            batch.push(line, Posting::new(account, id, change));
        }
        let imported = batch.submit(self, mode)?;
        Ok(Imported {
            questions,
            ..imported
        })
    }

    /// Writes the records that stand as an events file, account by account, and says what that leaves
    /// out. An account that is deleted meanwhile is in it or not. `progress` is told the number of
    /// accounts so far.
    ///
    /// # Errors
    /// If the journal fails, or the output cannot be written.
    pub fn export_events(
        &self,
        output: impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<LeftOut, Error> {
        let failed = |error| Error::Export(Arc::new(error));
        let mut file = EventWriter::new(output).map_err(failed)?;
        let mut left_out = LeftOut::default();
        let through = self.last_sequence();
        for account in self.accounts()? {
            let mut entries = Vec::new();
            self.journal()
                .entries(&account, Sequence::START, through, &mut |entry| {
                    entries.push(entry);
                    ControlFlow::Continue(())
                })?;
            if entries.is_empty() {
                // Deleted since.
                continue;
            }
            let records = standing_records(entries, &mut left_out);
            for (credit_id, standing) in &records {
                let Some(action) = action(credit_id, *standing) else {
                    left_out.records += 1;
                    continue;
                };
                let account = &account.name;
                file.write(&Event {
                    account,
                    id: None,
                    action,
                })
                .map_err(failed)?;
                left_out.ids += 1;
            }
            left_out.policies += 1;
            progress(left_out.policies);
        }
        file.finish()
            .and_then(|mut output| output.flush())
            .map_err(failed)?;
        Ok(left_out)
    }

    fn has_account(&self, name: &str) -> Result<bool, Error> {
        match self.with_account(name, |_| ()) {
            Ok(()) => Ok(true),
            Err(Error::NoSuchAccount(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
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
        }),
        Action::Usage { amount, timestamp } => Some(Change::Usage { amount, timestamp }),
        Action::Balance { .. } => None,
    }
}

/// Takes a row into the digest: every field with its length or its size, so that no two files of
/// different rows give the same bytes.
fn digest_event(digest: &mut Sha256, event: &Event<'_>) {
    let mut text = |text: &str| {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    };
    text(event.account);
    text(event.action.kind());
    let (credit_id, amount, expiration) = match event.action {
        Action::Grant {
            credit_id,
            amount,
            expiration,
            ..
        } => (credit_id, amount, expiration),
        Action::Usage { amount, .. } => ("", amount, 0),
        Action::Balance { .. } => ("", 0, 0),
    };
    text(credit_id);
    digest.update(amount.to_le_bytes());
    digest.update(event.action.timestamp().to_le_bytes());
    digest.update(expiration.to_le_bytes());
}

/// The first half of the digest: 128 bits tell any two files apart.
fn file_id(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The records of an account with their credit ids, in posting order, as they stand.
fn standing_records(entries: Vec<Entry>, left_out: &mut LeftOut) -> Vec<(String, Standing)> {
    let mut records: Vec<(String, Standing)> = Vec::new();
    let mut places: HashMap<RecordId, usize> = HashMap::new();
    for entry in entries {
        if let Some(standing) = Standing::posted(&entry.change) {
            let credit_id = match entry.change {
                Change::Grant { credit_id, .. } => credit_id,
                _ => String::new(),
            };
            places.insert(entry.id, records.len());
            records.push((credit_id, standing));
            continue;
        }
        left_out.closes += u64::from(matches!(entry.change, Change::CloseBooks { .. }));
        if let Some(place) = entry.change.corrects().and_then(|of| places.get(of)) {
            left_out.corrections += 1;
            let record = &mut records[*place].1;
            // It was admitted when it was posted.
            *record = record.corrected(&entry.change, None).unwrap_or(*record);
        }
    }
    records
}

fn action(credit_id: &str, standing: Standing) -> Option<Action<'_>> {
    match standing {
        Standing::Usage { amount, timestamp } => Some(Action::Usage { amount, timestamp }),
        Standing::Grant { amount, .. } => {
            let (timestamp, end) = standing.window()?;
            Some(Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration: end.abs_diff(timestamp),
            })
        }
        Standing::Retracted | Standing::FoldedAway => None,
    }
}
