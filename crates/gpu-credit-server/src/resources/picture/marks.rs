//! Marks of late and corrected records, kept for accounts that are looked at again.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit_plot::Marks;
use gpu_credit_store::{AccountKey, AnyStorage, Error, Revision, Sequence, Store};
use parking_lot::Mutex;

/// Accounts whose marks are kept.
const KEPT_MAX: usize = 64;

/// The marks of accounts that were looked at lately: only entries that came since have to be read.
#[derive(Debug, Default)]
pub(crate) struct KnownMarks {
    known: Mutex<HashMap<Sequence, Arc<Marks>>>,
}

impl KnownMarks {
    /// The marks of an account at a revision. O(entries) the first time, and if it is an earlier revision than before.
    pub(crate) fn of(
        &self,
        store: &Store<AnyStorage>,
        account: &AccountKey,
        revision: Revision,
    ) -> Result<Arc<Marks>, Error> {
        let known = self.known.lock().get(&account.opened).cloned();
        if let Some(known) = known.as_ref().filter(|known| known.revision() == revision) {
            return Ok(Arc::clone(known));
        }
        let earlier = known.filter(|known| known.revision() < revision);
        let is_later = earlier.is_some();
        let mut marks = earlier.map_or_else(Marks::default, Arc::unwrap_or_clone);
        store.visit_history(&account.name, marks.revision(), |entry| {
            if entry.revision > revision {
                return ControlFlow::Break(());
            }
            marks.see(&entry);
            ControlFlow::Continue(())
        })?;
        marks.resolve(|of| store.entry(&account.name, of))?;
        let marks = Arc::new(marks);
        let mut known = self.known.lock();
        if is_later || !known.contains_key(&account.opened) {
            if known.len() >= KEPT_MAX {
                known.clear();
            }
            known.insert(account.opened, Arc::clone(&marks));
        }
        Ok(marks)
    }
}
