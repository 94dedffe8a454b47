//! `gpu-credit authorise`, `settle`, `release` and `holds`: credit that is kept for usage to come.

use anyhow::{Context, bail};
use clap::Args;
use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Decision, Funds, HeldUsage, Hold, HoldClosed, RecordId, Settle};
use serde::Serialize;

use super::post::IdArguments;
use super::{OpenStore, StoreArguments};
use crate::integer::amount;
use crate::rows::{Row, RowArguments, or_empty, or_none};
use crate::time::TimeArguments;

pub(crate) const AUTHORISE_HELP: &str = "\
May this be spent, and will it be kept? The hold is given on all accounts that
are named, or on none: if --amount is at most what gpu-credit spendable answers
for each. It is open from --at until --until, or for as long as --for says, and
then keeps nothing: no sweep is needed, and it can still be settled. With
--rate it is a hold for a job that runs for so long. What was decided stays:
the same --id gets the same answer for ever; to try again, take another one.
The exit code is 0 if the hold is given, and 4 if it is refused: then the
balance, what is held, available and spendable say why.

Example:
  gpu-credit authorise acme --amount 400 --for 10m --id req-17
  gpu-credit authorise acme --amount 400 --up-to --for 10m --id req-18
  gpu-credit authorise acme --rate 1 --for 1m --id job-40";

#[derive(Args)]
pub(crate) struct AuthoriseArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    id: IdArguments,
    /// The names of the accounts
    #[arg(value_name = "ACCOUNT", required = true)]
    accounts: Vec<String>,
    #[command(flatten)]
    usage: UsageArguments,
    /// Its start; of a job the first tick
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// The first instant at which it is no longer open
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// How long it is open; with --rate, how long the job runs
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    length: Option<String>,
    /// Take less if not all of it fits; nothing is a refusal
    #[arg(long)]
    up_to: bool,
    #[command(flatten)]
    rows: RowArguments,
}

/// What is held: one of these.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct UsageArguments {
    /// How much is held
    #[arg(long, value_parser = amount(), allow_negative_numbers = true)]
    amount: Option<u64>,
    /// What each tick of a job uses
    #[arg(long, value_parser = amount(), allow_negative_numbers = true)]
    rate: Option<u64>,
}

#[derive(Serialize)]
struct DecidedRow {
    account: String,
    record_id: RecordId,
    decision: &'static str,
    is_new: bool,
    /// What is held: of a job its rate. What was asked for, if it is refused.
    amount: u64,
    timestamp: i64,
    /// The end of the job.
    end: Option<i64>,
    until: i64,
    balance: Option<u64>,
    held: u64,
    available: u64,
    spendable: u64,
}

impl Row for DecidedRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "record_id",
        "decision",
        "is_new",
        "amount",
        "timestamp",
        "end",
        "until",
        "balance",
        "held",
        "available",
        "spendable",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.record_id.to_string(),
            self.decision.to_owned(),
            self.is_new.to_string(),
            self.amount.to_string(),
            times.show(self.timestamp),
            or_empty(self.end.map(|end| times.show(end))),
            times.show(self.until),
            or_none(self.balance),
            self.held.to_string(),
            self.available.to_string(),
            self.spendable.to_string(),
        ]
    }
}

