//! `gpu-credit holds`: the holds that are neither settled nor released.

use clap::Args;
use gpu_credit_store::RecordId;
use serde::Serialize;

use super::told;
use crate::rows::{Row, RowArguments, or_empty};
use crate::store::StoreArguments;
use crate::time::TimeArguments;

pub(crate) const HOLDS_HELP: &str = "\
The holds that are neither settled nor released. is_open is whether one keeps
credit at --at: from its start on and before its end. What has ended keeps
nothing, and can still be settled.

Example:
  gpu-credit holds acme --format csv";

#[derive(Args)]
pub(crate) struct HoldsArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The instant
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    at: String,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct HoldRow {
    record_id: RecordId,
    amount: u64,
    timestamp: i64,
    end: Option<i64>,
    until: i64,
    is_open: bool,
    /// The names of all its accounts.
    accounts: String,
}

impl Row for HoldRow {
    const HEADER: &'static [&'static str] = &[
        "record_id",
        "amount",
        "timestamp",
        "end",
        "until",
        "is_open",
        "accounts",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.record_id.to_string(),
            self.amount.to_string(),
            times.show(self.timestamp),
            or_empty(self.end.map(|end| times.show(end))),
            times.show(self.until),
            self.is_open.to_string(),
            self.accounts.clone(),
        ]
    }
}

pub(crate) fn holds(arguments: &HoldsArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_to_ask_for(times)?;
    store.fetch(&[&arguments.account])?;
    let at = times.instant("--at", &arguments.at)?;
    let rows = store.ask(|store| {
        store.with_account(&arguments.account, |account| {
            let holds = account.holds().map(|(_, id, hold)| {
                let (amount, end) = told(hold);
                HoldRow {
                    record_id: id.clone(),
                    amount,
                    timestamp: hold.at,
                    end,
                    until: hold.until,
                    is_open: hold.is_open_at(at),
                    accounts: hold.accounts.join(", "),
                }
            });
            holds.collect::<Vec<_>>()
        })
    })?;
    arguments.rows.write(rows)
}
