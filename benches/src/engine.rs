//! The account under measurement. The benches call the engine through this module, except for the
//! verbs and the questions that they measure.

use anyhow::{Context, Result};
use gpu_credit::{GpuCredit, GrantId, Overdraft, Record, UsageId, UsageRecord};

use crate::workload::{Entry, Grant, History, Write};

/// The grants of the workloads have an id of this length, so that a raw grant has 32 bytes.
pub const CREDIT_ID: &str = "grant-id";

/// An account without records.
pub fn open(overdraft: Overdraft) -> GpuCredit {
    GpuCredit::with_overdraft(overdraft)
}

/// An account with all records of a history, loaded at once and settled.
///
/// # Errors
/// If the account refuses a record.
pub fn load(history: &History, overdraft: Overdraft) -> Result<GpuCredit> {
    let mut account = open(overdraft);
    account.extend(records(history))?;
    account.settle();
    Ok(account)
}

/// The records of a history: grants, then usage.
pub fn records(history: &History) -> impl Iterator<Item = Record> + '_ {
    let grants = history.grants.iter().map(grant_record);
    grants.chain(history.usage.iter().map(usage_record))
}

/// A grant as a record.
pub fn grant_record(grant: &Grant) -> Record {
    Record::grant(CREDIT_ID, grant.amount, grant.start, grant.expiration)
}

/// Usage as a record.
pub fn usage_record((timestamp, amount): &Entry) -> Record {
    Record::usage(*amount, *timestamp)
}

/// The usage that stands, in time order.
pub fn usage(account: &GpuCredit) -> impl Iterator<Item = Entry> + '_ {
    let usage = account.usage(..);
    usage.map(|(_, usage)| (usage.timestamp, usage.amount))
}

/// Posts a grant.
///
/// # Errors
/// If the account refuses it.
pub fn post_grant(account: &mut GpuCredit, grant: &Grant) -> Result<GrantId> {
    let id = account.add_credit(CREDIT_ID, grant.amount, grant.start, grant.expiration)?;
    Ok(id)
}

/// Posts some usage at once.
///
/// # Errors
/// If the account refuses it.
pub fn post_together(account: &mut GpuCredit, usage: &[Entry]) -> Result<()> {
    let usage: Vec<UsageRecord> = usage.iter().map(record_of).collect();
    account.subtract_many(&usage)?;
    Ok(())
}

fn record_of(&(timestamp, amount): &Entry) -> UsageRecord {
    UsageRecord { amount, timestamp }
}

/// Posts usage and returns its name.
///
/// # Errors
/// If the account refuses it.
pub fn post_usage(account: &mut GpuCredit, usage: Entry) -> Result<UsageId> {
    Ok(account.post_usage(record_of(&usage))?)
}

/// Retracts usage by its name.
///
/// # Errors
/// If it does not stand.
pub fn retract_named(account: &mut GpuCredit, usage: UsageId) -> Result<()> {
    account.retract_usage(usage)?;
    Ok(())
}

/// Retracts usage of an amount at an instant.
///
/// # Errors
/// If there is none.
pub fn retract_usage(account: &mut GpuCredit, usage: Entry) -> Result<()> {
    let found = account.find_usage(record_of(&usage));
    retract_named(account, found.context("there is such usage")?)
}

/// Applies writes to an account. It knows the id of each grant by posting number.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The account.
    pub account: GpuCredit,
    grants: Vec<GrantId>,
}

impl Writer {
    /// A writer of an account from which nothing has been retracted yet.
    pub fn new(account: GpuCredit) -> Self {
        let grants = account.grants().map(|(id, _)| id).collect();
        Self { account, grants }
    }

    /// Applies a write.
    ///
    /// # Errors
    /// If the account refuses it.
    pub fn apply(&mut self, write: &Write) -> Result<()> {
        match *write {
            Write::AddUsage((timestamp, amount)) => self.account.subtract(amount, timestamp)?,
            Write::RemoveUsage(entry) => retract_usage(&mut self.account, entry)?,
            Write::AddGrant(grant) => {
                let id = post_grant(&mut self.account, &grant)?;
                self.grants.push(id);
            }
            Write::RemoveGrant { number, .. } => self.account.retract_grant(self.grants[number])?,
        }
        Ok(())
    }
}
