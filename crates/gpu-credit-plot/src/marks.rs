//! Where records took effect that came late, or were corrected.

use gpu_credit_store::{Change, Entry, RecordId, Revision};

/// Where records took effect that came late, or were corrected: what is learned from the entries of an account, in
/// their order.
///
/// A record is late if it takes effect before usage that was posted earlier. Entries can be seen in several parts: of an account that
/// has grown, only those after [`revision`](Self::revision) have to be. Bytes of memory: 8 for each late or corrected record.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    revision: Revision,
    /// The last instant of usage so far.
    last_usage: Option<i64>,
    late: Vec<i64>,
    corrected: Vec<i64>,
    /// What was corrected, until somebody says where it is.
    unresolved: Vec<RecordId>,
}

impl Marks {
    /// The last entry that was seen.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Takes in the next entry; one that was seen before is nothing. O(1)
    pub fn see(&mut self, entry: &Entry) {
        if entry.revision <= self.revision {
            return;
        }
        self.revision = entry.revision;
        let (takes_effect, is_usage) = match &entry.change {
            Change::Grant { timestamp, .. } => (*timestamp, false),
            Change::Usage { timestamp, .. } | Change::Settle { timestamp, .. } => {
                (*timestamp, true)
            }
            Change::MeteredUsage { from, .. } | Change::SettleMetered { from, .. } => (*from, true),
            Change::Revoke { from, .. } => {
                self.corrected.push(*from);
                return;
            }
            // Nothing takes effect in the place of a hold.
            Change::Release { .. } => return,
            change => {
                self.unresolved.extend(change.corrects().cloned());
                return;
            }
        };
        if self.last_usage.is_some_and(|last| takes_effect < last) {
            self.late.push(takes_effect);
        }
        if is_usage {
            self.last_usage = self.last_usage.max(Some(takes_effect));
        }
    }

    /// Finds where the corrected records are, by their entries: a look-up for each that was seen since the last time.
    ///
    /// # Errors
    /// The first one of the look-ups. Those that are left can be resolved later.
    pub fn resolve<E>(
        &mut self,
        mut find: impl FnMut(&RecordId) -> Result<Option<Entry>, E>,
    ) -> Result<(), E> {
        while let Some(of) = self.unresolved.last() {
            let found = find(of)?;
            self.unresolved.pop();
            self.corrected
                .extend(found.and_then(|entry| place(&entry.change)));
        }
        Ok(())
    }

    /// Those in a range of time, in order: late ones, and corrected ones.
    pub(crate) fn within(&self, (from, to): (i64, i64)) -> (Vec<i64>, Vec<i64>) {
        let sorted = |marks: &[i64]| {
            let mut within: Vec<i64> = marks.to_vec();
            within.retain(|at| (from..=to).contains(at));
            within.sort_unstable();
            within
        };
        (sorted(&self.late), sorted(&self.corrected))
    }
}

/// Where a record took effect as it was posted.
fn place(change: &Change) -> Option<i64> {
    match change {
        Change::Grant { timestamp, .. }
        | Change::Usage { timestamp, .. }
        | Change::Settle { timestamp, .. } => Some(*timestamp),
        Change::MeteredUsage { from, .. } | Change::SettleMetered { from, .. } => Some(*from),
        _ => None,
    }
}
