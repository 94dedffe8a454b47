//! One trait over both versions of the engine, so that each row is written once.

use anyhow::Result;
use clap::ValueEnum;
use gpu_credit_benches::workload::{Entry, Grant, History, Write};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// The older version
    Before,
    /// The version of the work tree
    Now,
}

/// What usage beyond the live grants becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Carry,
    Forfeit,
}

/// An account of one version of the engine.
pub(crate) trait Version: Send + Sync {
    fn open(policy: Policy) -> Self;
    fn extend(&mut self, history: &History) -> Result<()>;
    fn add_credit(&mut self, grant: &Grant) -> Result<()>;
    fn subtract(&mut self, entry: &Entry) -> Result<()>;
    fn apply(&mut self, write: &Write) -> Result<()>;
    fn settle(&mut self);
    fn get_balance(&self, timestamp: i64) -> Option<u64>;
    fn get_balances(&self, timestamps: &[i64]) -> Vec<Option<u64>>;
}

/// An account of a crate. The feature says whether that crate gives usage an identity.
macro_rules! adapter {
    ($name:ident, $engine:ident, $names_usage:tt) => {
        pub(crate) struct $name {
            account: $engine::GpuCredit,
            /// By posting number.
            grants: Vec<$engine::GrantId>,
        }

        impl $name {
            #[cfg(not(feature = $names_usage))]
            fn with_overdraft(overdraft: $engine::Overdraft) -> $engine::GpuCredit {
                $engine::GpuCredit::with_options($engine::Options {
                    overdraft,
                    ..Default::default()
                })
            }

            #[cfg(feature = $names_usage)]
            fn with_overdraft(overdraft: $engine::Overdraft) -> $engine::GpuCredit {
                $engine::GpuCredit::with_overdraft(overdraft)
            }

            #[cfg(not(feature = $names_usage))]
            fn retract_usage(&mut self, (timestamp, amount): Entry) -> Result<()> {
                self.account.retract_usage(amount, timestamp)?;
                Ok(())
            }

            #[cfg(feature = $names_usage)]
            fn retract_usage(&mut self, (timestamp, amount): Entry) -> Result<()> {
                let record = $engine::UsageRecord { amount, timestamp };
                let found = self.account.find_usage(record);
                let id = found.ok_or_else(|| anyhow::anyhow!("{record:?} does not stand"))?;
                self.account.retract_usage(id)?;
                Ok(())
            }
        }

        impl Version for $name {
            fn open(policy: Policy) -> Self {
                let account = Self::with_overdraft(match policy {
                    Policy::Carry => $engine::Overdraft::Carry,
                    Policy::Forfeit => $engine::Overdraft::Forfeit,
                });
                let grants = Vec::new();
                Self { account, grants }
            }

            fn extend(&mut self, history: &History) -> Result<()> {
                use $engine::Record;
                let grant = |grant: &Grant| {
                    Record::grant("grant-id", grant.amount, grant.start, grant.expiration)
                };
                let usage = |(timestamp, amount): &Entry| Record::usage(*amount, *timestamp);
                let grants = history.grants.iter().map(grant);
                self.account
                    .extend(grants.chain(history.usage.iter().map(usage)))?;
                self.grants = self.account.grants().map(|(id, _)| id).collect();
                Ok(())
            }

            #[inline]
            fn add_credit(&mut self, grant: &Grant) -> Result<()> {
                let Grant {
                    amount,
                    start,
                    expiration,
                } = *grant;
                let id = self
                    .account
                    .add_credit("grant-id", amount, start, expiration)?;
                self.grants.push(id);
                Ok(())
            }

            #[inline]
            fn subtract(&mut self, (timestamp, amount): &Entry) -> Result<()> {
                Ok(self.account.subtract(*amount, *timestamp)?)
            }

            #[inline]
            fn apply(&mut self, write: &Write) -> Result<()> {
                match *write {
                    Write::AddUsage(entry) => self.subtract(&entry),
                    Write::RemoveUsage(entry) => self.retract_usage(entry),
                    Write::AddGrant(grant) => self.add_credit(&grant),
                    Write::RemoveGrant { number, .. } => {
                        Ok(self.account.retract_grant(self.grants[number])?)
                    }
                }
            }

            #[inline]
            fn settle(&mut self) {
                self.account.settle();
            }

            #[inline]
            fn get_balance(&self, timestamp: i64) -> Option<u64> {
                self.account.get_balance(timestamp)
            }

            #[inline]
            fn get_balances(&self, timestamps: &[i64]) -> Vec<Option<u64>> {
                self.account.get_balances(timestamps)
            }
        }
    };
}

adapter!(Before, gpu_credit_before, "before-names-usage");
adapter!(Now, gpu_credit_now, "now-names-usage");
