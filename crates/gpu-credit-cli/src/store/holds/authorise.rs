//! `gpu-credit authorise`: may this be spent, and will it be kept?

use anyhow::{Context, bail};
use clap::Args;
use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Decision, Funds, HeldUsage, Hold, RecordId};
use serde::Serialize;
use serde_json::{Value, json};

use super::told;
use crate::integer::amount;
use crate::rows::{Row, RowArguments, or_empty, or_none};
use crate::store::post::IdArguments;
use crate::store::{OpenStore, StoreArguments};
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
    /// None, as those that follow, also if who asks a service may not read the account.
    balance: Option<u64>,
    held: Option<u64>,
    available: Option<u64>,
    spendable: Option<u64>,
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
            or_empty(self.held),
            or_empty(self.available),
            or_empty(self.spendable),
        ]
    }
}

impl DecidedRow {
    fn new(
        (account, id): (&str, &RecordId),
        (decision, is_new): (&'static str, bool),
        hold: &Hold,
        funds: Option<Funds>,
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
            balance: funds.and_then(|funds| funds.balance),
            held: funds.map(|funds| funds.held),
            available: funds.map(|funds| funds.available),
            spendable: funds.map(|funds| funds.spendable),
        }
    }
}

/// Whether the hold is given.
pub(crate) fn authorise(arguments: &AuthoriseArguments) -> anyhow::Result<bool> {
    let store = arguments.store.open_for(&arguments.rows.times)?;
    let id = arguments.id.get();
    let asked = Asked::of(arguments)?;
    let names: Vec<&str> = arguments.accounts.iter().map(String::as_str).collect();
    let authorised = store.write(
        (&names, Some(&id)),
        |store| store.authorise(asked.authorise(&id, arguments)),
        |remote| remote.authorise(&asked.body(&id, arguments), &asked.hold(arguments)),
    )?;
    let authorised = authorised.map_err(|error| store.explain(error))?;
    store.ensure_in_place()?;
    let is_new = authorised.is_new;
    let rows = match &authorised.decision {
        Decision::Held(hold) => {
            let rows = hold.accounts.iter().map(|account| {
                let funds = store.funds(account, hold)?;
                let decision = ("held", is_new);
                Ok(DecidedRow::new((account, &id), decision, hold, funds))
            });
            rows.collect::<anyhow::Result<Vec<_>>>()?
        }
        Decision::Refused(accounts) => {
            let rows = accounts.iter().map(|(account, refused)| {
                let decision = ("refused", is_new);
                let funds = Some(refused.funds);
                DecidedRow::new((account, &id), decision, &refused.asked, funds)
            });
            rows.collect()
        }
    };
    arguments.rows.write(rows)?;
    Ok(authorised.hold().is_some())
}

impl OpenStore {
    /// What an account has at the start of a hold; `None` if it is asked from afar, and that is not allowed.
    fn funds(&self, account: &str, hold: &Hold) -> anyhow::Result<Option<Funds>> {
        match &self.remote {
            Some(remote) => Ok(remote.funds(account, hold)),
            None => {
                let funds =
                    self.ask(|store| store.with_account(account, |account| account.funds(hold)));
                Ok(Some(funds??))
            }
        }
    }
}

/// What is asked for.
struct Asked {
    usage: HeldUsage,
    at: i64,
    until: i64,
}

impl Asked {
    fn of(arguments: &AuthoriseArguments) -> anyhow::Result<Self> {
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
        let (usage, until) = match (arguments.usage.amount, arguments.usage.rate) {
            (Some(_), _) if end.is_some() && until.is_some() => {
                bail!("a hold of an amount takes --for or --until, not both");
            }
            (Some(amount), _) => {
                let until = end.or(until);
                let until = until.context("a hold of an amount takes --for or --until")?;
                (HeldUsage::Amount(amount), until)
            }
            (None, rate) => {
                let end = end.context("a hold for a job takes --for: how long it runs")?;
                let rate = rate.unwrap_or_default();
                (HeldUsage::Metered { rate, end }, until.unwrap_or(end))
            }
        };
        Ok(Asked { usage, at, until })
    }

    fn authorise(&self, id: &RecordId, arguments: &AuthoriseArguments) -> Authorise {
        let accounts = arguments.accounts.iter().map(String::as_str);
        let authorise = match self.usage {
            HeldUsage::Amount(amount) => {
                Authorise::new(id.clone(), accounts, amount, self.at..self.until)
            }
            HeldUsage::Metered { rate, end } => {
                let job = MeteredUsage {
                    rate,
                    from: self.at,
                    until: end,
                };
                Authorise::metered(id.clone(), accounts, job, self.until)
            }
        };
        let authorise = match arguments.up_to {
            true => authorise.up_to(),
            false => authorise,
        };
        match (&arguments.at, &arguments.length) {
            (None, Some(_)) => authorise.default_start().default_end(),
            (None, None) => authorise.default_start(),
            _ => authorise,
        }
    }

    /// The same as it is asked of a service: a start that nobody has typed is not sent, nor an end that is counted
    /// from it.
    fn body(&self, id: &RecordId, arguments: &AuthoriseArguments) -> Value {
        let mut body =
            json!({ "id": id, "accounts": arguments.accounts, "up_to": arguments.up_to });
        let end = match self.usage {
            HeldUsage::Amount(amount) => {
                body["amount"] = json!(amount);
                self.until
            }
            HeldUsage::Metered { rate, end } => {
                body["rate"] = json!(rate);
                end
            }
        };
        if arguments.at.is_some() {
            body["at"] = json!(self.at);
        }
        if arguments.length.is_some() {
            body["lasts"] = json!(self.at.abs_diff(end));
        }
        if arguments.until.is_some() {
            body["until"] = json!(self.until);
        }
        body
    }

    /// The hold that it would be.
    fn hold(&self, arguments: &AuthoriseArguments) -> Hold {
        Hold {
            accounts: arguments.accounts.clone(),
            usage: self.usage,
            up_to: None,
            at: self.at,
            until: self.until,
        }
    }
}
