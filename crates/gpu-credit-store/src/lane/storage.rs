//! The lane as the storage of a store.

use std::sync::Arc;

use super::alone::AloneAfter;
use super::{Appended, Lane};
use crate::draft::{Answered, Request};
use crate::folding::load;
use crate::kept::Base;
use crate::storage::Alone;
use crate::{
    Account, AccountKey, Entry, Error, Journal, JournalError, Reader, Revision, Sequence, Storage,
    StoreStatistics,
};

impl<J: Journal> Storage for Lane<J> {
    fn reader(&self) -> &dyn Reader {
        &self.kept.journal
    }

    fn visible(&self) -> Sequence {
        self.kept.directory.visible()
    }

    fn last(&self) -> Result<Sequence, JournalError> {
        self.kept.journal.last_sequence()
    }

    fn key(&self, name: &str) -> Result<AccountKey, Error> {
        self.kept.directory.key(&self.kept.journal, name)
    }

    fn load(&self, account: &AccountKey, revision: Revision) -> Result<Account, Error> {
        let Base { journal, directory } = &*self.kept;
        let loaded = load(journal, account, revision, Sequence::END, &directory.keeper);
        self.kept.write_aside();
        loaded
    }

    fn submit(&self, request: Request) -> Answered {
        let answered = self.commit_request(request);
        self.kept.write_aside();
        answered
    }

    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error> {
        let Base { journal, directory } = &*self.kept;
        let asked = match names {
            [name] => directory.read(journal, name, |account| question(&[account])),
            _ => directory.read_all(journal, names, question),
        };
        self.kept.write_aside();
        asked
    }

    fn ask_now(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        self.kept.directory.read_now(name, question);
    }

    fn ask_at(
        &self,
        name: &str,
        timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        let Base { journal, directory } = &*self.kept;
        let asked = directory.read_at(journal, name, timestamp, question);
        self.kept.write_aside();
        asked
    }

    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        self.kept.directory.read_loaded(name, question);
    }

    fn statistics(&self) -> StoreStatistics {
        let directory = &self.kept.directory;
        StoreStatistics {
            groups: self.commit.groups(),
            conflicts: 0,
            memory: directory.memory.statistics(),
            snapshots: directory.keeper.statistics(),
        }
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        self.kept.journal.keep_note(name, number)
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        self.kept.journal.prepare(entries)
    }

    fn alone(
        &self,
        _: &[Arc<str>],
        act: &mut dyn FnMut(&mut dyn Alone) -> Result<Appended, Error>,
    ) -> Result<bool, Error> {
        let journal = &self.kept.journal;
        self.while_alone(|last| Ok((true, act(&mut AloneAfter { journal, last })?)))
    }
}
