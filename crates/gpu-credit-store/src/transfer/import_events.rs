//! Imports an events file: read, checked, and only then written.
//!
//! The rows wait in a file while they are checked, so that an import of any size takes little memory
//! and holds nobody up. Only to write is the journal kept from others; if an account of the file was
//! posted to since it was checked, the rows are checked again.

use std::io::{self, Read};
use std::num::NonZeroU64;
use std::sync::Arc;

use gpu_credit::Overdraft;
use hashbrown::{HashMap, HashSet};

use super::checking::{self, Checked};
use super::identity::{FileDigest, RowDigest};
use super::reading::{self, ReadFile};
use super::staging::{AccountIndex, StagedRow, StagedRows};
use super::{ImportMode, ImportOptions, ImportStep, Imported};
use crate::lane::{Appended, now};
use crate::recent::{Share, Written};
use crate::store::OPENING_ID;
use crate::{
    AccountKey, Change, Entry, Error, Head, ImportError, Journal, JournalError, Part, RecordId,
    Sequence, StorageProblem, Store, Totals, rules,
};

/// Entries that are handed to the journal together.
const PART_ENTRIES: usize = 1 << 19;
/// So many entries are applied to the accounts in memory; if there are more, their accounts are
/// forgotten, and loaded again when they are asked.
const APPLIED_MAX: u64 = 1 << 16;
/// How often what was checked may be overtaken before it is checked while nobody else can post.
const OVERTAKEN_MAX: u32 = 3;

impl<J: Journal> Store<J> {
    /// Posts the records of an events file, in their order: all of them or none. Its questions are
    /// passed over; accounts that are not there are opened with the policy of the options.
    ///
    /// **What is new.** A row with an id is posted once per account: if it is there, with the same
    /// content, nothing is done, wherever it stands in the file; with other content than what was
    /// posted under the id it is an error that shows both. A file without ids that begins with all rows
    /// of one imported before continues it, and what follows is posted. Otherwise a row without id has
    /// to differ from every row that was imported without id before, or the file is refused, unless
    /// [`again`](ImportOptions::again) is said. Within one file, equal rows without id are as many
    /// records; equal rows with one id are one.
    ///
    /// **Memory.** Rows wait in a temporary file. What is held is about 20 bytes a row and 400 an
    /// account; past [`memory_bytes_max`](ImportOptions::memory_bytes_max) it is an error. Other
    /// postings wait while it is written, not while it is read and checked.
    ///
    /// # Errors
    /// If the file cannot be read, a record is refused, or the storage fails; nothing is posted. With
    /// [`batch_rows`](ImportOptions::batch_rows) what was posted until then stays, and
    /// [`ImportError::Stopped`] says how far that is.
    pub fn import_events(
        &self,
        input: impl Read,
        options: &ImportOptions,
        mut progress: impl FnMut(ImportStep),
    ) -> Result<Imported, Error> {
        let kept = self.time_unit()?;
        let conversion = match (options.unit, kept) {
            (Some(from), Some(to)) if from != to => Some((from, to)),
            _ => None,
        };
        let mut file = reading::read(input, options, conversion, &mut progress)?;
        let checked = checking::check(self, &mut file, options, 0, &mut progress)?;
        let mut imported = Imported {
            posted: checked.new + checked.opened,
            already_posted: checked.known,
            accounts: checked.opened,
            questions: file.questions,
            continued: checked.continued,
        };
        if options.mode == ImportMode::DryRun {
            return Ok(imported);
        }
        if let Some(unit) = options.unit
            && kept.is_none()
        {
            self.set_time_unit(unit)?;
        }
        let (posted, opened) =
            Writing::new(self, &mut file, options, checked).run(&mut progress)?;
        imported.posted = posted;
        imported.accounts = opened;
        Ok(imported)
    }
}

/// Writes the new rows of a file, in one append or in batches.
struct Writing<'s, J: Journal> {
    store: &'s Store<J>,
    file: &'s mut ReadFile,
    options: &'s ImportOptions,
    checked: Checked,
    /// Where the next batch begins.
    place: Place,
    posted: u64,
    opened: u64,
}

/// How far the rows are written.
#[derive(Clone, Default)]
struct Place {
    rows: u64,
    /// Where the next one begins in the staging.
    offset: u64,
    line: u64,
    /// Of the rows up to here, if the file has no ids and is written in batches.
    digest: FileDigest,
}

/// What came of one batch.
enum Batch {
    Written {
        is_last: bool,
    },
    /// Accounts were posted to since they were checked.
    Overtaken,
}

