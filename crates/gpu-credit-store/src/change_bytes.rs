//! A change as bytes: the part of the file's format that follows from what changes can be.
//!
//! Files are written and read through [`WrittenChange`], so that the words of the program may change
//! and the bytes do not. A change that can be written in an older form is: what a file of an earlier
//! format holds is written in the same way today.

use std::borrow::Cow;

use gpu_credit::Overdraft;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::{Change, Hold, RecordId, RefusedHold};

/// A change as it is written.
///
/// The order of the variants, and of their fields, is the format of the file: only ever append.
#[derive(serde::Serialize, serde::Deserialize)]
enum WrittenChange<'c> {
    OpenAccount {
        policy: Overdraft,
    },
    Grant {
        #[serde(borrow)]
        credit_id: Cow<'c, str>,
        amount: u64,
        timestamp: i64,
        expiration: Option<u64>,
    },
    Usage {
        amount: u64,
        timestamp: i64,
    },
    RetractRecord {
        of: RecordId,
    },
    ChangeUsage {
        of: RecordId,
        amount: u64,
    },
    Revoke {
        of: RecordId,
        from: i64,
    },
    ChangeExpiration {
        of: RecordId,
        expiration: Option<u64>,
    },
    CloseBooks {
        until: i64,
    },
    DeleteAccount,
    // From format 3 on.
    MeteredUsage {
        rate: u64,
        from: i64,
        until: i64,
    },
    ChangeMeteredUsage {
        of: RecordId,
        rate: Option<u64>,
        from: Option<i64>,
        until: Option<i64>,
    },
    /// A grant of another priority than 0.
    PrioritizedGrant {
        #[serde(borrow)]
        credit_id: Cow<'c, str>,
        amount: u64,
        timestamp: i64,
        expiration: Option<u64>,
        priority: i16,
    },
    ChangePriority {
        of: RecordId,
        priority: i16,
    },
    // From format 6 on.
    Hold(Cow<'c, Hold>),
    RefuseHold(Cow<'c, RefusedHold>),
    Settle {
        hold: RecordId,
        amount: u64,
        timestamp: i64,
    },
    SettleMetered {
        hold: RecordId,
        rate: u64,
        from: i64,
        until: i64,
    },
    Release {
        hold: RecordId,
    },
}

impl<'c> WrittenChange<'c> {
    fn of(change: &'c Change) -> Self {
        match change {
            &Change::OpenAccount { policy } => WrittenChange::OpenAccount { policy },
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority: 0,
            } => WrittenChange::Grant {
                credit_id: credit_id.into(),
                amount: *amount,
                timestamp: *timestamp,
                expiration: *expiration,
            },
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => WrittenChange::PrioritizedGrant {
                credit_id: credit_id.into(),
                amount: *amount,
                timestamp: *timestamp,
                expiration: *expiration,
                priority: *priority,
            },
            &Change::Usage { amount, timestamp } => WrittenChange::Usage { amount, timestamp },
            &Change::MeteredUsage { rate, from, until } => {
                WrittenChange::MeteredUsage { rate, from, until }
            }
            Change::RetractRecord { of } => WrittenChange::RetractRecord { of: of.clone() },
            Change::ChangeUsage { of, amount } => WrittenChange::ChangeUsage {
                of: of.clone(),
                amount: *amount,
            },
            Change::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            } => WrittenChange::ChangeMeteredUsage {
                of: of.clone(),
                rate: *rate,
                from: *from,
                until: *until,
            },
            Change::Revoke { of, from } => WrittenChange::Revoke {
                of: of.clone(),
                from: *from,
            },
            Change::ChangeExpiration { of, expiration } => WrittenChange::ChangeExpiration {
                of: of.clone(),
                expiration: *expiration,
            },
            Change::ChangePriority { of, priority } => WrittenChange::ChangePriority {
                of: of.clone(),
                priority: *priority,
            },
            &Change::CloseBooks { until } => WrittenChange::CloseBooks { until },
            Change::DeleteAccount => WrittenChange::DeleteAccount,
            Change::Hold(hold) => WrittenChange::Hold(Cow::Borrowed(hold)),
            Change::RefuseHold(refused) => WrittenChange::RefuseHold(Cow::Borrowed(refused)),
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => WrittenChange::Settle {
                hold: hold.clone(),
                amount: *amount,
                timestamp: *timestamp,
            },
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => WrittenChange::SettleMetered {
                hold: hold.clone(),
                rate: *rate,
                from: *from,
                until: *until,
            },
            Change::Release { hold } => WrittenChange::Release { hold: hold.clone() },
        }
    }
}

impl From<WrittenChange<'_>> for Change {
    fn from(written: WrittenChange<'_>) -> Self {
        match written {
            WrittenChange::OpenAccount { policy } => Change::OpenAccount { policy },
            WrittenChange::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
            } => Change::Grant {
                credit_id: credit_id.into_owned(),
                amount,
                timestamp,
                expiration,
                priority: 0,
            },
            WrittenChange::PrioritizedGrant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => Change::Grant {
                credit_id: credit_id.into_owned(),
                amount,
                timestamp,
                expiration,
                priority,
            },
            WrittenChange::Usage { amount, timestamp } => Change::Usage { amount, timestamp },
            WrittenChange::MeteredUsage { rate, from, until } => {
                Change::MeteredUsage { rate, from, until }
            }
            WrittenChange::RetractRecord { of } => Change::RetractRecord { of },
            WrittenChange::ChangeUsage { of, amount } => Change::ChangeUsage { of, amount },
            WrittenChange::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            } => Change::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            },
            WrittenChange::Revoke { of, from } => Change::Revoke { of, from },
            WrittenChange::ChangeExpiration { of, expiration } => {
                Change::ChangeExpiration { of, expiration }
            }
            WrittenChange::ChangePriority { of, priority } => {
                Change::ChangePriority { of, priority }
            }
            WrittenChange::CloseBooks { until } => Change::CloseBooks { until },
            WrittenChange::DeleteAccount => Change::DeleteAccount,
            WrittenChange::Hold(hold) => Change::Hold(Box::new(hold.into_owned())),
            WrittenChange::RefuseHold(refused) => {
                Change::RefuseHold(Box::new(refused.into_owned()))
            }
            WrittenChange::Settle {
                hold,
                amount,
                timestamp,
            } => Change::Settle {
                hold,
                amount,
                timestamp,
            },
            WrittenChange::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            },
            WrittenChange::Release { hold } => Change::Release { hold },
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return Change::serialize(self, serializer);
        }
        WrittenChange::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Change::deserialize(deserializer);
        }
        WrittenChange::deserialize(deserializer).map(Change::from)
    }
}
