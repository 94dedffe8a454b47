//! Heads and entries as rows, and back.

use std::borrow::Cow;
use std::sync::Arc;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    AccountKey, Change, Entry, Head, RecordId, Revision, Sequence, StorageProblem, Totals,
};
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::failure::{other, problem};

/// The columns of a head, in the order in which they are read.
pub(crate) const HEAD: &str = "a.account, a.name, a.policy, a.line, a.head, a.recorded_at, a.granted, \
    a.used, a.grants, a.usage_records, a.credit_id_bytes, a.closed";
/// How many they are.
pub(crate) const HEAD_COLUMNS: usize = 12;
/// The columns of an entry, in the order in which they are read.
pub(crate) const ENTRY: &str = "e.revision, e.id, e.recorded_at, e.kind, e.amount, e.starts, e.ends, \
    e.expiration, e.priority, e.corrects, e.credit_id, e.crc";

/// A change as columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns<'c> {
    pub(crate) kind: i16,
    pub(crate) amount: Option<i64>,
    pub(crate) starts: Option<i64>,
    pub(crate) ends: Option<i64>,
    pub(crate) expiration: Option<i64>,
    pub(crate) priority: Option<i16>,
    pub(crate) corrects: Option<&'c str>,
    /// Of a hold, or a refusal of one, all of it.
    pub(crate) credit_id: Option<Cow<'c, str>>,
}

/// The same 64 bits, with a sign.
pub(crate) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// The same 64 bits, without a sign.
pub(crate) fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A policy as its number and its credit line.
pub(crate) fn policy_columns(policy: Overdraft) -> Result<(i16, Option<i64>), StorageProblem> {
    match policy {
        Overdraft::Carry => Ok((0, None)),
        Overdraft::Forfeit => Ok((1, None)),
        Overdraft::CarryUpTo(line) => Ok((2, Some(signed(line)))),
        policy => Err(other(format!("the tables have no policy {policy}"))),
    }
}

fn policy(number: i16, line: Option<i64>) -> Option<Overdraft> {
    match (number, line) {
        (0, None) => Some(Overdraft::Carry),
        (1, None) => Some(Overdraft::Forfeit),
        (2, Some(line)) => Some(Overdraft::CarryUpTo(unsigned(line))),
        _ => None,
    }
}

/// A hold, or a refusal of one, as text.
fn text(what: &impl Serialize) -> Result<Cow<'static, str>, StorageProblem> {
    let text = serde_json::to_string(what);
    text.map(Cow::Owned)
        .map_err(|error| other(error.to_string()))
}

