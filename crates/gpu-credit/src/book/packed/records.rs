//! The records of a small account, to be written or to be posted to.

use crate::account::GpuCredit;
use crate::limits::{Sums, window_end};
use crate::options::{Options, Overdraft};
use crate::rates::Job;
use crate::record::{Grant, GrantRecord, Record, UsageRecord};

/// The most that a packed account holds: what one node of each index of an account does, and four for
/// usage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(super) grants: usize,
    pub(super) usage: usize,
    pub(super) jobs: usize,
}

impl Limits {
    pub(crate) fn new(options: &Options) -> Self {
        let usage = options.usage_chunk.clamp(4, 256) * 4;
        Limits {
            grants: options.boundary_chunk.clamp(4, 128) / 2,
            usage,
            jobs: usage / 2,
        }
    }
}

/// All that stands in an account of which nothing was ever retracted or revoked: numbers and
/// identities follow from it.
#[derive(Clone, Debug)]
pub(super) struct Records<'a> {
    pub(super) overdraft: Overdraft,
    /// In posting order.
    pub(super) grants: Vec<Grant<'a>>,
    /// In time order, and in posting order at one instant.
    pub(super) usage: Vec<(i64, u64)>,
    /// In posting order.
    pub(super) jobs: Vec<Job>,
}

impl<'a> Records<'a> {
    pub(super) fn new(overdraft: Overdraft) -> Self {
        Records {
            overdraft,
            grants: Vec::new(),
            usage: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// Those of an account, unless they are more than fit, or something was taken back.
    pub(super) fn of(account: &'a GpuCredit, limits: Limits) -> Option<Self> {
        let Sums { grants, usage, .. } = account.sums();
        if grants > limits.grants
            || account.usage_count() > limits.usage
            || usage.jobs > limits.jobs
            || account.grant_count() < grants
            || (account.usage_count() as u64) < usage.records
            || account.metered_count() < usage.jobs
            || (account.grants()).any(|(_, grant)| grant.revoked_from.is_some())
        {
            return None;
        }
        let usage = account.usage(..);
        let usage = usage.map(|(_, usage)| (usage.timestamp, usage.amount));
        let mut jobs: Vec<_> = account.metered(..).collect();
        jobs.sort_unstable_by_key(|(id, _)| *id);
        Some(Records {
            overdraft: account.overdraft(),
            grants: account.grants().map(|(_, grant)| grant).collect(),
            usage: usage.collect(),
            jobs: jobs.into_iter().map(|(_, job)| job.into()).collect(),
        })
    }

    pub(super) fn fit(&self, limits: Limits) -> bool {
        self.grants.len() <= limits.grants
            && self.usage.len() <= limits.usage
            && self.jobs.len() <= limits.jobs
    }

    /// Posts records, which have been checked.
    pub(super) fn post<'b: 'a>(&mut self, more: impl Iterator<Item = &'b Record>) {
        let before = self.usage.len();
        for record in more {
            match record {
                Record::Usage(UsageRecord { amount, timestamp }) => {
                    self.usage.push((*timestamp, *amount));
                }
                Record::Metered(usage) => self.jobs.push((*usage).into()),
                Record::Grant(grant) => self.grants.push(Grant {
                    credit_id: &grant.credit_id,
                    amount: grant.amount,
                    start: grant.timestamp,
                    end: window_end(grant.timestamp, grant.expiration)
                        .expect("the window has been checked"),
                    revoked_from: None,
                    priority: grant.priority,
                }),
            }
        }
        if self.usage.len() > before {
            self.usage.sort_by_key(|(time, _)| *time);
        }
    }

    /// An account with these records, settled.
    pub(super) fn account(&self, options: Options) -> GpuCredit {
        let grants = self.grants.iter().map(|grant| {
            let length = grant.end.abs_diff(grant.start);
            let record = GrantRecord::new(grant.credit_id, grant.amount, grant.start, length);
            Record::Grant(record.priority(grant.priority))
        });
        let usage = (self.usage.iter()).map(|(time, amount)| Record::usage(*amount, *time));
        let jobs = self.jobs.iter().map(|job| Record::Metered((*job).into()));
        let mut account = GpuCredit::with_options(options.overdraft(self.overdraft));
        account
            .extend(grants.chain(usage).chain(jobs))
            .expect("every record has been checked against the limits");
        account.settle();
        account
    }
}
