//! `gpu-credit history`: the journal of an account.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::vec;

use clap::Args;
use gpu_credit_store::{Change, Entry, HeldUsage, Hold, RecordId, Revision};
use serde::Serialize;

use super::{OpenStore, StoreArguments};
use crate::rows::{Row, RowArguments, or_empty};
use crate::time::{TimeArguments, Unit};

pub(crate) const HELP: &str = "\
A row for each entry, in the order in which they were posted.
  revision      1, 2, 3 ...: what --as-recorded takes
  recorded_at   when it was posted, in milliseconds since 1970, by the clock of
                the machine
  timestamp     when it takes effect: of a job its first tick, of a revocation
                the first instant it revokes, of a close the first that stays
                open
  amount        of a job its rate
  amount_before what a change or a retraction takes the place of: the amount,
                or the rate of a job, until then
  expiration    none if a grant never expires
  until         of a job its end; of a hold the first instant at which it is no
                longer open
Of what settles or releases a hold, corrected_record_id is that of the hold.

Example:
  gpu-credit history acme --format csv";

#[derive(Args)]
pub(crate) struct HistoryArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Default, Serialize)]
struct HistoryRow {
    revision: Revision,
    recorded_at: i64,
    record_id: String,
    change: &'static str,
    corrected_record_id: Option<RecordId>,
    policy: Option<String>,
    credit_id: Option<String>,
    amount: Option<u64>,
    amount_before: Option<u64>,
    timestamp: Option<i64>,
    expiration: Option<u64>,
    until: Option<i64>,
    priority: Option<i16>,
}

impl Row for HistoryRow {
    const HEADER: &'static [&'static str] = &[
        "revision",
        "recorded_at",
        "record_id",
        "change",
        "corrected_record_id",
        "policy",
        "credit_id",
        "amount",
        "amount_before",
        "timestamp",
        "expiration",
        "until",
        "priority",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        let recorded_at = Unit::Ms.timestamp(self.recorded_at);
        let has_end = matches!(self.change, "grant" | "change_expiration");
        let expiration = match self.expiration {
            None if has_end => "never".to_owned(),
            expiration => or_empty(expiration),
        };
        vec![
            self.revision.to_string(),
            or_empty(recorded_at),
            self.record_id.clone(),
            self.change.to_owned(),
            or_empty(self.corrected_record_id.as_ref()),
            or_empty(self.policy.as_ref()),
            or_empty(self.credit_id.as_ref()),
            or_empty(self.amount),
            or_empty(self.amount_before),
            or_empty(self.timestamp.map(|at| times.show(at))),
            expiration,
            or_empty(self.until.map(|until| times.show(until))),
            or_empty(self.priority),
        ]
    }
}

impl HistoryRow {
    fn with_hold(self, hold: &Hold) -> Self {
        let (HeldUsage::Amount(amount) | HeldUsage::Metered { rate: amount, .. }) = hold.usage;
        HistoryRow {
            amount: Some(amount),
            timestamp: Some(hold.at),
            until: Some(hold.until),
            ..self
        }
    }
}

