//! Entries as they are shown.

use gpu_credit_store::{Change, Entry as Recorded, HeldUsage, Hold, RefusedHold};
use serde::Serialize;
use utoipa::ToSchema;

use super::hidden::{hide_accounts, hide_accounts_of};
use crate::access::Caller;
use crate::form::{Count, Time};

/// An entry of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Its place among the entries of the account, from 1 on.
    revision: Count,
    /// When it was recorded, in milliseconds since 1970. It is for people, and affects no answer.
    recorded_at: i64,
    /// The name of the record.
    id: String,
    /// What it does.
    #[serde(flatten)]
    change: ShownChange,
}

/// What an entry does, by its kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ShownChange {
    Open {
        policy: String,
    },
    Grant {
        credit_id: String,
        amount: Count,
        start: Time,
        /// The last instant of the window, counted from `start`; null for a window without end.
        expiration: Option<Count>,
        priority: i16,
    },
    Usage {
        amount: Count,
        at: Time,
    },
    Run {
        rate: Count,
        from: Time,
        until: Time,
    },
    Retract {
        of: String,
    },
    ChangeUsage {
        of: String,
        amount: Count,
    },
    ChangeRun {
        of: String,
        rate: Option<Count>,
        from: Option<Time>,
        until: Option<Time>,
    },
    Revoke {
        of: String,
        from: Time,
    },
    ChangeExpiration {
        of: String,
        expiration: Option<Count>,
    },
    ChangePriority {
        of: String,
        priority: i16,
    },
    Close {
        until: Time,
    },
    Delete,
    Hold(HeldOrRefused),
    RefuseHold {
        #[serde(flatten)]
        asked: HeldOrRefused,
        #[serde(flatten)]
        funds: Funds,
    },
    Settle {
        hold: String,
        amount: Count,
        at: Time,
    },
    SettleRun {
        hold: String,
        rate: Count,
        from: Time,
        until: Time,
    },
    Release {
        hold: String,
    },
}

/// A hold, or what was asked for of one that is refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct HeldOrRefused {
    /// The accounts that it is on, by name: those that the token may read.
    accounts: Vec<String>,
    /// On how many accounts it is besides, which the token may not read; left out if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden_accounts: Option<Count>,
    /// What is kept at its start; of a hold for a job there is a rate instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Count>,
    /// What each tick of the job uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Count>,
    /// The first tick that the job no longer uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Time>,
    /// What was asked for, if as much of it as fits was.
    #[serde(skip_serializing_if = "Option::is_none")]
    up_to: Option<Count>,
    /// Its start: the instant at which it stands as usage.
    at: Time,
    /// The first instant at which it is no longer open.
    until: Time,
}

/// What an account had when a hold was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Funds {
    pub(crate) balance: Option<Count>,
    pub(crate) held: Count,
    pub(crate) available: Count,
    pub(crate) spendable: Count,
}

impl From<gpu_credit_store::Funds> for Funds {
    fn from(funds: gpu_credit_store::Funds) -> Self {
        Funds {
            balance: funds.balance.map(Count),
            held: Count(funds.held),
            available: Count(funds.available),
            spendable: Count(funds.spendable),
        }
    }
}

impl HeldOrRefused {
    /// A hold as a caller may see it.
    pub(crate) fn seen_by(caller: &Caller, mut hold: Hold) -> Self {
        let hidden = hide_accounts(&mut hold, |account| caller.sees(account));
        let mut seen = HeldOrRefused::from(hold);
        seen.count_hidden(hidden);
        seen
    }

    fn count_hidden(&mut self, hidden: u64) {
        self.hidden_accounts = Some(Count(hidden)).filter(|_| hidden > 0);
    }
}

/// A hold as somebody may see it who may read all its accounts.
impl From<Hold> for HeldOrRefused {
    fn from(hold: Hold) -> Self {
        let (amount, rate, end) = match hold.usage {
            HeldUsage::Amount(amount) => (Some(Count(amount)), None, None),
            HeldUsage::Metered { rate, end } => (None, Some(Count(rate)), Some(Time(end))),
        };
        HeldOrRefused {
            accounts: hold.accounts,
            hidden_accounts: None,
            amount,
            rate,
            end,
            up_to: hold.up_to.map(Count),
            at: Time(hold.at),
            until: Time(hold.until),
        }
    }
}

impl Entry {
    /// An entry as a caller may see it who may read its account.
    pub(crate) fn seen_by(caller: &Caller, mut entry: Recorded) -> Self {
        let hidden = hide_accounts_of(&mut entry.change, |account| caller.sees(account));
        let mut change = ShownChange::from(entry.change);
        if let ShownChange::Hold(hold) | ShownChange::RefuseHold { asked: hold, .. } = &mut change {
            hold.count_hidden(hidden);
        }
        Entry {
            revision: Count(entry.revision.get()),
            recorded_at: entry.recorded_at,
            id: entry.id.into(),
            change,
        }
    }
}

impl From<Change> for ShownChange {
    fn from(change: Change) -> Self {
        match change {
            Change::OpenAccount { policy } => ShownChange::Open {
                policy: policy.to_string(),
            },
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => ShownChange::Grant {
                credit_id,
                amount: Count(amount),
                start: Time(timestamp),
                expiration: expiration.map(Count),
                priority,
            },
            Change::Usage { amount, timestamp } => ShownChange::Usage {
                amount: Count(amount),
                at: Time(timestamp),
            },
            Change::MeteredUsage { rate, from, until } => ShownChange::Run {
                rate: Count(rate),
                from: Time(from),
                until: Time(until),
            },
            Change::RetractRecord { of } => ShownChange::Retract { of: of.into() },
            Change::ChangeUsage { of, amount } => ShownChange::ChangeUsage {
                of: of.into(),
                amount: Count(amount),
            },
            Change::ChangeMeteredUsage {
                of,
                rate,
                from,
                until,
            } => ShownChange::ChangeRun {
                of: of.into(),
                rate: rate.map(Count),
                from: from.map(Time),
                until: until.map(Time),
            },
            Change::Revoke { of, from } => ShownChange::Revoke {
                of: of.into(),
                from: Time(from),
            },
            Change::ChangeExpiration { of, expiration } => ShownChange::ChangeExpiration {
                of: of.into(),
                expiration: expiration.map(Count),
            },
            Change::ChangePriority { of, priority } => ShownChange::ChangePriority {
                of: of.into(),
                priority,
            },
            Change::CloseBooks { until } => ShownChange::Close { until: Time(until) },
            Change::DeleteAccount => ShownChange::Delete,
            Change::Hold(hold) => ShownChange::Hold((*hold).into()),
            Change::RefuseHold(refused) => {
                let RefusedHold { asked, funds } = *refused;
                ShownChange::RefuseHold {
                    asked: asked.into(),
                    funds: funds.into(),
                }
            }
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => ShownChange::Settle {
                hold: hold.into(),
                amount: Count(amount),
                at: Time(timestamp),
            },
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => ShownChange::SettleRun {
                hold: hold.into(),
                rate: Count(rate),
                from: Time(from),
                until: Time(until),
            },
            Change::Release { hold } => ShownChange::Release { hold: hold.into() },
        }
    }
}
