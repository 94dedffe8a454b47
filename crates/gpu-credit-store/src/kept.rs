//! A journal and the accounts in memory, shared with the thread that writes snapshots.

use std::ops::Deref;
use std::sync::Arc;

use crate::Journal;
use crate::directory::Directory;
use crate::draft::{Answered, Request};
use crate::snapshot::Aside;

/// A journal, and its accounts in memory.
pub(crate) struct Base<J> {
    pub(crate) journal: J,
    pub(crate) directory: Directory,
}

/// A journal and its accounts, to whoever has the lane. When it is dropped, the thread ends, the snapshots that
/// are worth it are written, and then the journal is closed.
pub(crate) struct Kept<J: Journal> {
    base: Arc<Base<J>>,
    aside: Aside,
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
            aside: Aside::default(),
        }
    }

    /// The journal, to be changed while no thread writes snapshots.
    pub(crate) fn change_journal<R>(&mut self, change: impl FnOnce(&mut J) -> R) -> R {
        self.aside.end(&self.directory.keeper);
        let base = Arc::get_mut(&mut self.base);
        let base = base.expect("the thread that shared it has ended");
        let changed = change(&mut base.journal);
        base.directory.keeper.go_on();
        changed
    }

    /// Makes a thread that writes the snapshots that are wanted, if some are and there is none.
    pub(crate) fn write_aside(&self) {
        self.aside.write(&self.directory.keeper, || {
            let base = Arc::clone(&self.base);
            move || {
                let visible = || base.directory.visible();
                base.directory.keeper.write_all(&base.journal, visible);
            }
        });
    }

    /// Takes note of accounts that have grown: snapshots of them may be due.
    pub(crate) fn note_growth(&self, request: &Request, answered: &Answered) {
        let Base { journal, directory } = &**self;
        let key = |name: &str| directory.key(journal, name).ok();
        (directory.keeper).note_growth(journal, request, answered, key);
    }

    /// The same of accounts that may have grown.
    pub(crate) fn note_growth_of(&self, names: &[Arc<str>]) {
        let Base { journal, directory } = &**self;
        directory.keeper.note_growth_of(journal, names);
    }
}

impl<J: Journal> Drop for Kept<J> {
    fn drop(&mut self) {
        self.aside.end(&self.directory.keeper);
        let visible = self.directory.visible();
        self.directory.keeper.end(&self.journal, visible);
    }
}
