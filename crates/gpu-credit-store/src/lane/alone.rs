//! Alone in the lane: what appends by itself, while nobody else does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Lane, Reply, Turn};
use crate::recent::{Recent, Written};
use crate::storage::Alone;
use crate::{Error, Journal, JournalError, Moved, Part, Sequence};

/// What was appended by somebody who was alone in the lane.
pub enum Appended {
    Nothing,
    /// These entries, of which none corrects another.
    Entries(Written),
    /// More than are kept: to these accounts, up to this entry.
    ToAccounts {
        names: Vec<Arc<str>>,
        last: Sequence,
    },
}

impl Appended {
    /// Moves the places of what is to be appended.
    pub(crate) fn renumber(&mut self, moved: Moved) {
        match self {
            Appended::Nothing => {}
            Appended::Entries(written) => written.renumber(moved),
            Appended::ToAccounts { last, .. } => *last = moved.place(*last),
        }
    }
}

impl<J: Journal> Lane<J> {
    /// Does something that appends to the journal by itself, while nobody else appends.
    pub(super) fn while_alone<R>(
        &self,
        append: impl FnOnce(Sequence) -> Result<(R, Appended), Error>,
    ) -> Result<R, Error> {
        let mut appended = None;
        // What is large is a group of its own, which its own thread leads.
        let turn = self.commit.submit(Turn::Alone, true, |turns| {
            appended = Some(self.append_alone(append));
            turns.into_iter().map(|_| Reply::WasAlone).collect()
        });
        match (turn, appended) {
            (Ok(_), Some(appended)) => {
                let (result, names) = appended?;
                self.kept.note_growth_of(&names);
                self.kept.write_aside();
                Ok(result)
            }
            _ => Err(Error::Interrupted),
        }
    }

    fn append_alone<R>(
        &self,
        append: impl FnOnce(Sequence) -> Result<(R, Appended), Error>,
    ) -> Result<(R, Vec<Arc<str>>), Error> {
        if self.is_behind.swap(true, Ordering::SeqCst) {
            self.catch_up()?;
        }
        let mut recent = self.recent.lock();
        self.standby.forget();
        let (result, appended) = append(self.kept.directory.visible()).inspect_err(|_| {
            // What failed before it wrote leaves nothing to catch up with.
            let last = self.kept.journal.last_sequence();
            let is_level = last.is_ok_and(|last| last == self.kept.directory.visible());
            self.is_behind.store(!is_level, Ordering::SeqCst);
        })?;
        let names = match appended {
            Appended::Nothing => Vec::new(),
            Appended::Entries(written) => {
                let shares = written.shares.iter();
                let names = shares
                    .map(|share| Arc::clone(&share.account.name))
                    .collect();
                if let Some(last) = written.last() {
                    *recent = Recent::new(last);
                }
                self.kept.directory.publish(&Arc::new(written));
                names
            }
            Appended::ToAccounts { names, last } => {
                *recent = Recent::new(last);
                self.kept.directory.reload(&names, last);
                names
            }
        };
        self.is_behind.store(false, Ordering::SeqCst);
        Ok((result, names))
    }
}

/// The journal while nobody else appends, and its last entry.
pub(super) struct AloneAfter<'j, J> {
    pub(super) journal: &'j J,
    pub(super) last: Sequence,
}

impl<J: Journal> Alone for AloneAfter<'_, J> {
    fn last(&self) -> Sequence {
        self.last
    }

    fn append(
        &mut self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError> {
        self.journal.append_parts(parts)
    }
}
