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
use crate::folding::load;
use crate::snapshot::{Aside, Keeper};
use crate::storage::Alone;
use crate::{
    Account, AccountKey, Entry, Error, JournalError, Reader, Revision, Sequence, Storage,
    StoreOptions, StoreStatistics, lane,
};
use accounts::Accounts;
use posting::Posted;

/// A journal that others write to, too, and what is known of it in memory. When it is dropped, the snapshots that
/// are worth it are written.
pub struct Shared<J: SharedJournal> {
    base: Arc<Base<J>>,
    posted: Posted,
    aside: Aside,
}

/// What the thread has that writes snapshots.
struct Base<J> {
    journal: J,
    accounts: Accounts,
}

impl<J: SharedJournal> Shared<J> {
    pub(crate) fn new(journal: J, options: StoreOptions) -> Self {
        Shared {
            posted: Posted::new(journal.lanes()),
            base: Arc::new(Base {
                accounts: Accounts::new(options),
                journal,
            }),
            aside: Aside::default(),
        }
    }

    /// The journal.
    pub fn journal(&self) -> &J {
        &self.base.journal
    }

    fn accounts(&self) -> &Accounts {
        &self.base.accounts
    }

    fn keeper(&self) -> &Keeper {
        &self.base.accounts.keeper
    }

    /// Makes a thread that writes the snapshots that are wanted, if some are and there is none.
    fn write_aside(&self) {
        self.aside.write(self.keeper(), || {
            let base = Arc::clone(&self.base);
            move || {
                let keeper = &base.accounts.keeper;
                keeper.write_all(&base.journal, || Sequence::END);
            }
        });
    }
}

impl<J: SharedJournal> Drop for Shared<J> {
    fn drop(&mut self) {
        self.aside.end(self.keeper());
        self.keeper().end(self.journal(), Sequence::END);
    }
}

impl<J: SharedJournal> Storage for Shared<J> {
    fn reader(&self) -> &dyn Reader {
        self.journal()
    }

    fn visible(&self) -> Sequence {
        Sequence::END
    }

    fn last(&self) -> Result<Sequence, JournalError> {
        Ok(Sequence::END)
    }

    fn key(&self, name: &str) -> Result<AccountKey, Error> {
        let head = self.journal().heads(&[name])?.pop().flatten();
        let head = head.ok_or_else(|| Error::NoSuchAccount(name.to_owned()))?;
        Ok(head.account)
    }

    fn load(&self, account: &AccountKey, revision: Revision) -> Result<Account, Error> {
        let (journal, keeper) = (self.journal(), self.keeper());
        let loaded = load(journal, account, revision, Sequence::END, keeper);
        self.write_aside();
        loaded
    }

    fn submit(&self, request: Request) -> Answered {
        let answered = posting::submit(self, request);
        self.write_aside();
        answered
    }

    fn ask(&self, names: &[&str], question: &mut dyn FnMut(&[&Account])) -> Result<(), Error> {
        let (journal, accounts) = (self.journal(), self.accounts());
        let asked = match names {
            [name] => accounts.ask(journal, name, &mut |account| question(&[account])),
            _ => accounts.ask_all(journal, names, question),
        };
        self.write_aside();
        asked
    }

    fn ask_at(
        &self,
        name: &str,
        timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        let asked = (self.accounts()).ask_balance(self.journal(), name, timestamp, question);
        self.write_aside();
        asked
    }

    fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        self.accounts().ask_loaded(name, question);
    }

    fn statistics(&self) -> StoreStatistics {
        let accounts = self.accounts();
        StoreStatistics {
            memory: accounts.memory.statistics(),
            snapshots: accounts.keeper.statistics(),
            ..self.posted.statistics()
        }
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        self.journal().keep_note(name, number)
    }

    fn keeps(&self, text: &str) -> bool {
        self.journal().keeps(text)
    }

    fn place(&self, _: Sequence) -> Sequence {
        Sequence::START
    }

    fn account_number(&self, opening: Sequence) -> Sequence {
        posting::random_number(opening)
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        importing::prepare(entries, self.journal().place())
    }

    fn alone(
        &self,
        names: &[Arc<str>],
        act: &mut dyn FnMut(&mut dyn Alone) -> Result<lane::Appended, Error>,
    ) -> Result<bool, Error> {
        let is_written = importing::alone(self, names, act)?;
        if is_written {
            self.keeper().note_growth_of(self.journal(), names);
            self.write_aside();
        }
        Ok(is_written)
    }
}
