//! What is written to the engine, as its interface spells it.

use gpu_credit::{Error, GpuCredit, GrantId, GrantRecord, UsageId, UsageRecord};
use gpu_credit_workload::small::{Grant, Record, Usage};

use super::UsageName;

pub(super) fn post_grant(engine: &mut GpuCredit, grant: Grant) -> Result<GrantId, Error> {
    engine.post_grant(grant_record(grant))
}

pub(super) fn post_usage(engine: &mut GpuCredit, usage: Usage) -> Result<(), Error> {
    engine.subtract(usage.amount, usage.timestamp)
}

/// The error is the place of the record that is refused, if it says that.
pub(super) fn post_usage_many(
    engine: &mut GpuCredit,
    usage: &[Usage],
) -> Result<(), Option<usize>> {
    let usage: Vec<UsageRecord> = usage.iter().map(usage_record).collect();
    let posted = engine.subtract_many(&usage);
    posted.map_err(|error| Some(error.index))
}

/// The error is the place of the record that is refused, if it says that.
pub(super) fn post_many(engine: &mut GpuCredit, records: &[Record]) -> Result<(), Option<usize>> {
    let posted = engine.extend(records.iter().map(record));
    posted.map_err(|error| Some(error.index))
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
        Record::Grant(grant) => grant_record(grant).into(),
    }
}

fn grant_record(grant: Grant) -> GrantRecord {
    let Grant {
        amount,
        timestamp,
        expiration,
        priority,
    } = grant;
    GrantRecord::new("grant", amount, timestamp, expiration).priority(priority)
}

/// Retracts the usage record like this one that was posted last.
pub(super) fn retract_usage(engine: &mut GpuCredit, usage: Usage) -> Result<(), Error> {
    let found = engine.find_usage(usage_record(&usage));
    engine
        .retract_usage(found.unwrap_or(nothing(usage.timestamp)))
        .map(drop)
}

/// Changes the usage record like this one that was posted last.
pub(super) fn change_usage(
    engine: &mut GpuCredit,
    usage: Usage,
    new_amount: u64,
) -> Result<(), Error> {
    let found = engine.find_usage(usage_record(&usage));
    engine.change_usage(found.unwrap_or(nothing(usage.timestamp)), new_amount)
}

pub(super) fn retract_usage_at(engine: &mut GpuCredit, usage: UsageName) -> Result<(), Error> {
    engine.retract_usage(id(usage)).map(drop)
}

pub(super) fn change_usage_at(
    engine: &mut GpuCredit,
    usage: UsageName,
    new_amount: u64,
) -> Result<(), Error> {
    engine.change_usage(id(usage), new_amount)
}

fn usage_record(usage: &Usage) -> UsageRecord {
    UsageRecord {
        amount: usage.amount,
        timestamp: usage.timestamp,
    }
}

pub(super) fn id(usage: UsageName) -> UsageId {
    UsageId {
        timestamp: usage.timestamp,
        nth: u32::try_from(usage.nth).expect("few are posted"),
    }
}

/// A name that is never given.
fn nothing(timestamp: i64) -> UsageId {
    let nth = u32::MAX;
    UsageId { timestamp, nth }
}

/// The account that is read from the bytes of this one.
pub(super) fn bytes_and_back(engine: &GpuCredit) -> GpuCredit {
    let bytes = engine.to_bytes();
    let read = GpuCredit::from_bytes(&bytes).unwrap();
    read.assert_invariants();
    assert_eq!(read.to_bytes(), bytes, "the same bytes again");
    read
}
