//! Exports the records that stand as an events file.

use std::fmt;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit::MeteredUsage;
use hashbrown::HashMap;

use gpu_credit_workload::{Action, Event, EventWriter, OptionalColumns};

use super::ensure_whole;
use crate::standing::Standing;
use crate::{Change, Entry, Error, RecordId, Revision, Storage, Store};

/// What an events file leaves out of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "an events file does not hold all of a journal"]
#[non_exhaustive]
pub struct LeftOut {
    /// Accounts, whose policies are left out.
    pub policies: u64,
    /// Records, whose ids and places in the journal are left out: the file has only their order.
    pub ids: u64,
    /// Records that were retracted, or revoked before they started.
    pub records: u64,
    /// Corrections: the file has the records as they stand.
    pub corrections: u64,
    /// Closes of the books: the file has the records before them all the same.
    pub closes: u64,
    /// Holds that were given: the file has the usage that settled them.
    pub holds: u64,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LeftOut {
            policies,
            ids,
            records,
            corrections,
            closes,
            holds,
        } = self;
        let counted = |count: &u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        write!(
            formatter,
            "left out: {}, {}, {}, {}, {}",
            counted(policies, "policy", "policies"),
            counted(ids, "id", "ids"),
            counted(
                records,
                "record that does not count",
                "records that do not count"
            ),
            counted(corrections, "correction", "corrections"),
            counted(closes, "close of the books", "closes of the books")
        )?;
        match holds {
            0 => Ok(()),
            holds => write!(formatter, ", {}", counted(holds, "hold", "holds")),
        }
    }
}

impl<S: Storage> Store<S> {
    /// Writes the records that stand as an events file, account by account, and says what that leaves
    /// out. An account that is deleted meanwhile is in it or not. `progress` is told the number of
    /// accounts so far.
    ///
    /// # Errors
    /// As [`export_journal`](Self::export_journal).
    pub fn export_events(
        &self,
        output: impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<LeftOut, Error> {
        let failed = |error| Error::Export(Arc::new(error));
        let columns = OptionalColumns {
            until: true,
            priority: true,
            ..OptionalColumns::default()
        };
        let mut file = EventWriter::with_columns(output, columns).map_err(failed)?;
        let mut left_out = LeftOut::default();
        let through = self.storage()?.visible();
        for account in self.accounts()? {
            let mut entries = Vec::new();
            self.reader()
                .entries(&account, Revision::START, through, &mut |entry| {
                    entries.push(entry);
                    ControlFlow::Continue(())
                })?;
            if entries.is_empty() {
                // Deleted since.
                continue;
            }
            ensure_whole(self.storage()?, &account, entries.len() as u64)?;
            let records = standing_records(entries, &mut left_out);
            for (credit_id, standing) in &records {
                let Some(action) = action(credit_id, *standing) else {
                    left_out.records += 1;
                    continue;
                };
                let account = &account.name;
                file.write(&Event {
                    account,
                    id: None,
                    action,
                })
                .map_err(failed)?;
                left_out.ids += 1;
            }
            left_out.policies += 1;
            progress(left_out.policies);
        }
        file.finish()
            .and_then(|mut output| output.flush())
            .map_err(failed)?;
        Ok(left_out)
    }
}

/// The records of an account with their credit ids, in posting order, as they stand.
fn standing_records(entries: Vec<Entry>, left_out: &mut LeftOut) -> Vec<(String, Standing)> {
    let mut records: Vec<(String, Standing)> = Vec::new();
    let mut places: HashMap<RecordId, usize> = HashMap::new();
    for entry in entries {
        let standing = Standing::posted(&entry.change);
        left_out.holds += u64::from(standing.is_some_and(Standing::is_hold));
        if let Some(standing) = standing.filter(|standing| !standing.is_hold()) {
            let credit_id = match entry.change {
                Change::Grant { credit_id, .. } => credit_id,
                _ => String::new(),
            };
            places.insert(entry.id, records.len());
            records.push((credit_id, standing));
            continue;
        }
        left_out.closes += u64::from(matches!(entry.change, Change::CloseBooks { .. }));
        if let Some(place) = entry.change.corrects().and_then(|of| places.get(of)) {
            left_out.corrections += 1;
            let record = &mut records[*place].1;
            // It was admitted when it was posted.
            *record = record
                .corrected(&entry.change, entry.revision, None)
                .unwrap_or(*record);
        }
    }
    records
}

fn action(credit_id: &str, standing: Standing) -> Option<Action<'_>> {
    match standing {
        Standing::Usage { amount, timestamp } => Some(Action::Usage { amount, timestamp }),
        Standing::Grant(grant) => {
            let (amount, (timestamp, end)) = (grant.amount, grant.window()?);
            Some(Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration: end.abs_diff(timestamp),
                priority: grant.priority,
            })
        }
        Standing::Metered(MeteredUsage { rate, from, until }) => {
            Some(Action::Metered { rate, from, until })
        }
        Standing::Retracted
        | Standing::FoldedAway
        | Standing::Hold { .. }
        | Standing::ClosedHold { .. } => None,
    }
}
