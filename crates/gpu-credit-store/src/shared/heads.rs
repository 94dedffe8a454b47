//! The heads that are known: what drafts begin with. An old one costs a conflict, and never an answer.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::Head;

/// Heads that are kept, at most.
const HEADS_MAX: usize = if cfg!(test) { 3 } else { 1 << 20 };

/// The last heads that were seen.
#[derive(Default)]
pub(super) struct Heads(Mutex<HashMap<Arc<str>, Head>>);

impl Heads {
    pub(super) fn get(&self, name: &str) -> Option<Head> {
        self.0.lock().get(name).cloned()
    }

    /// Takes in a head. Of the same account, the later one stays.
    pub(super) fn learn(&self, head: &Head) {
        let mut heads = self.0.lock();
        match heads.get_mut(&head.account.name) {
            Some(known) if known.account == head.account && known.revision >= head.revision => {}
            Some(known) => *known = head.clone(),
            None => {
                // They come back with the next look-up.
                if heads.len() >= HEADS_MAX {
                    heads.clear();
                }
                heads.insert(Arc::clone(&head.account.name), head.clone());
            }
        }
    }

    pub(super) fn forget(&self, name: &str) {
        self.0.lock().remove(name);
    }
}
