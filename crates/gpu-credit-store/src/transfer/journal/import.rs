//! Imports a journal: read, checked, and only then written.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::checking::{self, Checked, Problem};
use super::reading::{self, Place, ReadJournal, StagedLine};
use crate::lane::{Appended, now};
use crate::storage::Alone;
use crate::transfer::accounts::AccountIndex;
use crate::transfer::appending::{
    Appending, OVERTAKEN_ALONE_MAX, OVERTAKEN_MAX, Prepared, heads, overtaken,
};
use crate::transfer::staging::StagedRows;
use crate::transfer::{
    ImportMode, ImportOptions, ImportStep, Imported, OpenedAccount, refused, tell,
};
use crate::{Change, Entry, Error, Head, ImportError, Refusal, Revision, Sequence, Storage, Store};

/// Entries that are read together, in the order in which they are in the temporary file.
const READ_AT_ONCE: usize = if cfg!(test) { 4 } else { 65_536 };

impl<S: Storage> Store<S> {
    /// Posts the entries of an [exported journal](Self::export_journal), in the order in which they were
    /// recorded: all of them or none. Entries that are here already, under their ids, are ignored. A
    /// store that holds nothing yet becomes what was exported, sequences and times included; another
    /// gives the entries revisions and sequences that follow its own, and the time at which it records them. It learns which files
    /// without ids were imported.
    ///
    /// **Unit of time.** A store that has none takes that of the journal, or that of the options if the
    /// journal has none; times are not converted.
    ///
    /// **Memory.** Lines wait in temporary files. What is held is about 40 bytes a line and 400 an
    /// account; the records of one account that are corrected, and an account whose books are closed; past
    /// [`memory_bytes_max`](ImportOptions::memory_bytes_max) it is an error. A line has 1 MiB at most.
    /// Other postings wait while it is written, not while it is read and checked.
    ///
    /// Of accounts that were deleted nothing goes out, so nothing comes in: a line that deletes an account
    /// is refused. [`unit`](ImportOptions::unit) and `memory_bytes_max` of the
    /// options are for journals too; the others are for events files.
    ///
    /// # Errors
    /// If a line is not an entry, an entry is refused, the store has another unit of time, the options say
    /// [`batch_rows`](ImportOptions::batch_rows), `progress` gives the import up, or the storage fails; nothing
    /// is posted.
    pub fn import_journal(
        &self,
        input: impl BufRead,
        options: &ImportOptions,
        mut progress: impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Imported, Error> {
        if options.batch_rows.is_some() {
            return Err(ImportError::JournalInBatches.into());
        }
        let mut file = reading::read(input, options, &mut progress)?;
        let unit = match (file.unit, options.unit) {
            (Some(kept), Some(said)) if kept != said => {
                return Err(Error::OtherTimeUnit { kept, said });
            }
            (own, said) => own.or(said),
        };
        if let (Some(said), Some(kept)) = (unit, self.time_unit()?)
            && said != kept
        {
            return Err(Error::OtherTimeUnit { kept, said });
        }
        for _ in 0..OVERTAKEN_MAX {
            let checked = match checking::check(self, &mut file, options, &mut progress) {
                Ok(checked) => checked,
                Err(Problem::Overtaken(_)) => continue,
                Err(problem) => return Err(problem.into()),
            };
            if options.mode == ImportMode::DryRun {
                return Ok(checked.imported());
            }
            if let Some(unit) = unit {
                self.set_time_unit(unit)?;
            }
            let Some(new) = New::prepare(self, &mut file, &checked, options, &mut progress)? else {
                return Ok(checked.imported());
            };
            let (mut new, mut is_appended) = (Some(new), false);
            let is_written = self.storage()?.alone(&file.accounts, &mut |alone| {
                let last = alone.last();
                let is_overtaken =
                    last != checked.through && heads(self, &file.accounts)? != checked.heads;
                match new
                    .take()
                    .filter(|new| !is_overtaken && new.can_follow(last))
                {
                    None => Ok(Appended::Nothing),
                    Some(new) => {
                        is_appended = true;
                        new.append(alone, &mut progress)
                    }
                }
            })?;
            if is_appended && is_written {
                return Ok(checked.imported());
            }
        }
        // Others go on posting to its accounts: now they wait.
        let accounts = file.accounts.clone();
        for _ in 0..OVERTAKEN_ALONE_MAX {
            let mut imported = None;
            let is_written = self.storage()?.alone(&accounts, &mut |alone| {
                let checked = checking::check(self, &mut file, options, &mut progress)?;
                imported = Some(checked.imported());
                let new = match options.mode {
                    ImportMode::DryRun => None,
                    ImportMode::Post => {
                        New::prepare(self, &mut file, &checked, options, &mut progress)?
                    }
                };
                match new {
                    None => Ok(Appended::Nothing),
                    Some(new) => new.append(alone, &mut progress),
                }
            })?;
            if let Some(imported) = imported.filter(|_| is_written) {
                return Ok(imported);
            }
        }
        Err(overtaken())
    }
}

impl Checked {
    fn imported(&self) -> Imported {
        let accounts = self.heads.iter().zip(&self.after);
        let opened = accounts.filter_map(|(before, after)| match (before, after) {
            (None, Some(head)) => Some(OpenedAccount {
                name: head.account.name.to_string(),
                policy: head.policy,
            }),
            _ => None,
        });
        let mut opened: Vec<OpenedAccount> = opened.collect();
        opened.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Imported {
            posted: self.new,
            already_posted: self.known,
            opened,
            ..Imported::default()
        }
    }
}

/// What is new of a journal, ready to be written.
struct New {
    prepared: Prepared,
    /// Whether the entries have the places and times they had: then nothing comes before them.
    are_recorded_again: bool,
}

impl New {
    /// `None` if there is nothing.
    fn prepare<S: Storage>(
        store: &Store<S>,
        file: &mut ReadJournal,
        checked: &Checked,
        options: &ImportOptions,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Option<Self>, Error> {
        let known = store.reader().notes("")?;
        let notes = file.notes.iter().filter(|note| !known.contains(note));
        let notes: Vec<(String, u64)> = notes.cloned().collect();
        if checked.new == 0 && notes.is_empty() {
            return Ok(None);
        }
        let are_recorded_again = checked.last == Sequence::START && store.accounts()?.is_empty();
        let storage = store.storage()?;
        let mut entries = NewEntries {
            storage,
            staged: file.staging.pick()?,
            places: &file.places,
            accounts: &file.accounts,
            before: &checked.heads,
            after: &checked.after,
            are_recorded_again,
            recorded_at: now(),
            rows: 0,
            appending: Appending::after(checked.last, storage, &options.folder),
        };
        while !entries.places.is_empty() {
            entries.take_some(progress)?;
        }
        Ok(Some(New {
            prepared: entries.appending.finish(entries.rows, notes)?,
            are_recorded_again,
        }))
    }

    /// Whether it can be written after this entry, which is the last one.
    fn can_follow(&self, last: Sequence) -> bool {
        (!self.are_recorded_again || last == Sequence::START) && self.prepared.fits(last)
    }

    fn append(
        self,
        alone: &mut dyn Alone,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<Appended, Error> {
        let tell = |rows| progress(ImportStep::Written(rows));
        let (_, appended) = self.prepared.append(alone, tell)?;
        Ok(appended)
    }
}

/// The entries of the lines that are new, in the order in which they were recorded.
struct NewEntries<'f> {
    storage: &'f dyn Storage,
    staged: StagedRows<'f, StagedLine>,
    /// Of the lines that are left.
    places: &'f [Place],
    accounts: &'f [Arc<str>],
    /// The accounts as they are,
    before: &'f [Option<Head>],
    /// and as they will be, but for the places of their entries and the times at which they are recorded.
    after: &'f [Option<Head>],
    /// Whether they get the places and times they had.
    are_recorded_again: bool,
    recorded_at: i64,
    /// Entries so far.
    rows: u64,
    appending: Appending<'f>,
}

impl NewEntries<'_> {
    /// Takes some more lines, which are read in the order in which they are staged.
    fn take_some(
        &mut self,
        progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let count = self.places.len().min(READ_AT_ONCE);
        let (places, rest) = self.places.split_at(count);
        self.places = rest;
        let new = places.iter().filter(|place| place.is_new);
        let mut offsets: Vec<u64> = new.map(|place| place.offset).collect();
        offsets.sort_unstable();
        let mut lines = Vec::with_capacity(offsets.len());
        for offset in offsets {
            lines.push(self.staged.at(offset)?);
        }
        lines.sort_unstable_by_key(|line| line.sequence);
        for line in lines {
            self.take(line)?;
            tell(progress, ImportStep::Prepared(self.rows))?;
        }
        Ok(())
    }