impl From<Entry> for HistoryRow {
    fn from(entry: Entry) -> Self {
        let row = HistoryRow {
            revision: entry.revision,
            recorded_at: entry.recorded_at,
            record_id: entry.id.to_string(),
            corrected_record_id: entry.change.corrects().cloned(),
            ..HistoryRow::default()
        };
        match entry.change {
            Change::OpenAccount { policy } => HistoryRow {
                change: "open_account",
                policy: Some(policy.to_string()),
                ..row
            },
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => HistoryRow {
                change: "grant",
                credit_id: Some(credit_id),
                amount: Some(amount),
                timestamp: Some(timestamp),
                expiration,
                priority: Some(priority),
                ..row
            },
            Change::Usage { amount, timestamp } => HistoryRow {
                change: "usage",
                amount: Some(amount),
                timestamp: Some(timestamp),
                ..row
            },
            Change::MeteredUsage { rate, from, until } => HistoryRow {
                change: "metered_usage",
                amount: Some(rate),
                timestamp: Some(from),
                until: Some(until),
                ..row
            },
            Change::ChangeMeteredUsage {
                rate, from, until, ..
            } => HistoryRow {
                change: "change_metered_usage",
                amount: rate,
                timestamp: from,
                until,
                ..row
            },
            Change::RetractRecord { .. } => HistoryRow {
                change: "retract_record",
                ..row
            },
            Change::ChangeUsage { amount, .. } => HistoryRow {
                change: "change_usage",
                amount: Some(amount),
                ..row
            },
            Change::Revoke { from, .. } => HistoryRow {
                change: "revoke",
                timestamp: Some(from),
                ..row
            },
            Change::ChangeExpiration { expiration, .. } => HistoryRow {
                change: "change_expiration",
                expiration,
                ..row
            },
            Change::ChangePriority { priority, .. } => HistoryRow {
                change: "change_priority",
                priority: Some(priority),
                ..row
            },
            Change::CloseBooks { until } => HistoryRow {
                change: "close_books",
                timestamp: Some(until),
                ..row
            },
            Change::DeleteAccount => HistoryRow {
                change: "delete_account",
                ..row
            },
            Change::Hold(hold) => HistoryRow {
                change: "hold",
                ..row.with_hold(&hold)
            },
            Change::RefuseHold(refused) => HistoryRow {
                change: "refuse_hold",
                ..row.with_hold(&refused.asked)
            },
            Change::Settle {
                amount, timestamp, ..
            } => HistoryRow {
                change: "settle",
                amount: Some(amount),
                timestamp: Some(timestamp),
                ..row
            },
            Change::SettleMetered {
                rate, from, until, ..
            } => HistoryRow {
                change: "settle_metered",
                amount: Some(rate),
                timestamp: Some(from),
                until: Some(until),
                ..row
            },
            Change::Release { .. } => HistoryRow {
                change: "release",
                ..row
            },
        }
    }
}

pub(crate) fn run(arguments: &HistoryArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask_for(&arguments.rows.times)?;
    store.fetch(&[&arguments.account])?;
    let mut amounts = Amounts::of(&store, &arguments.account)?;
    let mut history = History {
        store: &store,
        account: &arguments.account,
        last: Revision::START,
        page: Vec::new().into_iter(),
        failure: None,
    };
    // An account that is not there is an error before anything is written.
    history.turn();
    if let Some(error) = history.failure.take() {
        return Err(error);
    }
    let rows = history.by_ref().map(|entry| HistoryRow {
        amount_before: amounts.before(&entry),
        ..HistoryRow::from(entry)
    });
    arguments.rows.write(rows)?;
    history.failure.map_or(Ok(()), Err)
}

/// The amounts of the records that are corrected, as the entries so far leave them.
struct Amounts(HashMap<RecordId, Option<u64>>);

impl Amounts {
    /// Of no entry yet.
    fn of(store: &OpenStore, account: &str) -> anyhow::Result<Self> {
        let mut corrected = HashMap::new();
        store.ask(|store| {
            store.visit_history(account, Revision::START, |entry| {
                if let Some(of) = entry.change.corrects() {
                    corrected.insert(of.clone(), None);
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(Amounts(corrected))
    }

    /// The amount that an entry takes the place of; the next one has its own.
    fn before(&mut self, entry: &Entry) -> Option<u64> {
        let of = entry.change.corrects().unwrap_or(&entry.id);
        let amount = self.0.get_mut(of)?;
        let (changed, is_replaced) = match &entry.change {
            Change::Grant { amount, .. }
            | Change::Usage { amount, .. }
            | Change::MeteredUsage { rate: amount, .. } => (Some(*amount), false),
            Change::ChangeUsage { amount, .. }
            | Change::ChangeMeteredUsage {
                rate: Some(amount), ..
            } => (Some(*amount), true),
            Change::RetractRecord { .. } => (None, true),
            _ => return None,
        };
        let before = std::mem::replace(amount, changed);
        before.filter(|_| is_replaced)
    }
}

/// The entries of an account, of which only some are held at a time.
struct History<'s> {
    store: &'s OpenStore,
    account: &'s str,
    /// The last entry of the page.
    last: Revision,
    page: vec::IntoIter<Entry>,
    /// Why it ended early.
    failure: Option<anyhow::Error>,
}

const PAGE_ENTRIES: usize = 1_024;

impl History<'_> {
    fn turn(&mut self) {
        let mut page = Vec::new();
        let turned = self.store.ask(|store| {
            store.visit_history(self.account, self.last, |entry| {
                page.push(entry);
                match page.len() < PAGE_ENTRIES {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })
        });
        self.failure = turned.err();
        self.last = page.last().map_or(self.last, |entry| entry.revision);
        self.page = page.into_iter();
    }
}

impl Iterator for History<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.page.len() == 0 && self.failure.is_none() {
            self.turn();
        }
        self.page.next()
    }
}
