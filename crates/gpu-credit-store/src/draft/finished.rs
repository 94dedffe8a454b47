//! What a draft comes to, and where it is written.

use hashbrown::HashMap;

use super::Draft;
use crate::recent::{Share, Touched, Written};
use crate::{Account, AccountKey, Moved, Sequence};

/// What a draft comes to.
pub(crate) struct Finished {
    pub(crate) written: Written,
    /// The accounts that are changed, in the order in which they were first touched.
    pub(crate) touched: Vec<Touched>,
    /// The last entry before them.
    pub(crate) base: Sequence,
    /// The accounts that are kept to decide on holds, each up to where it was last needed.
    pub(crate) standby: HashMap<AccountKey, Account>,
}

impl Draft<'_> {
    /// What is to be written.
    pub(crate) fn finish(self) -> Finished {
        let mut entries: Vec<Vec<usize>> = vec![Vec::new(); self.accounts.len()];
        for (place, owner) in self.owners.iter().enumerate() {
            entries[*owner].push(place);
        }
        let (mut shares, mut touched) = (Vec::new(), Vec::new());
        let mut standby = self.standby;
        let mut accounts = self.accounts;
        for account in accounts.iter_mut().filter(|account| account.decides) {
            if let Some(folded) = account.folded.take() {
                standby.insert(folded.key().clone(), folded);
            }
        }
        let accounts = accounts.into_iter().zip(entries).enumerate();
        for (index, (account, entries)) in accounts.filter(|(_, (_, entries))| !entries.is_empty())
        {
            let key = account.head.account.clone();
            let is_deleted = self.names.get(&key.name) != Some(&Some(index));
            shares.push(Share {
                account: key,
                is_deleted,
                entries,
            });
            touched.push(Touched {
                head: account.head,
                is_deleted,
                ids: account.ids,
                corrected: account.corrected,
            });
        }
        Finished {
            written: Written {
                entries: self.entries,
                corrected: self.corrects,
                shares,
            },
            touched,
            base: self.base,
            standby,
        }
    }
}

impl Finished {
    /// Moves all of it to where it follows `base`; `None` if it cannot be there.
    pub(crate) fn move_to(&mut self, base: Sequence) -> Option<Moved> {
        let moved = Moved {
            from: self.base,
            to: base,
        };
        let last = self.written.last().unwrap_or(self.base);
        if !moved.has_room(last) {
            return None;
        }
        if moved.from != moved.to {
            self.base = base;
            self.written.renumber(moved);
            for touched in &mut self.touched {
                touched.renumber(moved);
            }
        }
        Some(moved)
    }
}
