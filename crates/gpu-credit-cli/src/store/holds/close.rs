//! `gpu-credit settle` and `release`: what comes in the place of a hold.

use clap::Args;
use gpu_credit_store::{HoldClosed, RecordId, Settle};
use serde::Serialize;
use serde_json::json;

use crate::integer::amount;
use crate::rows::{Row, RowArguments, or_empty};
use crate::store::StoreArguments;
use crate::store::post::IdArguments;
use crate::time::TimeArguments;

pub(crate) const SETTLE_HELP: &str = "\
What was used is recorded in full in the place of the hold, on all its
accounts, and what it kept besides is free. More than was held is recorded
too, and so is what comes after the end of the hold, or after it was released.
Without --at it takes effect at the start of the hold: credit that was active
when the hold was given covers it. Without an amount it is a job, from the
start of the hold to --until, or to the end that the hold has. A hold is
settled once: to correct it, gpu-credit change takes the id of the settlement.

Example:
  gpu-credit settle acme req-17 317 --id req-17/end
  gpu-credit settle acme job-40 --id job-40/end";

#[derive(Args)]
pub(crate) struct SettleArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    id: IdArguments,
    /// The name of one of the accounts of the hold
    account: String,
    /// The record id of the hold
    hold: String,
    /// What was used; none for a job
    #[arg(value_parser = amount(), allow_negative_numbers = true)]
    amount: Option<u64>,
    /// When it takes effect; of a job the first tick
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// What each tick of the job used; that of the hold if not given
    #[arg(long, value_parser = amount(), allow_negative_numbers = true, conflicts_with = "amount")]
    rate: Option<u64>,
    /// The first tick after the job
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "amount"
    )]
    until: Option<String>,
    #[command(flatten)]
    rows: RowArguments,
}

pub(crate) const RELEASE_HELP: &str = "\
Nothing is recorded in the place of the hold, on all its accounts, and what it
kept is free. What was released can still be settled. A hold that has ended
keeps nothing any more, and need not be released.

Example:
  gpu-credit release acme req-18 --id req-18/end";

#[derive(Args)]
pub(crate) struct ReleaseArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    id: IdArguments,
    /// The name of one of the accounts of the hold
    account: String,
    /// The record id of the hold
    hold: String,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct ClosedRow {
    account: String,
    record_id: RecordId,
    hold: String,
    revision: Option<gpu_credit_store::Revision>,
    is_new: bool,
}

impl Row for ClosedRow {
    const HEADER: &'static [&'static str] = &["account", "record_id", "hold", "revision", "is_new"];

    fn cells(&self, _: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.record_id.to_string(),
            self.hold.clone(),
            or_empty(self.revision),
            self.is_new.to_string(),
        ]
    }
}

pub(crate) fn settle(arguments: &SettleArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_for(times)?;
    let (account, id, hold) = (&*arguments.account, arguments.id.get(), &*arguments.hold);
    let mut body = json!({ "id": id, "account": account, "hold": hold });
    let (mut settle, start) = match arguments.amount {
        Some(amount) => {
            body["amount"] = json!(amount);
            (Settle::new(account, id.clone(), hold, amount), "at")
        }
        None => (Settle::metered(account, id.clone(), hold), "from"),
    };
    if let Some(typed) = &arguments.at {
        let at = times.instant("--at", typed)?;
        body[start] = json!(at);
        settle = settle.at(at);
    }
    if let Some(rate) = arguments.rate {
        body["rate"] = json!(rate);
        settle = settle.rate(rate);
    }
    if let Some(typed) = &arguments.until {
        let until = times.instant("--until", typed)?;
        body["until"] = json!(until);
        settle = settle.until(until);
    }
    let closed = store.write(
        (&[account], Some(&id)),
        |store| store.settle(settle),
        |remote| remote.close_hold("/v1/settlements", &body),
    )?;
    let closed = closed.map_err(|error| store.explain(error))?;
    store.ensure_in_place()?;
    say(&arguments.rows, (&id, hold), closed)
}

pub(crate) fn release(arguments: &ReleaseArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_for(&arguments.rows.times)?;
    let (account, id, hold) = (&*arguments.account, arguments.id.get(), &*arguments.hold);
    let closed = store.write(
        (&[account], Some(&id)),
        |store| store.release(account, id.clone(), hold),
        |remote| {
            let body = json!({ "id": id, "account": account, "hold": hold });
            remote.close_hold("/v1/releases", &body)
        },
    )?;
    let closed = closed.map_err(|error| store.explain(error))?;
    store.ensure_in_place()?;
    say(&arguments.rows, (&id, hold), closed)
}

fn say(
    rows: &RowArguments,
    (id, hold): (&RecordId, &str),
    closed: HoldClosed,
) -> anyhow::Result<()> {
    rows.write(
        closed
            .accounts
            .into_iter()
            .map(|(account, outcome)| ClosedRow {
                account,
                record_id: id.clone(),
                hold: hold.to_owned(),
                revision: outcome.revision(),
                is_new: outcome.is_new(),
            }),
    )
}
