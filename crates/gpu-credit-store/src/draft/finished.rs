//! What a draft comes to, and where it is written.

use super::Draft;
use crate::recent::{Share, Touched, Written};
use crate::{Moved, Sequence};

/// What a draft comes to.
pub(crate) struct Finished {
    pub(crate) written: Written,
    /// The accounts that are changed, in the order in which they were first touched.
    pub(crate) touched: Vec<Touched>,
    /// The last entry before them.
    pub(crate) base: Sequence,
}

impl Draft<'_> {
    /// What is to be written.
    pub(crate) fn finish(self) -> Finished {
        let mut entries: Vec<Vec<usize>> = vec![Vec::new(); self.accounts.len()];
        for (place, owner) in self.owners.iter().enumerate() {
            entries[*owner].push(place);
        }
        let (mut shares, mut touched) = (Vec::new(), Vec::new());
        let accounts = self.accounts.into_iter().zip(entries).enumerate();
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
