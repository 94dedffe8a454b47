//! The account under measurement, loaded and written to.

use gpu_credit::{Error, GpuCredit, GrantId, Options, Overdraft, Record};

use crate::workload::{Entry, Grant, History, Write};

/// Grants of the workloads bear an id of this length, so that a raw grant has 32 bytes.
pub const CREDIT_ID: &str = "grant-id";

/// An account without records.
pub fn open(overdraft: Overdraft) -> GpuCredit {
    GpuCredit::with_options(Options {
        overdraft,
        ..Options::default()
    })
}

/// An account with all records of a history, loaded at once and settled.
///
/// # Errors
/// Where the account refuses a record.
pub fn load(history: &History, overdraft: Overdraft) -> Result<GpuCredit, Error> {
    let mut account = open(overdraft);
    account.extend(records(history))?;
    Ok(account)
}

/// The records of a history: grants, then usage.
pub fn records(history: &History) -> impl Iterator<Item = Record> + '_ {
    let grant =
        |grant: &Grant| Record::grant(CREDIT_ID, grant.amount, grant.start, grant.expiration);
    let usage = |&(timestamp, amount): &Entry| Record::usage(amount, timestamp);
    let grants = history.grants.iter().map(grant);
    grants.chain(history.usage.iter().map(usage))
}

/// Posts a grant.
///
/// # Errors
/// Where the account refuses it.
pub fn post_grant(account: &mut GpuCredit, grant: &Grant) -> Result<GrantId, Error> {
    account.add_credit(CREDIT_ID, grant.amount, grant.start, grant.expiration)
}

/// An account together with the names of its grants by posting number, to apply writes to.
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
    /// Where the account refuses it.
    pub fn apply(&mut self, write: &Write) -> Result<(), Error> {
        match *write {
            Write::AddUsage((timestamp, amount)) => self.account.subtract(amount, timestamp),
            Write::RemoveUsage((timestamp, amount)) => {
                self.account.retract_usage(amount, timestamp)
            }
            Write::AddGrant(grant) => {
                let id = post_grant(&mut self.account, &grant)?;
                self.grants.push(id);
                Ok(())
            }
            Write::RemoveGrant { number, .. } => self.account.retract_grant(self.grants[number]),
        }
    }
}
