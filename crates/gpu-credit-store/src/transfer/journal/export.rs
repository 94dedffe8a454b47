//! Exports the journal.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Line;
use crate::transfer::ensure_whole;
use crate::transfer::identity::ImportedFile;
use crate::{AccountKey, Error, Revision, Sequence, Storage, Store};

impl<S: Storage> Store<S> {
    /// Writes the journal as JSON lines, and returns how many entries it has.
    ///
    /// ```text
    /// {"time_unit":"s"}
    /// {"imported_file":{"digest":"5f0c1d6be29ab4d10e0a7cf04b1e4d37","rows":19}}
    /// {"sequence":1,"recorded_at":1790000000000,"account":"acme","id":"open","open_account":{"policy":"carry"}}
    /// {"sequence":2,"recorded_at":1790000000000,"account":"acme","id":"i1","grant":{"credit_id":"march","amount":100,"timestamp":0,"expiration":30}}
    /// {"sequence":3,"recorded_at":1790000000000,"account":"acme","id":"j17","usage":{"amount":20,"timestamp":12}}
    /// {"sequence":4,"recorded_at":1790000000000,"account":"acme","id":"f1","change_usage":{"of":"j17","amount":15}}
    /// ```
    ///
    /// * `time_unit` is the unit of all times, if the store has one.
    /// * `imported_file` is an events file without ids that was imported: 128 bits of a digest of its
    ///   rows, and their number. So a store that the journal is imported to knows the file, too.
    /// * Every other line is an entry: account by account, in the order in which they were opened, each
    ///   in the order of its revisions. `sequence` is the place of the entry among those of all accounts.
    ///
    /// All of it is as of one entry of the journal; an account that is deleted meanwhile is in it or not. Of a
    /// journal that is shared, whose entries have no order between accounts, each account is as of one moment, and
    /// the lines are numbered as they are written.
    /// Left out is what is known of accounts that were deleted before: their names' digests, and the ids of
    /// the deletions. `progress` is told the number of entries so far.
    ///
    /// # Errors
    /// If the journal fails, or the output cannot be written; of a journal that is shared also if a large account
    /// is deleted while it is exported.
    pub fn export_journal(
        &self,
        mut output: impl Write,
        progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        if let Some(unit) = self.time_unit()? {
            Line::Unit(unit).write(&mut output)?;
        }
        // Before the last entry is looked up: the rows of each file are among the entries.
        for file in ImportedFile::all(self.reader())? {
            Line::File(file).write(&mut output)?;
        }
        let accounts = self.accounts()?;
        self.export_entries(accounts, |_| true, output, progress)
    }

    /// The same of some accounts, those whose name `is_wanted`: what is known of the store as a whole is its unit of
    /// time alone. A hold names those of its accounts alone whose name `is_shown`: so it is imported as a hold on them.
    ///
    /// # Errors
    /// As [`export_journal`](Self::export_journal).
    pub fn export_journal_of(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        is_shown: impl Fn(&str) -> bool,
        mut output: impl Write,
        progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        if let Some(unit) = self.time_unit()? {
            Line::Unit(unit).write(&mut output)?;
        }
        let mut accounts = self.accounts()?;
        accounts.retain(|account| is_wanted(&account.name));
        self.export_entries(accounts, is_shown, output, progress)
    }

    fn export_entries(
        &self,
        mut accounts: Vec<AccountKey>,
        is_shown: impl Fn(&str) -> bool,
        mut output: impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let through = self.storage()?.last()?;
        accounts.sort_unstable_by_key(|account| account.opened);
        let mut entries = 0;
        for account in accounts {
            let before = entries;
            let mut written = Ok(());
            self.reader()
                .entries(&account, Revision::START, through, &mut |mut entry| {
                    entries += 1;
                    if entry.sequence == Sequence::START {
                        entry.sequence = Sequence::new(entries);
                    }
                    if let Some(hold) = entry.change.hold_mut() {
                        hold.accounts.retain(|account| is_shown(account));
                    }
                    written = Line::Entry(entry.into()).write(&mut output);
                    progress(entries);
                    match written {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                })?;
            written?;
            ensure_whole(self.storage()?, &account, entries - before)?;
        }
        output
            .flush()
            .map_err(|error| Error::Export(Arc::new(error)))?;
        Ok(entries)
    }
}
