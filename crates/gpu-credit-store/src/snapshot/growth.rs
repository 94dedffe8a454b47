//! Which accounts have grown, so that a snapshot of them may be due.

use std::sync::Arc;

use hashbrown::HashMap;

use super::Keeper;
use crate::draft::{Answered, Request};
use crate::{AccountKey, Change, Reader, Revision};

/// Accounts whose heads are asked for together.
const HEADS_AT_ONCE: usize = 65_536;

impl Keeper {
    /// Takes note of accounts that a request has written to. `key` finds one by its name.
    pub(crate) fn note_growth(
        &self,
        journal: &dyn Reader,
        request: &Request,
        answered: &Answered,
        key: impl Fn(&str) -> Option<AccountKey>,
    ) {
        let Ok(outcomes) = answered else { return };
        if request.is_trial {
            return;
        }
        let mut grown: HashMap<&str, (Revision, bool)> = HashMap::new();
        for (posting, outcome) in request.accepted().zip(outcomes) {
            let revision = outcome.revision().filter(|_| outcome.is_new());
            if let Some(revision) = revision
                && self.looks_at(revision)
            {
                let grown = grown.entry(&posting.account).or_insert((revision, false));
                grown.0 = revision;
                grown.1 |= matches!(posting.change, Change::CloseBooks { .. });
            }
        }
        for (name, (revision, is_closed)) in grown {
            // An account that is gone needs no snapshot.
            if let Some(account) = key(name) {
                self.has_entries(journal, &account, revision);
                if is_closed {
                    self.want_soon(&account);
                }
            }
        }
    }

    /// The same of accounts that may have grown.
    pub(crate) fn note_growth_of(&self, journal: &dyn Reader, names: &[Arc<str>]) {
        if !self.keeps_any() {
            return;
        }
        for names in names.chunks(HEADS_AT_ONCE) {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            // What cannot be read is said to whoever needs it.
            let heads = journal.heads(&names).unwrap_or_default();
            for head in heads.into_iter().flatten() {
                self.has_entries(journal, &head.account, head.revision);
            }
        }
    }
}