impl<'c> Columns<'c> {
    pub(crate) fn of(change: &'c Change) -> Result<Self, StorageProblem> {
        let correction = |kind, of: &'c RecordId| Columns {
            kind,
            corrects: Some(of.as_str()),
            ..Columns::default()
        };
        Ok(match change {
            Change::OpenAccount { policy } => {
                // The number of the policy is small, and no amount of anything.
                let (number, line) = policy_columns(*policy)?;
                Columns {
                    kind: 1,
                    amount: line,
                    priority: Some(number),
                    ..Columns::default()
                }
            }
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => Columns {
                kind: 2,
                amount: Some(signed(*amount)),
                starts: Some(*timestamp),
                expiration: expiration.map(signed),
                priority: Some(*priority),
                credit_id: Some(credit_id.into()),
                ..Columns::default()
            },
            Change::Usage { amount, timestamp } => Columns {
                kind: 3,
                amount: Some(signed(*amount)),
                starts: Some(*timestamp),
                ..Columns::default()
            },
            Change::MeteredUsage { rate, from, until } => Columns {
                kind: 4,
                amount: Some(signed(*rate)),
                starts: Some(*from),
                ends: Some(*until),
                ..Columns::default()
            },
            Change::RetractRecord { of } => correction(5, of),
            Change::ChangeUsage { of, amount } => Columns {
                amount: Some(signed(*amount)),
                ..correction(6, of)
            },
            Change::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            } => Columns {
                amount: rate.map(signed),
                starts: *from,
                ends: *until,
                ..correction(7, of)
            },
            Change::Revoke { of, from } => Columns {
                starts: Some(*from),
                ..correction(8, of)
            },
            Change::ChangeExpiration { of, expiration } => Columns {
                expiration: expiration.map(signed),
                ..correction(9, of)
            },
            Change::ChangePriority { of, priority } => Columns {
                priority: Some(*priority),
                ..correction(10, of)
            },
            Change::CloseBooks { until } => Columns {
                kind: 11,
                starts: Some(*until),
                ..Columns::default()
            },
            Change::DeleteAccount => Columns {
                kind: 12,
                ..Columns::default()
            },
            Change::Hold(hold) => Columns {
                kind: 13,
                credit_id: Some(text(hold)?),
                ..Columns::default()
            },
            Change::RefuseHold(refused) => Columns {
                kind: 14,
                credit_id: Some(text(refused)?),
                ..Columns::default()
            },
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => Columns {
                amount: Some(signed(*amount)),
                starts: Some(*timestamp),
                ..correction(15, hold)
            },
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => Columns {
                amount: Some(signed(*rate)),
                starts: Some(*from),
                ends: Some(*until),
                ..correction(16, hold)
            },
            Change::Release { hold } => correction(17, hold),
        })
    }

    /// The change that they are; `None` if they are none.
    fn change(&self) -> Option<Change> {
        let amount = self.amount.map(unsigned);
        let expiration = self.expiration.map(unsigned);
        let of = || self.corrects.map(RecordId::from);
        Some(match self.kind {
            1 => Change::OpenAccount {
                policy: policy(self.priority?, self.amount)?,
            },
            2 => Change::Grant {
                credit_id: self.credit_id.as_deref()?.to_owned(),
                amount: amount?,
                timestamp: self.starts?,
                expiration,
                priority: self.priority?,
            },
            3 => Change::Usage {
                amount: amount?,
                timestamp: self.starts?,
            },
            4 => Change::MeteredUsage {
                rate: amount?,
                from: self.starts?,
                until: self.ends?,
            },
            5 => Change::RetractRecord { of: of()? },
            6 => Change::ChangeUsage {
                of: of()?,
                amount: amount?,
            },
            7 => Change::ChangeMeteredUsage {
                of: of()?,
                rate: amount,
                from: self.starts,
                until: self.ends,
            },
            8 => Change::Revoke {
                of: of()?,
                from: self.starts?,
            },
            9 => Change::ChangeExpiration {
                of: of()?,
                expiration,
            },
            10 => Change::ChangePriority {
                of: of()?,
                priority: self.priority?,
            },
            11 => Change::CloseBooks {
                until: self.starts?,
            },
            12 => Change::DeleteAccount,
            13 => Change::Hold(serde_json::from_str(self.credit_id.as_deref()?).ok()?),
            14 => Change::RefuseHold(serde_json::from_str(self.credit_id.as_deref()?).ok()?),
            15 => Change::Settle {
                hold: of()?,
                amount: amount?,
                timestamp: self.starts?,
            },
            16 => Change::SettleMetered {
                hold: of()?,
                rate: amount?,
                from: self.starts?,
                until: self.ends?,
            },
            17 => Change::Release { hold: of()? },
            _ => return None,
        })
    }
}

fn get<'r, T: FromSql<'r>>(row: &'r Row, place: usize) -> Result<T, StorageProblem> {
    row.try_get(place).map_err(|error| problem(&error))
}

/// The head whose [columns](HEAD) begin at a place of a row.
pub(crate) fn head_at(row: &Row, first: usize) -> Result<Head, StorageProblem> {
    let name: Arc<str> = get::<&str>(row, first + 1)?.into();
    let policy = policy(get(row, first + 2)?, get(row, first + 3)?);
    let policy = policy.ok_or_else(|| {
        StorageProblem::Damaged(format!("account {name:?} has a policy that is not known"))
    })?;
    let number = |place| get::<i64>(row, first + place).map(unsigned);
    Ok(Head {
        account: AccountKey {
            opened: Sequence::new(number(0)?),
            name,
        },
        policy,
        revision: Revision::new(number(4)?),
        last: Sequence::START,
        recorded_at: get(row, first + 5)?,
        totals: Totals {
            granted: number(6)?,
            used: number(7)?,
            grants: number(8)?,
            usage_records: number(9)?,
            credit_id_bytes: number(10)?,
            closed: get(row, first + 11)?,
        },
    })
}

