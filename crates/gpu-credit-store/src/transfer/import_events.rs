//! Imports an events file: read, checked, and only then written.
//!
//! The rows wait in a file while they are checked and made entries, so that an import of any size takes
//! little memory and holds nobody up. Only to write what is prepared is the journal kept from others; if an
//! account of the file was posted to since it was checked, the rows are checked again.

use std::io::Read;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit::Overdraft;

use super::accounts::AccountIndex;
use super::appending::{self, Appending, OVERTAKEN_ALONE_MAX, OVERTAKEN_MAX, Prepared, heads};
use super::checking::{self, Checked};
use super::effects::effects;
use super::identity::{FileDigest, RowDigest};
use super::reading::{self, ReadFile, StagedRow, Units};
use super::refused::RefusedRows;
use super::staging::StagedRows;
use super::{ImportMode, ImportOptions, ImportStep, Imported, OpenedAccount, refused, tell};
use crate::lane::{Appended, now};
use crate::store::OPENING_ID;
use crate::{
    Change, Entry, Error, Head, ImportError, RecordId, Refusal, Revision, Storage, Store, Totals,
    rules,
};

impl<S: Storage> Store<S> {
    /// Posts the records of an events file, in their order: all of them or none. Its queries are
    /// ignored; accounts that are not there are opened with the policy of the options.
    ///
    /// **What is new.** A row with an id is posted once per account: if it is there, with the same
    /// content, nothing is done, wherever it stands in the file; with other content than what was
    /// posted under the id it is an error that shows both. A file without ids that begins with all rows
    /// of one imported before continues it, and what follows is posted. Otherwise a row without id has
    /// to differ from every row that was imported without id before, or the file is refused, unless
    /// [`again`](ImportOptions::again) is set. Within one file, equal rows without id are as many
    /// records; equal rows with one id are one.
    ///
    /// **What is refused.** A row that is refused ends the import, unless
    /// [`skip_refused`](ImportOptions::skip_refused) is set, and the row has an id or is no record at all.
    ///
    /// **Memory.** Rows wait in temporary files. What is held is about 20 bytes a row and 400 an
    /// account; past [`memory_bytes_max`](ImportOptions::memory_bytes_max) it is an error. Other
    /// postings wait while it is written, not while it is read and checked.
    ///
    /// **Giving up.** `progress` is told how far the import is, many times a second but for the writing of
    /// what is prepared, and goes on with it, or breaks it off: [`ImportError::GivenUp`].
    ///
    /// # Errors
    /// If the file cannot be read, a record is refused, the import is given up, or the storage fails; nothing is posted. With
    /// [`batch_rows`](ImportOptions::batch_rows) what was posted until then stays, and
    /// [`ImportError::Stopped`] says how far that is.
    pub fn import_events(
        &self,
        input: impl Read,
        options: &ImportOptions,
        mut progress: impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Imported, Error> {
        rules::check_policy(options.policy).map_err(ImportError::Policy)?;
        let kept = self.time_unit()?;
        let conversion = match (options.unit, kept) {
            (Some(from), Some(to)) if from != to => Some((from, to)),
            _ => None,
        };
        let unit = options.unit.or(kept).filter(|_| !options.any_time);
        let units = Units {
            conversion,
            checked: unit,
        };
        let mut file = reading::read(input, options, &units, &mut progress)?;
        let checked = checking::check(self, &mut file, options, 0, &mut progress)?;
        let mut imported = Imported {
            questions: file.questions,
            continued: checked.continued,
            ..Imported::default()
        };
        if options.mode == ImportMode::DryRun {
            imported.effects = effects(self, &mut file, &checked, options)?;
            let posted = checked.new + checked.opened.len() as u64;
            let done = Done {
                posted,
                known: checked.known,
                opened: checked.opened,
                refused: checked.refused,
            };
            return Ok(done.told(imported, file, options.policy));
        }
        if let Some(unit) = options.unit
            && kept.is_none()
        {
            self.set_time_unit(unit)?;
        }
        let done = Writing::new(self, &mut file, options, checked).run(&mut progress)?;
        Ok(done.told(imported, file, options.policy))
    }
}

/// What was written of a file, or would be.
struct Done {
    /// Entries, openings of accounts among them.
    posted: u64,
    /// Rows that were there already.
    known: u64,
    opened: Vec<AccountIndex>,
    refused: RefusedRows,
}

impl Done {
    fn told(self, mut imported: Imported, file: ReadFile, policy: Overdraft) -> Imported {
        let opened = self.opened.into_iter().map(|account| OpenedAccount {
            name: file.accounts[account.get()].to_string(),
            policy,
        });
        let mut opened: Vec<OpenedAccount> = opened.collect();
        opened.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        imported.posted = self.posted;
        imported.already_posted = self.known;
        imported.opened = opened;
        imported.refused = file.refused.into_errors(self.refused);
        imported
    }
}

/// Writes the new rows of a file, in one append or in batches.
struct Writing<'s, S: Storage> {
    store: &'s Store<S>,
    file: &'s mut ReadFile,
    options: &'s ImportOptions,
    checked: Checked,
    /// Where the next batch begins.
    place: Place,
    posted: u64,
    opened: Vec<AccountIndex>,
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

/// Rows that are ready to be written.
struct Batch {
    prepared: Prepared,
    /// How far the rows are written then.
    end: Place,
    is_last: bool,
}

/// What came of one batch.
enum Written {
    Whole {
        is_last: bool,
    },
    /// Accounts were posted to since they were checked.
    Overtaken,
}

impl<'s, S: Storage> Writing<'s, S> {
    fn new(
        store: &'s Store<S>,
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
            opened: Vec::new(),
        }
    }