    fn take(&mut self, line: StagedLine) -> Result<(), Error> {
        let (sequence, recorded_at) = match self.are_recorded_again {
            true => (Some(self.storage.place(line.sequence)), line.recorded_at),
            false => (self.appending.next(), self.recorded_at),
        };
        let is_full = || {
            let name = &self.accounts[line.account.get()];
            refused(line.line, name, &line.id, Refusal::JournalFull)
        };
        let sequence = sequence.ok_or_else(is_full)?;
        let storage = self.storage;
        let head = self.head(line.account);
        if let Change::OpenAccount { .. } = line.change {
            head.account.opened = storage.account_number(sequence);
        }
        head.add_entry(sequence, recorded_at);
        let entry = Entry {
            account: head.account.clone(),
            revision: head.revision,
            sequence,
            recorded_at: head.recorded_at,
            id: line.id,
            change: line.change,
        };
        self.rows += 1;
        self.appending.push(entry, self.rows)
    }

    /// The head of an account after the entries so far. Its totals are those after all entries.
    fn head(&mut self, account: AccountIndex) -> &mut Head {
        let (before, after) = (&self.before[account.get()], &self.after[account.get()]);
        let after = after.as_ref().expect("an account that has entries is open");
        let (revision, recorded_at) = match before {
            Some(head) => (head.revision, head.recorded_at),
            None => (Revision::START, i64::MIN),
        };
        let head = Head {
            revision,
            recorded_at,
            ..after.clone()
        };
        let head = self.appending.head(account, Some(&head));
        head.expect("its head is known")
    }
}
