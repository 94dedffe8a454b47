//! What is written to the engine, as its interface spells it.

use gpu_credit::{Error, GpuCredit, GrantId};
use gpu_credit_workload::small::{Grant, Record, Usage};

use super::UsageName;

pub(super) fn post_grant(engine: &mut GpuCredit, grant: Grant) -> Result<GrantId, Error> {
    engine.add_credit("grant", grant.amount, grant.timestamp, grant.expiration)
}

pub(super) fn post_usage(engine: &mut GpuCredit, usage: Usage) -> Result<(), Error> {
    engine.subtract(usage.amount, usage.timestamp)
}

/// The error is the place of the record that is refused, if it says that.
pub(super) fn post_usage_many(
    engine: &mut GpuCredit,
    usage: &[Usage],
) -> Result<(), Option<usize>> {
    let usage: Vec<_> = (usage.iter())
        .map(|usage| (usage.timestamp, usage.amount))
        .collect();
    engine.subtract_many(&usage).map_err(|_| None)
}

/// The error is the place of the record that is refused, if it says that.
pub(super) fn post_many(engine: &mut GpuCredit, records: &[Record]) -> Result<(), Option<usize>> {
    engine.extend(records.iter().map(record)).map_err(|_| None)
}

pub(super) fn post(engine: &mut GpuCredit, record: &Record) -> Result<(), Error> {
    match record {
        Record::Grant(grant) => post_grant(engine, *grant).map(drop),
        Record::Usage(usage) => post_usage(engine, *usage),
    }
}

pub(super) fn record(record: &Record) -> gpu_credit::Record {
    match *record {
        Record::Usage(usage) => gpu_credit::Record::usage(usage.amount, usage.timestamp),
        Record::Grant(Grant {
            amount,
            timestamp,
            expiration,
        }) => gpu_credit::Record::grant("grant", amount, timestamp, expiration),
    }
}

/// Retracts the usage record like this one that was posted last.
pub(super) fn retract_usage(engine: &mut GpuCredit, usage: Usage) -> Result<(), Error> {
    engine.retract_usage(usage.amount, usage.timestamp)
}

/// Changes the usage record like this one that was posted last.
pub(super) fn change_usage(
    engine: &mut GpuCredit,
    usage: Usage,
    new_amount: u64,
) -> Result<(), Error> {
    engine.change_usage(usage.timestamp, usage.amount, new_amount)
}

/// `place`: among those that stand at the instant.
pub(super) fn retract_usage_at(
    engine: &mut GpuCredit,
    usage: UsageName,
    place: Option<usize>,
) -> Result<(), Error> {
    engine.retract_usage_at_place(usage.timestamp, place.unwrap_or(usize::MAX))
}

/// `place`: among those that stand at the instant.
pub(super) fn change_usage_at(
    engine: &mut GpuCredit,
    usage: UsageName,
    place: Option<usize>,
    new_amount: u64,
) -> Result<(), Error> {
    engine.change_usage_at_place(usage.timestamp, place.unwrap_or(usize::MAX), new_amount)
}

/// The account that is read from the bytes of this one. As long as there are no bytes, a clone.
pub(super) fn bytes_and_back(engine: &GpuCredit) -> GpuCredit {
    engine.clone()
}
