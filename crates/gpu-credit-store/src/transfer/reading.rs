//! Reads an events file: its rows go to the staging, and what must be known of all of them stays.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit_workload::{Action, Event, EventReader};
use serde::{Deserialize, Serialize};

use super::accounts::{AccountIndex, Accounts};
use super::identity::{FileDigest, RowDigest, RowKey};
use super::memory::{Keys, Repeated, check_memory, row_bytes};
use super::refused::RefusedRows;
use super::staging::Staging;
use super::{ImportOptions, ImportStep, tell};
use crate::{Change, Error, ImportError, RecordId, TimeUnit};

/// An events file that was read.
pub(super) struct ReadFile {
    pub(super) staging: Staging<StagedRow>,
    /// The names of its accounts, in the order in which they come.
    pub(super) accounts: Vec<Arc<str>>,
    pub(super) repeated: Repeated,
    /// Of all rows, if none of them has an id.
    pub(super) digest: Option<FileDigest>,
    pub(super) questions: u64,
    /// Rows that are no records, or not in the unit of the store.
    pub(super) refused: RefusedRows,
}

/// A record of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedRow {
    pub(super) line: u64,
    pub(super) account: AccountIndex,
    pub(super) id: Option<RecordId>,
    pub(super) key: RowKey,
    /// Which one it is of the rows of its key in the file, from 1 on.
    pub(super) occurrence: u32,
    pub(super) change: Change,
}

/// The units of times.
pub(super) struct Units {
    /// From that of the file to that of the store.
    pub(super) conversion: Option<(TimeUnit, TimeUnit)>,
    /// That of the file, if times that are likely in another are refused.
    pub(super) checked: Option<TimeUnit>,
}

/// Reads a file to its end.
pub(super) fn read(
    input: impl Read,
    options: &ImportOptions,
    units: &Units,
    progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
) -> Result<ReadFile, Error> {
    let mut events = EventReader::new(input).map_err(ImportError::from)?;
    let mut staging = Staging::new(&options.folder);
    let (mut accounts, mut keys) = (Accounts::default(), Keys::default());
    let (mut file_digest, mut questions) = (Some(FileDigest::default()), 0);
    let mut refused = RefusedRows::new(options.skip_refused);
    // Of the rows whose ids come again, which are held while they are checked.
    let mut kept_bytes = 0;
    while let Some(event) = events.read() {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                refused.add(staging.rows(), ImportError::from(error).into())?;
                check_memory(events.line(), staging.rows(), refused.bytes(), options)?;
                events.go_on();
                continue;
            }
        };
        let Some(change) = change(&event) else {
            questions += 1;
            continue;
        };
        let account = accounts.index(event.account)?;
        let id = event.id.map(RecordId::from);
        let line = events.line();
        if let Some(unit) = units.checked {
            refuse_other_unit(&change, line, unit)?;
        }
        let in_unit = match units.conversion {
            None => Ok(change),
            Some((from, to)) => converted(change, line, from, to),
        };
        let change = match in_unit {
            Ok(change) => change,
            Err(error) => {
                refused.add(staging.rows(), error.into())?;
                continue;
            }
        };
        let name = accounts.name(account);
        let key = match &id {
            Some(id) => {
                file_digest = None;
                RowKey::of_id(name, id.as_str())
            }
            None => {
                let digest = RowDigest::of(name, &change);
                if let Some(file) = &mut file_digest {
                    file.add(digest);
                }
                digest.key()
            }
        };
        let needed = accounts.bytes() + keys.bytes() + kept_bytes + refused.bytes();
        check_memory(line, staging.rows(), needed, options)?;
        let occurrence = keys.add(key);
        if let Some(id) = &id
            && occurrence == 2
        {
            kept_bytes += row_bytes(id, &change);
        }
        staging.push(&StagedRow {
            line,
            account,
            id,
            key,
            occurrence,
            change,
        })?;
        tell(progress, ImportStep::Read(staging.rows() + questions))?;
    }
    Ok(ReadFile {
        staging,
        accounts: accounts.into_names(),
        repeated: keys.into_repeated(),
        digest: file_digest,
        questions,
        refused,
    })
}

fn change(event: &Event<'_>) -> Option<Change> {
    match event.action {
        Action::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority,
        } => Some(Change::Grant {
            credit_id: credit_id.to_owned(),
            amount,
            timestamp,
            expiration: Some(expiration),
            priority,
        }),
        Action::Usage { amount, timestamp } => Some(Change::Usage { amount, timestamp }),
        Action::Metered { rate, from, until } => Some(Change::MeteredUsage { rate, from, until }),
        Action::Balance { .. } => None,
    }
}

/// Refuses a time that is likely in another unit. The file is then likely to have many: it is not one row
/// that is wrong.
fn refuse_other_unit(change: &Change, line: u64, unit: TimeUnit) -> Result<(), ImportError> {
    let times = match change {
        Change::Grant { timestamp, .. } | Change::Usage { timestamp, .. } => {
            [("timestamp", *timestamp), ("timestamp", *timestamp)]
        }
        Change::MeteredUsage { from, until, .. } => [("timestamp", *from), ("until", *until)],
        _ => return Ok(()),
    };
    for (column, value) in times {
        if let Some(likely) = unit.likely_other(value) {
            return Err(ImportError::OtherUnit {
                line,
                column,
                value,
                unit,
                likely,
            });
        }
    }
    Ok(())
}

/// A record in another unit of time.
fn converted(
    mut change: Change,
    line: u64,
    from: TimeUnit,
    to: TimeUnit,
) -> Result<Change, ImportError> {
    let convert = |column, value: i64| {
        let converted = from.convert(value, to);
        converted.ok_or(ImportError::NotInUnit {
            line,
            column,
            value,
            from,
            to,
        })
    };
    match &mut change {
        Change::Grant {
            timestamp,
            expiration,
            ..
        } => {
            *timestamp = convert("timestamp", *timestamp)?;
            if let Some(length) = expiration {
                // What the reader lets through from a negative start may be longer than that.
                let signed = i64::try_from(*length).unwrap_or(i64::MAX);
                *length = convert("expiration", signed)?.unsigned_abs();
            }
        }
        Change::Usage { timestamp, .. } => *timestamp = convert("timestamp", *timestamp)?,
        Change::MeteredUsage {
            rate,
            from: first,
            until,
        } => {
            *first = convert("timestamp", *first)?;
            *until = convert("until", *until)?;
            *rate = converted_rate(*rate, line, from, to)?;
        }
        _ => {}
    }
    Ok(change)
}

/// What is used at each tick of another unit of time, so that all of it stays the same.
fn converted_rate(rate: u64, line: u64, from: TimeUnit, to: TimeUnit) -> Result<u64, ImportError> {
    let (of_from, of_to) = (
        from.nanoseconds().unsigned_abs(),
        to.nanoseconds().unsigned_abs(),
    );
    let converted = match of_to.checked_div(of_from) {
        Some(ticks) if ticks > 0 => rate.checked_mul(ticks),
        _ => rate
            .is_multiple_of(of_from / of_to)
            .then(|| rate / (of_from / of_to)),
    };
    converted.ok_or_else(|| ImportError::Line {
        line,
        problem: format!(
            "column amount: found {rate} at each {from}, expected a whole number at each {to}, the \
             store's unit of time, in the range of 64 bits"
        ),
    })
}