impl DecidedRow {
    fn new(
        (account, id): (&str, &RecordId),
        (decision, is_new): (&'static str, bool),
        hold: &Hold,
        funds: Funds,
    ) -> Self {
        let (amount, end) = told(hold);
        DecidedRow {
            account: account.to_owned(),
            record_id: id.clone(),
            decision,
            is_new,
            amount,
            timestamp: hold.at,
            end,
            until: hold.until,
            balance: funds.balance,
            held: funds.held,
            available: funds.available,
            spendable: funds.spendable,
        }
    }
}

/// The amount or rate of a hold, and the end of the job that it is for.
fn told(hold: &Hold) -> (u64, Option<i64>) {
    match hold.usage {
        HeldUsage::Amount(amount) => (amount, None),
        HeldUsage::Metered { rate, end } => (rate, Some(end)),
    }
}

/// Whether the hold is given.
pub(crate) fn authorise(arguments: &AuthoriseArguments) -> anyhow::Result<bool> {
    let store = arguments.store.open_for(&arguments.rows.times)?;
    let id = arguments.id.get();
    let asked = asked(arguments, id.clone())?;
    let authorised = store.ask(|store| store.authorise(asked))?;
    store.ensure_in_place()?;
    let is_new = authorised.is_new;
    let rows = match &authorised.decision {
        Decision::Held(hold) => {
            let rows = hold.accounts.iter().map(|account| {
                let funds = funds(&store, account, hold)?;
                let decision = ("held", is_new);
                Ok(DecidedRow::new((account, &id), decision, hold, funds))
            });
            rows.collect::<anyhow::Result<Vec<_>>>()?
        }
        Decision::Refused(accounts) => {
            let rows = accounts.iter().map(|(account, refused)| {
                let decision = ("refused", is_new);
                DecidedRow::new((account, &id), decision, &refused.asked, refused.funds)
            });
            rows.collect()
        }
    };
    arguments.rows.write(rows)?;
    Ok(authorised.hold().is_some())
}

/// What an account has now at the start of a hold that is given.
fn funds(store: &OpenStore, account: &str, hold: &Hold) -> anyhow::Result<Funds> {
    store.ask(|store| {
        store.with_account(account, |account| {
            Ok(Funds {
                balance: account.get_balance(hold.at)?,
                held: account.held(hold.at)?,
                available: account.available(hold.at)?,
                spendable: account.spendable(hold.at)?,
            })
        })?
    })
}

fn asked(arguments: &AuthoriseArguments, id: RecordId) -> anyhow::Result<Authorise> {
    let times = &arguments.rows.times;
    let at = times.instant("--at", arguments.at.as_deref().unwrap_or("now"))?;
    let end = match &arguments.length {
        Some(typed) => Some(times.end_after(at, typed)?),
        None => None,
    };
    let until = match &arguments.until {
        Some(typed) => Some(times.instant("--until", typed)?),
        None => None,
    };
    let accounts = arguments.accounts.iter().map(String::as_str);
    let authorise = match (arguments.usage.amount, arguments.usage.rate) {
        (Some(_), _) if end.is_some() && until.is_some() => {
            bail!("a hold of an amount takes --for or --until, not both");
        }
        (Some(amount), _) => {
            let until = end.or(until);
            let until = until.context("a hold of an amount takes --for or --until")?;
            Authorise::new(id, accounts, amount, at..until)
        }
        (None, rate) => {
            let end = end.context("a hold for a job takes --for: how long it runs")?;
            let job = MeteredUsage {
                rate: rate.unwrap_or_default(),
                from: at,
                until: end,
            };
            Authorise::metered(id, accounts, job, until.unwrap_or(end))
        }
    };
    let authorise = match arguments.up_to {
        true => authorise.up_to(),
        false => authorise,
    };
    Ok(match (&arguments.at, &arguments.length) {
        (None, Some(_)) => authorise.default_start().default_end(),
        (None, None) => authorise.default_start(),
        _ => authorise,
    })
}

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
    let mut settle = match arguments.amount {
        Some(amount) => Settle::new(account, id.clone(), hold, amount),
        None => Settle::metered(account, id.clone(), hold),
    };
    if let Some(typed) = &arguments.at {
        settle = settle.at(times.instant("--at", typed)?);
    }
    if let Some(rate) = arguments.rate {
        settle = settle.rate(rate);
    }
    if let Some(typed) = &arguments.until {
        settle = settle.until(times.instant("--until", typed)?);
    }
    let closed = store.ask(|store| store.settle(settle))?;
    store.ensure_in_place()?;
    say(&arguments.rows, (&id, hold), closed)
}

pub(crate) fn release(arguments: &ReleaseArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_for(&arguments.rows.times)?;
    let (id, hold) = (arguments.id.get(), &*arguments.hold);
    let closed = store.ask(|store| store.release(&arguments.account, id.clone(), hold))?;
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
                    is_open: (hold.at..hold.until).contains(&at),
                    accounts: hold.accounts.join(", "),
                }
            });
            holds.collect::<Vec<_>>()
        })
    })?;
    arguments.rows.write(rows)
}
