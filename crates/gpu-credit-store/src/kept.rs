//! A journal and the accounts in memory, shared with the thread that writes snapshots.

use std::ops::Deref;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::directory::Directory;
use crate::draft::{Answered, Request};
use crate::{Change, Journal, Revision};

/// Accounts whose heads are asked for together.
const HEADS_AT_ONCE: usize = 65_536;

/// A journal, and its accounts in memory.
pub(crate) struct Base<J> {
    pub(crate) journal: J,
    pub(crate) directory: Directory,
}

/// A journal and its accounts, to whoever has the lane. When it is dropped, the thread ends, the snapshots that
/// are worth it are written, and then the journal is closed.
pub(crate) struct Kept<J: Journal> {
    base: Arc<Base<J>>,
    /// Writes snapshots, or has.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<J: Journal> Deref for Kept<J> {
    type Target = Base<J>;

    fn deref(&self) -> &Base<J> {
        &self.base
    }
}

impl<J: Journal> Kept<J> {
    pub(crate) fn new(journal: J, directory: Directory) -> Self {
        Kept {
            base: Arc::new(Base { journal, directory }),
            thread: Mutex::new(None),
        }
    }

    /// The journal, to be changed while no thread writes snapshots.
    pub(crate) fn change_journal<R>(&mut self, change: impl FnOnce(&mut J) -> R) -> R {
        self.end_thread();
        let base = Arc::get_mut(&mut self.base);
        let base = base.expect("the thread that shared it has ended");
        let changed = change(&mut base.journal);
        base.directory.keeper.go_on();
        changed
    }

    /// Makes a thread that writes the snapshots that are wanted, if some are and there is none.
    pub(crate) fn write_aside(&self) {
        if !self.directory.keeper.begin() {
            return;
        }
        let base = Arc::clone(&self.base);
        let write = move || {
            let visible = || base.directory.visible();
            base.directory.keeper.write_all(&base.journal, visible);
        };
        match thread::Builder::new().spawn(write) {
            Ok(thread) => *self.thread.lock() = Some(thread),
            Err(_) => self.directory.keeper.give_up(),
        }
    }

    /// Takes note of accounts that have grown: snapshots of them may be due.
    pub(crate) fn note_growth(&self, request: &Request, answered: &Answered) {
        let Base { journal, directory } = &**self;
        let Ok(outcomes) = answered else { return };
        let mut grown: HashMap<&str, (Revision, bool)> = HashMap::new();
        for (posting, outcome) in request.accepted().zip(outcomes) {
            let revision = outcome.revision().filter(|_| outcome.is_new());
            if let Some(revision) = revision
                && !request.is_trial
                && directory.keeper.looks_at(revision)
            {
                let grown = grown.entry(&posting.account).or_insert((revision, false));
                grown.0 = revision;
                grown.1 |= matches!(posting.change, Change::CloseBooks { .. });
            }
        }
        for (name, (revision, is_closed)) in grown {
            // An account that is gone needs no snapshot.
            if let Ok(account) = directory.key(journal, name) {
                directory.keeper.has_entries(journal, &account, revision);
                if is_closed {
                    directory.keeper.want_soon(&account);
                }
            }
        }
    }

    /// The same of accounts that may have grown.
    pub(crate) fn note_growth_of(&self, names: &[Arc<str>]) {
        let Base { journal, directory } = &**self;
        for names in names.chunks(HEADS_AT_ONCE) {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            // What cannot be read is said to whoever needs it.
            let heads = journal.heads(&names).unwrap_or_default();
            for head in heads.into_iter().flatten() {
                let keeper = &directory.keeper;
                keeper.has_entries(journal, &head.account, head.revision);
            }
        }
    }

    /// Ends the thread, if there is one, after the snapshot that it is at.
    fn end_thread(&self) {
        self.directory.keeper.stop();
        if let Some(thread) = self.thread.lock().take() {
            // If it panicked, that was reported, and a snapshot is missing.
            let _ = thread.join();
        }
    }
}

impl<J: Journal> Drop for Kept<J> {
    fn drop(&mut self) {
        self.end_thread();
        let visible = self.directory.visible();
        self.directory.keeper.end(&self.journal, visible);
    }
}
