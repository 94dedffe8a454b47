//! Imports an events file: read, checked, and only then written.
//!
//! The rows wait in a file while they are checked, so that an import of any size takes little memory
//! and holds nobody up. Only to write is the journal kept from others; if an account of the file was
//! posted to since it was checked, the rows are checked again.

use std::io::Read;
use std::num::NonZeroU64;
use std::sync::Arc;

use gpu_credit::Overdraft;

use super::appending::{Appending, OVERTAKEN_MAX, append, heads};
use super::checking::{self, Checked};
use super::identity::{FileDigest, RowDigest};
use super::reading::{self, ReadFile, StagedRow};
use super::staging::StagedRows;
use super::{ImportMode, ImportOptions, ImportStep, Imported, refused};
use crate::lane::{Appended, now};
use crate::store::OPENING_ID;
use crate::{
    AccountKey, Change, Entry, Error, Head, ImportError, Journal, Part, RecordId, Sequence, Store,
    Totals, rules,
};

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
        rules::check_policy(options.policy).map_err(ImportError::Policy)?;
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
                && heads(store, &self.file.accounts)? != self.checked.heads
            {
                if !checks_alone {
                    return Ok((Batch::Overtaken, Appended::Nothing));
                }
                self.check(progress)?;
            }
            let mut rows = NewRows::new(self, last, progress)?;
            append(store.journal(), || rows.part())?;
            let (is_last, place, appending) = (rows.is_at_end, rows.place, rows.appending);
            self.place = place;
            self.checked.through = appending.last;
            self.posted += appending.posted;
            self.opened += appending.opened;
            let appended = appending.appended(&self.file.accounts);
            Ok((Batch::Written { is_last }, appended))
        })
    }
}

/// The entries of a batch, made of its rows.
struct NewRows<'a, P> {
    rows: StagedRows<'a, StagedRow>,
    accounts: &'a [Arc<str>],
    checked: &'a mut Checked,
    policy: Overdraft,
    recorded_at: i64,
    batch_rows: u64,
    /// Of the whole file, if it has no ids.
    digest: Option<&'a FileDigest>,
    place: Place,
    appending: Appending,
    /// Whether there are no more in the file.
    is_at_end: bool,
    /// Whether the journal has all of them.
    is_done: bool,
    progress: &'a mut P,
}

impl<'a, P: FnMut(ImportStep)> NewRows<'a, P> {
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
        Ok(NewRows {
            rows: staging.read_from(place.offset)?,
            accounts,
            checked,
            policy: options.policy,
            recorded_at: now(),
            batch_rows: options.batch_rows.map_or(u64::MAX, NonZeroU64::get),
            digest: digest.as_ref(),
            place: place.clone(),
            appending: Appending::after(last),
            is_at_end: false,
            is_done: false,
            progress,
        })
    }

    /// The next entries; the last part has the heads, and the note. `None` after it.
    fn part(&mut self) -> Result<Option<Part>, Error> {
        if self.is_done {
            return Ok(None);
        }
        let is_full = self.take_rows()?;
        let mut part = self.appending.take_part();
        (self.progress)(ImportStep::Written(self.place.rows));
        if !is_full {
            self.is_done = true;
            part.heads = self.appending.heads(&self.checked.heads);
            part.notes = self.note().into_iter().collect();
        }
        Ok(Some(part))
    }

    /// Takes rows until there are as many entries as are handed over together; `false` if before that
    /// the batch is at its end.
    fn take_rows(&mut self) -> Result<bool, Error> {
        while !self.appending.is_full() {
            let Some(row) = self.rows.next()? else {
                self.is_at_end = true;
                return Ok(false);
            };
            let place = self.place.rows;
            self.place.rows += 1;
            self.place.offset = self.rows.offset();
            self.place.line = row.line;
            if self.batch_rows < u64::MAX && self.digest.is_some() {
                let name = &self.accounts[row.account.get()];
                self.place.digest.add(RowDigest::of(name, &row.change));
            }
            if let Some(id) = self.checked.id(place, &row) {
                self.write(id, row)?;
                if self.appending.posted - self.appending.opened >= self.batch_rows {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The note by which a file that begins with these rows is known.
    fn note(&self) -> Option<(String, u64)> {
        let whole = self.digest?;
        let digest = match self.is_at_end {
            true => whole,
            false => &self.place.digest,
        };
        Some(digest.file().note())
    }

    /// Makes the entry of a row, after that of its account if the account is new.
    fn write(&mut self, id: RecordId, row: StagedRow) -> Result<(), Error> {
        let head = &mut self.checked.heads[row.account.get()];
        let (policy, recorded_at) = (self.policy, self.recorded_at);
        let head = match head {
            Some(head) => head,
            None => {
                let sequence = self.appending.last.next();
                let account = AccountKey {
                    opened: sequence,
                    name: Arc::clone(&self.accounts[row.account.get()]),
                };
                let opening = Entry {
                    sequence,
                    recorded_at,
                    account: account.clone(),
                    id: OPENING_ID.into(),
                    change: Change::OpenAccount { policy },
                };
                self.appending.push(row.account, opening);
                head.insert(Head {
                    account,
                    policy,
                    entries: 1,
                    last: sequence,
                    totals: Totals::default(),
                })
            }
        };
        let admitted = rules::posted(head.totals, &row.change);
        head.totals =
            admitted.map_err(|refusal| refused(row.line, &head.account.name, &id, refusal))?;
        head.last = self.appending.last.next();
        head.entries += 1;
        let entry = Entry {
            sequence: head.last,
            recorded_at,
            account: head.account.clone(),
            id,
            change: row.change,
        };
        self.appending.push(row.account, entry);
        Ok(())
    }
}
