//! Stores that share a journal: several processes, on several machines, serve the same accounts.
//!
//! ```text
//!   post ──▶ │ draft on the heads that are known ──▶ append, if they still stand │
//!             a conflict: look up heads and ids in one go, draft anew, append; then with accounts held
//!
//!   ask ──▶ heads, and the entries after what is in memory, in one go for all who wait ──▶ answer
//! ```
//!
//! Nobody leads, and nobody is told of what others write: every answer rests on heads that were read, or
//! compared by an append, after the question came. What is in memory only spares reading it again.

mod accounts;
mod heads;
mod importing;
mod journal;
mod known;
mod posting;

pub use journal::{
    Append, Appended, Have, HeadChange, LookedUp, News, SharedJournal, Transaction, Wanted,
};

use std::sync::Arc;

use crate::draft::{Answered, Request};
use crate::storage::Alone;
use crate::{
    Account, AccountKey, Entry, Error, JournalError, Reader, Sequence, Storage, StoreStatistics,
    lane,
};
use accounts::Accounts;
use posting::Posted;

/// A journal that others write to, too, and what is known of it in memory.
pub struct Shared<J> {
    journal: J,
    accounts: Accounts,
    posted: Posted,
}

impl<J: SharedJournal> Shared<J> {
    /// On a journal.
    pub fn new(journal: J) -> Self {
        Shared {
            posted: Posted::new(journal.lanes()),
            accounts: Accounts::default(),
            journal,
        }
    }

    /// The journal.
    pub fn journal(&self) -> &J {
        &self.journal
    }
}

impl<J: SharedJournal> Storage for Shared<J> {
    fn reader(&self) -> &dyn Reader {
        &self.journal
    }

    fn visible(&self) -> Sequence {
        Sequence::END
    }

    fn last(&self) -> Result<Sequence, JournalError> {
        Ok(Sequence::END)
    }

    fn key(&self, name: &str) -> Result<AccountKey, Error> {
        let head = self.journal.heads(&[name])?.pop().flatten();
        let head = head.ok_or_else(|| Error::NoSuchAccount(name.to_owned()))?;
        Ok(head.account)
    }

    fn submit(&self, request: Request) -> Answered {
        posting::submit(self, request)
    }

    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error> {
        match names {
            [name] => self
                .accounts
                .ask(&self.journal, name, &mut |account| question(&[account])),
            _ => self.accounts.ask_all(&self.journal, names, question),
        }
    }

    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        self.accounts.ask_loaded(name, question);
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        self.journal.keep_note(name, number)
    }

    fn statistics(&self) -> StoreStatistics {
        self.posted.statistics()
    }

    fn keeps(&self, text: &str) -> bool {
        self.journal.keeps(text)
    }

    fn place(&self, _: Sequence) -> Sequence {
        Sequence::START
    }

    fn account_number(&self, opening: Sequence) -> Sequence {
        posting::random_number(opening)
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        importing::prepare(entries, self.journal.place())
    }

    fn alone(
        &self,
        names: &[Arc<str>],
        act: &mut dyn FnMut(&mut dyn Alone) -> Result<lane::Appended, Error>,
    ) -> Result<bool, Error> {
        importing::alone(self, names, act)
    }
}
