//! Taking back what a refused request did to a draft, and what a trial did.

use std::sync::Arc;

use super::{Draft, Drafted};
use crate::standing::Standing;
use crate::{Head, Revision, Sequence};

/// What a refused request did to the draft, to be taken back.
pub(super) enum Undo {
    Name(Arc<str>, Option<Option<usize>>),
    Head(usize, Head),
    Corrected(usize, Revision, Option<(Revision, Standing)>),
}

impl Draft<'_> {
    /// Takes back what was done since the draft ended with `last` and had so many `entries`.
    pub(super) fn take_back(&mut self, last: Sequence, entries: usize) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Name(name, Some(account)) => {
                    self.names.insert(name, account);
                }
                Undo::Name(name, None) => {
                    self.names.remove(&name);
                }
                Undo::Head(account, head) => self.accounts[account].head = head,
                Undo::Corrected(account, of, Some(standing)) => {
                    self.accounts[account].corrected.insert(of, standing);
                }
                Undo::Corrected(account, of, None) => {
                    self.accounts[account].corrected.remove(&of);
                }
            }
        }
        let owners = self.owners.drain(entries..);
        for (entry, owner) in self.entries.drain(entries..).zip(owners) {
            self.accounts[owner].ids.remove(&entry.id);
            let Drafted { folded, head, .. } = &mut self.accounts[owner];
            folded.take_if(|folded| folded.revision() > head.revision);
            self.corrects.remove(&entry.sequence);
        }
        self.last = last;
    }
}