impl<'s, J: Journal> Writing<'s, J> {
    fn new(
        store: &'s Store<J>,
        file: &'s mut ReadFile,
        options: &'s ImportOptions,
        checked: Checked,
    ) -> Self {
        Writing {
            store,
            file,
            options,
            checked,
            place: Place::default(),
            posted: 0,
            opened: 0,
        }
    }

    /// Entries posted, and accounts opened among them.
    fn run(mut self, progress: &mut impl FnMut(ImportStep)) -> Result<(u64, u64), Error> {
        let mut overtaken = 0;
        while self.checked.new > 0 {
            let batch = self.write(overtaken == OVERTAKEN_MAX, progress);
            let batch = batch.and_then(|batch| {
                if let Batch::Overtaken = batch {
                    self.check(progress)?;
                }
                Ok(batch)
            });
            match batch {
                Ok(Batch::Written { is_last: true }) => break,
                Ok(Batch::Written { is_last: false }) => overtaken = 0,
                Ok(Batch::Overtaken) => overtaken += 1,
                Err(error) if self.posted > 0 => {
                    let stopped = ImportError::Stopped {
                        line: self.place.line,
                        posted: self.posted,
                        error,
                    };
                    return Err(stopped.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok((self.posted, self.opened))
    }

    fn check(&mut self, progress: &mut impl FnMut(ImportStep)) -> Result<(), Error> {
        let written = self.place.rows;
        self.checked = checking::check(self.store, self.file, self.options, written, progress)?;
        Ok(())
    }

    /// Writes the next batch while nobody else writes.
    fn write(
        &mut self,
        checks_alone: bool,
        progress: &mut impl FnMut(ImportStep),
    ) -> Result<Batch, Error> {
        let store = self.store;
        store.alone(|last| {
            if last != self.checked.through
                && checking::heads(store, &self.file.accounts)? != self.checked.heads
            {
                if !checks_alone {
                    return Ok((Batch::Overtaken, Appended::Nothing));
                }
                self.check(progress)?;
            }
            let mut parts = Parts::new(self, last, progress)?;
            let appended = store.journal().append_parts(&mut parts);
            if let Some(failure) = parts.failure {
                return Err(failure);
            }
            appended?;
            let appended = parts.appended();
            let (posted, opened) = (parts.posted, parts.opened);
            let (place, last, is_last) = (parts.place, parts.last, parts.ended == Ended::File);
            self.place = place;
            self.checked.through = last;
            self.posted += posted;
            self.opened += opened;
            Ok((Batch::Written { is_last }, appended))
        })
    }
}

/// Where the rows of a batch end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    NotYet,
    Batch,
    File,
}

/// The entries of a batch, some at a time.
struct Parts<'a, P> {
    rows: StagedRows<'a>,
    accounts: &'a [Arc<str>],
    checked: &'a mut Checked,
    policy: Overdraft,
    recorded_at: i64,
    batch_rows: u64,
    /// Of the whole file, if it has no ids.
    digest: Option<&'a FileDigest>,
    place: Place,
    last: Sequence,
    posted: u64,
    opened: u64,
    changed: Vec<AccountIndex>,
    is_changed: HashSet<AccountIndex>,
    /// All entries, as long as they are few.
    kept: Option<Vec<Entry>>,
    ended: Ended,
    failure: Option<Error>,
    progress: &'a mut P,
}

impl<'a, P: FnMut(ImportStep)> Parts<'a, P> {
    fn new<J: Journal>(
        writing: &'a mut Writing<'_, J>,
        last: Sequence,
        progress: &'a mut P,
    ) -> Result<Self, Error> {
        let Writing {
            file,
            options,
            checked,
            place,
            ..
        } = writing;
        let ReadFile {
            staging,
            accounts,
            digest,
            ..
        } = &mut **file;
        Ok(Parts {
            rows: staging.read_from(place.rows, place.offset)?,
            accounts,
            checked,
            policy: options.policy,
            recorded_at: now(),
            batch_rows: options.batch_rows.map_or(u64::MAX, NonZeroU64::get),
            digest: digest.as_ref(),
            place: place.clone(),
            last,
            posted: 0,
            opened: 0,
            changed: Vec::new(),
            is_changed: HashSet::new(),
            kept: Some(Vec::new()),
            ended: Ended::NotYet,
            failure: None,
            progress,
        })
    }

    fn part(&mut self) -> Result<Part, Error> {
        let mut part = Part::default();
        while part.entries.len() < PART_ENTRIES && self.ended == Ended::NotYet {
            let Some(row) = self.rows.next()? else {
                self.ended = Ended::File;
                break;
            };
            let place = self.place.rows;
            self.place.rows += 1;
            self.place.offset = self.rows.offset();
            self.place.line = row.line;
            if self.batch_rows < u64::MAX && self.digest.is_some() {
                let name = &self.accounts[row.account.0 as usize];
                self.place.digest.add(RowDigest::of(name, &row.change));
            }
            if let Some(id) = self.checked.id(place, &row) {
                self.write(id, row, &mut part.entries)?;
                if self.posted - self.opened >= self.batch_rows {
                    self.ended = Ended::Batch;
                }
            }
        }
        self.keep(&part.entries);
        (self.progress)(ImportStep::Written(self.place.rows));
        if self.ended != Ended::NotYet {
            let changed = self.changed.iter();
            part.heads = changed
                .filter_map(|account| self.checked.heads[account.0 as usize].clone())
                .collect();
            part.notes = self.note().into_iter().collect();
        }
        Ok(part)
    }

    /// The note by which a file that begins with these rows is known.
    fn note(&self) -> Option<(String, u64)> {
        let digest = self.digest?;
        Some(match self.ended {
            Ended::File => digest.note(),
            _ => self.place.digest.note(),
        })
    }

    /// Makes the entry of a row, after that of its account if the account is new.
    fn write(
        &mut self,
        id: RecordId,
        row: StagedRow,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Error> {
        let index = row.account.0 as usize;
        if self.checked.heads[index].is_none() {
            self.last = self.last.next();
            let account = AccountKey {
                opened: self.last,
                name: Arc::clone(&self.accounts[index]),
            };
            self.checked.heads[index] = Some(Head {
                account: account.clone(),
                policy: self.policy,
                entries: 1,
                last: self.last,
                totals: Totals::default(),
            });
            entries.push(Entry {
                sequence: self.last,
                recorded_at: self.recorded_at,
                account,
                id: OPENING_ID.into(),
                change: Change::OpenAccount {
                    policy: self.policy,
                },
            });
            self.posted += 1;
            self.opened += 1;
        }
        if self.is_changed.insert(row.account) {
            self.changed.push(row.account);
        }
        let Some(head) = &mut self.checked.heads[index] else {
            unreachable!("it was opened");
        };
        self.last = self.last.next();
        head.last = self.last;
        head.entries += 1;
        let admitted = rules::posted(head.totals, &row.change);
        head.totals = admitted.map_err(|refusal| {
            let (account, id) = (head.account.name.to_string(), id.clone());
            let error = Error::Refused {
                account,
                id,
                refusal,
            };
            ImportError::Refused {
                line: row.line,
                error,
            }
        })?;
        self.posted += 1;
        entries.push(Entry {
            sequence: self.last,
            recorded_at: self.recorded_at,
            account: head.account.clone(),
            id,
            change: row.change,
        });
        Ok(())
    }

    /// Keeps entries for the accounts in memory, while they are few.
    fn keep(&mut self, entries: &[Entry]) {
        if self.posted > APPLIED_MAX {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(entries);
        }
    }

    /// What the journal has taken.
    fn appended(&mut self) -> Appended {
        match self.kept.take() {
            Some(entries) if entries.is_empty() => Appended::Nothing,
            Some(entries) => Appended::Entries(written(entries)),
            None => {
                let changed = self.changed.iter();
                let names = changed.map(|account| Arc::clone(&self.accounts[account.0 as usize]));
                Appended::ToAccounts {
                    names: names.collect(),
                    last: self.last,
                }
            }
        }
    }
}

fn written(entries: Vec<Entry>) -> Written {
    let mut shares: Vec<Share> = Vec::new();
    let mut places: HashMap<Sequence, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = *places.entry(entry.account.opened).or_insert_with(|| {
            shares.push(Share {
                account: entry.account.clone(),
                is_deleted: false,
                entries: Vec::new(),
            });
            shares.len() - 1
        });
        shares[place].entries.push(index);
    }
    Written {
        entries,
        corrected: HashMap::new(),
        shares,
    }
}

impl<P: FnMut(ImportStep)> Iterator for Parts<'_, P> {
    type Item = Result<Part, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended != Ended::NotYet {
            return None;
        }
        match self.part() {
            Ok(part) => Some(Ok(part)),
            Err(error) => {
                let problem = StorageProblem::Io(Arc::new(io::Error::other(error.to_string())));
                self.failure = Some(error);
                self.ended = Ended::File;
                Some(Err(JournalError::new("the rows of the import", problem)))
            }
        }
    }
}