/// The entry of an account whose [columns](ENTRY) begin at a place of a row; `None` if they are empty.
pub(crate) fn entry(
    account: &AccountKey,
    row: &Row,
    first: usize,
) -> Result<Option<Entry>, StorageProblem> {
    let Some(revision) = get::<Option<i64>>(row, first)? else {
        return Ok(None);
    };
    let revision = Revision::new(unsigned(revision));
    let name = &account.name;
    let damaged = |what: &str| {
        StorageProblem::Damaged(format!("revision {revision} of account {name:?}: {what}"))
    };
    let columns = Columns {
        kind: get(row, first + 3)?,
        amount: get(row, first + 4)?,
        starts: get(row, first + 5)?,
        ends: get(row, first + 6)?,
        expiration: get(row, first + 7)?,
        priority: get(row, first + 8)?,
        corrects: get(row, first + 9)?,
        credit_id: get::<Option<&str>>(row, first + 10)?.map(Cow::Borrowed),
    };
    let change = columns.change();
    let entry = Entry {
        account: account.clone(),
        revision,
        sequence: Sequence::START,
        recorded_at: get(row, first + 2)?,
        id: get::<&str>(row, first + 1)?.into(),
        change: change.ok_or_else(|| damaged("it is no change that is known"))?,
    };
    let crc: i32 = get(row, first + 11)?;
    match entry.checksum() == crc.cast_unsigned() {
        true => Ok(Some(entry)),
        false => Err(damaged("its checksum does not match")),
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_store::{Funds, HeldUsage, Hold, RefusedHold};

    use super::*;

    #[test]
    fn every_change_is_what_its_columns_say() {
        let of = || RecordId::from("of");
        let hold = Hold {
            accounts: vec!["a \"quoted\" one".to_owned(), "b".to_owned()],
            usage: HeldUsage::Metered { rate: 5, end: 9 },
            up_to: Some(u64::MAX),
            at: i64::MIN,
            until: i64::MAX,
        };
        let changes = [
            Change::OpenAccount {
                policy: Overdraft::Carry,
            },
            Change::OpenAccount {
                policy: Overdraft::Forfeit,
            },
            Change::OpenAccount {
                policy: Overdraft::CarryUpTo(7),
            },
            Change::Grant {
                credit_id: String::new(),
                amount: 5,
                timestamp: i64::MIN,
                expiration: Some(u64::MAX),
                priority: i16::MIN,
            },
            Change::Grant {
                credit_id: "c".to_owned(),
                amount: 0,
                timestamp: 4,
                expiration: None,
                priority: 0,
            },
            Change::Usage {
                amount: 3,
                timestamp: -1,
            },
            Change::MeteredUsage {
                rate: u64::MAX,
                from: 5,
                until: 5,
            },
            Change::RetractRecord { of: of() },
            Change::ChangeUsage {
                of: of(),
                amount: 8,
            },
            Change::ChangeMeteredUsage {
                of: of(),
                rate: Some(1),
                from: None,
                until: Some(3),
            },
            Change::ChangeMeteredUsage {
                of: of(),
                rate: None,
                from: Some(2),
                until: None,
            },
            Change::Revoke { of: of(), from: 9 },
            Change::ChangeExpiration {
                of: of(),
                expiration: None,
            },
            Change::ChangeExpiration {
                of: of(),
                expiration: Some(u64::MAX),
            },
            Change::ChangePriority {
                of: of(),
                priority: -4,
            },
            Change::CloseBooks { until: i64::MAX },
            Change::DeleteAccount,
            Change::Hold(Box::new(hold.clone())),
            Change::RefuseHold(Box::new(RefusedHold {
                asked: hold,
                funds: Funds {
                    balance: None,
                    held: 1,
                    available: 0,
                    spendable: u64::MAX,
                },
            })),
            Change::Settle {
                hold: of(),
                amount: 7,
                timestamp: i64::MIN,
            },
            Change::SettleMetered {
                hold: of(),
                rate: 7,
                from: -1,
                until: 9,
            },
            Change::Release { hold: of() },
        ];
        for change in changes {
            let columns = Columns::of(&change).expect("it can be kept");
            assert_eq!(columns.change(), Some(change));
        }
        let unknown = Columns {
            kind: 18,
            ..Columns::default()
        };
        assert_eq!(unknown.change(), None);
    }
}