    /// What came of all of it.
    fn run(
        mut self,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Done, Error> {
        let mut overtaken = 0;
        while self.checked.new > 0 {
            if overtaken > OVERTAKEN_MAX + OVERTAKEN_ALONE_MAX {
                return Err(appending::overtaken());
            }
            let written = self.write(overtaken >= OVERTAKEN_MAX, progress);
            let written = written.and_then(|written| {
                if let Written::Overtaken = written {
                    self.check(progress)?;
                }
                Ok(written)
            });
            match written {
                Ok(Written::Whole { is_last: true }) => break,
                Ok(Written::Whole { is_last: false }) => overtaken = 0,
                Ok(Written::Overtaken) => overtaken += 1,
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
        // Others may have posted some of it since it was checked first.
        let new = self.posted - self.opened.len() as u64;
        Ok(Done {
            posted: self.posted,
            known: self.file.staging.rows() - new - self.checked.refused.count(),
            opened: self.opened,
            refused: self.checked.refused,
        })
    }

    fn check(
        &mut self,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let written = self.place.rows;
        let mut checked = checking::check(self.store, self.file, self.options, written, progress)?;
        let earlier = std::mem::take(&mut self.checked.refused);
        checked.refused.follow(earlier, written);
        self.checked = checked;
        Ok(())
    }

    /// Writes the next batch while nobody else writes.
    fn write(
        &mut self,
        checks_alone: bool,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Written, Error> {
        let store = self.store;
        let accounts = self.file.accounts.clone();
        let (mut batch, mut written) = (Some(NewRows::prepare(self, progress)?), None);
        let is_written = store.storage()?.alone(&accounts, &mut |alone| {
            let last = alone.last();
            let is_overtaken = last != self.checked.through
                && heads(store, &self.file.accounts)? != self.checked.heads;
            let fitting = batch.take().filter(|batch| batch.prepared.fits(last));
            let batch = match fitting {
                Some(batch) if !is_overtaken => batch,
                _ if !checks_alone => return Ok(Appended::Nothing),
                _ => {
                    self.check(progress)?;
                    NewRows::prepare(self, progress)?
                }
            };
            let tell = |rows| progress(ImportStep::Written(rows));
            let (posted, appended) = batch.prepared.append(alone, tell)?;
            written = Some((posted, batch.end, batch.is_last));
            Ok(appended)
        })?;
        let Some((posted, end, is_last)) = written.filter(|_| is_written) else {
            return Ok(Written::Overtaken);
        };
        self.place = end;
        let heads = &self.checked.heads;
        let is_opened = |account: &&AccountIndex| heads[account.get()].is_none();
        self.opened
            .extend(posted.accounts.iter().filter(is_opened).copied());
        self.checked.wrote(&posted);
        self.posted += posted.posted;
        Ok(Written::Whole { is_last })
    }
}

/// The entries of a batch, made of its rows.
struct NewRows<'a> {
    rows: StagedRows<'a, StagedRow>,
    accounts: &'a [Arc<str>],
    checked: &'a Checked,
    policy: Overdraft,
    recorded_at: i64,
    batch_rows: u64,
    /// Of the whole file, if it has no ids.
    digest: Option<&'a FileDigest>,
    place: Place,
    appending: Appending<'a>,
}

impl<'a> NewRows<'a> {
    fn new<S: Storage>(writing: &'a mut Writing<'_, S>) -> Result<Self, Error> {
        let Writing {
            store,
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
            appending: Appending::after(checked.last, store.storage()?, &options.folder),
        })
    }

    /// Makes the next batch ready.
    fn prepare<S: Storage>(
        writing: &'a mut Writing<'_, S>,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Batch, Error> {
        let mut rows = NewRows::new(writing)?;
        let is_last = rows.take_rows(progress)?;
        let notes = rows.note(is_last).into_iter().collect();
        Ok(Batch {
            prepared: rows.appending.finish(rows.place.rows, notes)?,
            end: rows.place,
            is_last,
        })
    }

    /// Takes the rows of the batch; whether there are no more in the file.
    fn take_rows(
        &mut self,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        while let Some(row) = self.rows.next()? {
            let place = self.place.rows;
            self.place.rows += 1;
            tell(progress, ImportStep::Prepared(self.place.rows))?;
            self.place.offset = self.rows.offset();
            self.place.line = row.line;
            if self.batch_rows < u64::MAX && self.digest.is_some() {
                let name = &self.accounts[row.account.get()];
                self.place.digest.add(RowDigest::of(name, &row.change));
            }
            if let Some(id) = self.checked.id(place, &row) {
                self.add(id, row)?;
                if self.appending.records() >= self.batch_rows {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The note by which a file that begins with these rows is known.
    fn note(&self, is_last: bool) -> Option<(String, u64)> {
        let whole = self.digest?;
        let digest = match is_last {
            true => whole,
            false => &self.place.digest,
        };
        Some(digest.file().note())
    }

    /// Makes the entry of a row, after that of its account if the account is new.
    fn add(&mut self, id: RecordId, row: StagedRow) -> Result<(), Error> {
        let known = self.checked.heads[row.account.get()].as_ref();
        if self.appending.head(row.account, known).is_none() {
            self.open(&row)?;
        }
        let name = &self.accounts[row.account.get()];
        let is_full = || refused(row.line, name, &id, Refusal::JournalFull);
        let sequence = self.appending.next().ok_or_else(is_full)?;
        let head = self.appending.head(row.account, known);
        let head = head.expect("an account that has entries is open");
        let admitted = rules::posted(head.totals, &row.change);
        head.totals = admitted.map_err(|refusal| refused(row.line, name, &id, refusal))?;
        head.add_entry(sequence, self.recorded_at);
        let entry = Entry {
            account: head.account.clone(),
            revision: head.revision,
            sequence,
            recorded_at: head.recorded_at,
            id,
            change: row.change,
        };
        self.appending.push(entry, self.place.rows)
    }

    fn open(&mut self, row: &StagedRow) -> Result<(), Error> {
        let (name, id) = (
            &self.accounts[row.account.get()],
            RecordId::from(OPENING_ID),
        );
        let is_full = || refused(row.line, name, &id, Refusal::JournalFull);
        let sequence = self.appending.next().ok_or_else(is_full)?;
        let head = Head {
            account: self.appending.opened(name, sequence),
            policy: self.policy,
            revision: Revision::new(1),
            last: sequence,
            recorded_at: self.recorded_at,
            totals: Totals::default(),
        };
        let opening = Entry {
            account: head.account.clone(),
            revision: head.revision,
            sequence,
            recorded_at: head.recorded_at,
            id,
            change: Change::OpenAccount {
                policy: self.policy,
            },
        };
        self.appending.add(row.account, head);
        self.appending.push(opening, self.place.rows)
    }
}
