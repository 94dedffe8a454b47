//! The ids of records, by the revisions that posted them.

use std::collections::HashMap;
use std::ops::ControlFlow;

use gpu_credit_store::{AnyStorage, Error, Revision, Store};

/// The ids of some records of an account.
#[derive(Debug, Default)]
pub(crate) struct Ids(HashMap<Revision, String>);

impl Ids {
    /// Looks up the ids of these revisions. O(log n) for each, and O(1) if it follows the one before.
    pub(crate) fn look_up(
        store: &Store<AnyStorage>,
        account: &str,
        revisions: impl Iterator<Item = Revision>,
    ) -> Result<Self, Error> {
        let mut wanted: Vec<u64> = revisions.map(Revision::get).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut ids = HashMap::with_capacity(wanted.len());
        for run in wanted.chunk_by(|one, next| *next - *one <= READ_OVER) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            store.visit_history(account, Revision::new(first - 1), |entry| {
                let revision = entry.revision.get();
                if revision > *last {
                    return ControlFlow::Break(());
                }
                if run.binary_search(&revision).is_ok() {
                    ids.insert(entry.revision, entry.id.into());
                }
                match revision == *last {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })?;
        }
        Ok(Ids(ids))
    }

    pub(crate) fn get(&self, revision: Option<Revision>) -> Option<String> {
        self.0.get(&revision?).cloned()
    }
}

/// Entries that are read over rather than looked up anew.
const READ_OVER: u64 = 16;
