//! Which usage drew from which grant, by the revisions that posted them.

use std::ops::{Bound, RangeBounds};

use gpu_credit::{AnyUsageId, Draw};

use super::Account;
use crate::{BeforeClose, Revision};

/// A draw, and the revisions of the account whose entries it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RecordedDraw {
    /// What was drawn, and when.
    pub draw: Draw,
    /// The revision that posted the usage; `None` of a deficit from before the close of the books.
    pub usage: Option<Revision>,
    /// The revision that posted the grant.
    pub grant: Revision,
}

impl Account {
    /// Which usage drew from which grant in a range of time: see [`GpuCredit::draws`]. Each draw comes
    /// with the revisions that posted the usage and the grant, whose ids are in
    /// [`history`](crate::Store::history). O(n log n) for the n usage records, and what
    /// [`GpuCredit::draws`] costs.
    ///
    /// [`GpuCredit::draws`]: gpu_credit::GpuCredit::draws
    ///
    /// # Errors
    /// If the range begins before the close of the books.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Posting, Store};
    /// # let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// store.post(Posting::grant("acme", "invoice-1", "march", 100, 0, 30))?;
    /// store.post(Posting::usage("acme", "job-17", 20, 12))?;
    /// let first = store.with_account("acme", |acme| acme.draws(..).map(|mut draws| draws.next()))??;
    /// let draw = first.unwrap();
    ///
    /// let history = store.history("acme")?;
    /// let posted = |revision| history.iter().find(|entry| entry.revision == revision).unwrap();
    /// assert_eq!(posted(draw.usage.unwrap()).id.as_str(), "job-17");
    /// assert_eq!(posted(draw.grant).id.as_str(), "invoice-1");
    /// assert_eq!(draw.draw.amount, 20);
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn draws(
        &self,
        range: impl RangeBounds<i64>,
    ) -> Result<impl Iterator<Item = RecordedDraw>, BeforeClose> {
        self.check(first(&range))?;
        let usage = self.records.usage_ids.in_order();
        let posted = move |id| match id {
            AnyUsageId::Metered(id) => self.metered_revision(id),
            AnyUsageId::Instant(id) => {
                let first = usage.partition_point(|(timestamp, _)| *timestamp < id.timestamp);
                let (timestamp, revision) = usage.get(first + id.nth as usize)?;
                (*timestamp == id.timestamp).then_some(*revision)
            }
        };
        Ok(self
            .records
            .engine
            .draws(range)
            .map(move |draw| RecordedDraw {
                draw,
                usage: posted(draw.usage),
                grant: (self.grant_revision(draw.grant)).expect("an entry posted each grant"),
            }))
    }
}

/// The first instant of a range, if it has any.
fn first(range: &impl RangeBounds<i64>) -> i64 {
    match range.start_bound() {
        Bound::Included(first) => *first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => i64::MIN,
    }
}
