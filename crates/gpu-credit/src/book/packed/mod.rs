//! A small account in few bytes: its name, its records and its levels in columns.
//!
//! | | |
//! |---|---|
//! | [`column`](mod@column) | numbers of one width, side by side |
//! | [`series`] | entries by key, in blocks under fences |
//! | [`layout`] | what stands where |
//! | [`records`] | the records by themselves, to be written or posted to |
//! | [`levels`], [`metered`] | the levels and what is metered, by the records |
//! | [`write`](mod@write) | the bytes of all that |
//! | [`insert`] | one usage record more, in place |
//! | [`question`] | the balance at an instant |

mod column;
mod insert;
mod layout;
mod levels;
mod metered;
mod question;
mod records;
mod series;
mod write;

use crate::account::GpuCredit;
use crate::answer::Answer;
use crate::limits::{Sums, UsageSums};
use crate::options::{Options, Overdraft};
use crate::rates::Job;
use crate::record::{Grant, Record};
use layout::{Layout, NEVER};
pub(super) use question::Question;
pub(super) use records::Limits;
use records::Records;

/// A small account.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// An account without records.
    pub(super) fn empty(name: &str, overdraft: Overdraft) -> Option<Self> {
        Self::write(name, &Records::new(overdraft))
    }

    /// A settled account, if it is small, and nothing of it was ever retracted or revoked.
    pub(super) fn of(name: &str, account: &GpuCredit, limits: Limits) -> Option<Self> {
        Self::write(name, &Records::of(account, limits)?)
    }

    /// The account with all its indexes, settled.
    pub(super) fn unpack(&self, options: Options) -> GpuCredit {
        self.records().account(options)
    }

    /// Posts records that have been checked, if the account is still small then. If not, nothing has
    /// changed.
    pub(super) fn post<'a>(
        &mut self,
        more: impl ExactSizeIterator<Item = &'a Record> + Clone,
        limits: Limits,
    ) -> bool {
        if more.len() == 1
            && let Some(Record::Usage(usage)) = more.clone().next()
            && self.insert_usage(*usage, limits)
        {
            return true;
        }
        let mut records = self.records();
        records.post(more);
        let packed = records
            .fit(limits)
            .then(|| Self::write(self.name(), &records));
        let Some(packed) = packed.flatten() else {
            return false;
        };
        *self = packed;
        true
    }

    pub(super) fn name(&self) -> &str {
        str::from_utf8(self.name_bytes()).expect("it was written as text")
    }

    #[inline]
    pub(super) fn name_bytes(&self) -> &[u8] {
        &self.0[Layout::read(&self.0).name]
    }

    pub(super) fn overdraft(&self) -> Overdraft {
        Layout::read(&self.0).head.overdraft
    }

    /// What the records add up to.
    pub(super) fn sums(&self) -> Sums {
        let (bytes, layout) = (&self.0, Layout::read(&self.0));
        Sums {
            granted: layout.amounts.iter(bytes).sum(),
            grants: layout.amounts.len,
            credit_ids: layout.credit_ids.len(),
            usage: self.usage_sums(),
        }
    }

    /// What the usage adds up to.
    pub(super) fn usage_sums(&self) -> UsageSums {
        let layout = Layout::read(&self.0);
        UsageSums {
            total: used(&self.0, &layout),
            records: layout.usage.len as u64,
            jobs: layout.rates.len,
        }
    }

    /// As [`GpuCredit::balance_at`].
    #[inline]
    pub(super) fn balance_at(&self, timestamp: i64) -> Answer {
        let mut question = Question::new(self, timestamp);
        question.find_blocks();
        question.answer()
    }

    fn records(&self) -> Records<'_> {
        let (bytes, layout) = (&*self.0, Layout::read(&self.0));
        let mut before = 0;
        let usage = layout.usage.iter(bytes).map(|(distance, sum)| {
            let amount = sum - before;
            before = sum;
            (layout.time(distance), amount)
        });
        let usage = usage.collect();
        let change = |at: u64| {
            let at = usize::try_from(at).expect("there are few changes");
            layout.time(layout.changes.key(bytes, at))
        };
        let jobs = (0..layout.rates.len).map(|at| Job {
            from: change(layout.from.get(bytes, at)),
            until: change(layout.until.get(bytes, at)),
            rate: layout.rates.get(bytes, at),
        });
        Records {
            overdraft: layout.head.overdraft,
            grants: grants(bytes, &layout),
            usage,
            jobs: jobs.collect(),
        }
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.0.len()
    }
}

fn grants<'a>(bytes: &'a [u8], layout: &Layout) -> Vec<Grant<'a>> {
    let mut credit_ids = &bytes[layout.credit_ids.clone()];
    let grants = (0..layout.amounts.len).map(|at| {
        let length = layout.credit_id_lengths.get(bytes, at);
        let length = usize::try_from(length).expect("it was a length in memory");
        let (credit_id, later) = credit_ids.split_at(length);
        credit_ids = later;
        let [start, end] = [layout.starts, layout.ends].map(|column| bytes[column.at + at]);
        Grant {
            credit_id: str::from_utf8(credit_id).expect("it was written as text"),
            amount: layout.amounts.get(bytes, at),
            start: layout.epoch_time(bytes, start.into()),
            end: match end {
                NEVER => i64::MAX,
                end => layout.epoch_time(bytes, end.into()) - 1,
            },
            revoked_from: None,
            priority: priority(bytes, layout, at),
        }
    });
    grants.collect()
}

fn priority(bytes: &[u8], layout: &Layout, grant: usize) -> i16 {
    let priority = u16::try_from(layout.priorities.get(bytes, grant));
    priority.expect("it was a priority in memory").cast_signed()
}

/// All that has been used.
fn used(bytes: &[u8], layout: &Layout) -> u64 {
    layout.usage.number_before(bytes, layout.usage.len)
        + layout.changes.number_before(bytes, layout.changes.len)
}
