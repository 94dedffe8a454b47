//! `gpu-credit draws`: which grants paid for usage.

use clap::Args;
use gpu_credit_store::RecordId;
use serde::Serialize;

use super::{RecordedArguments, StoreArguments};
use crate::rows::{Row, RowArguments, RowFormat, or_empty};
use crate::time::TimeArguments;
use crate::{heard, say};

pub(crate) const HELP: &str = "\
A row for each part of a usage record: drawn from a grant, or a deficit (no
grant has covered it yet), or dropped. The parts add up to its amount; those of
a job to its rate times its ticks. first and last are the first and the last
tick that draw from the grant, perhaps in part. drawn_at is when they do: later
than first if the part was a deficit until the grant began. Usage draws from
the active grant of the lowest grant_priority, then of the soonest grant_end,
then in posting order. If the books were closed while a job ran, the rows say
what it uses from then on.

Example:
  gpu-credit draws acme job-17";

/// Under a table of draws.
const RULE: &str =
    "Usage draws from active grants by lowest priority, then soonest end, then posting order.";

#[derive(Args)]
pub(crate) struct DrawsArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The record id of usage or a job
    usage: String,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct PartRow {
    account: String,
    record_id: String,
    part: &'static str,
    amount: u64,
    grant_record_id: Option<String>,
    credit_id: Option<String>,
    first: Option<i64>,
    last: Option<i64>,
    drawn_at: Option<i64>,
    grant_priority: Option<i16>,
    /// The last instant of the grant's window.
    grant_end: Option<i64>,
}

impl Row for PartRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "record_id",
        "part",
        "amount",
        "grant_record_id",
        "credit_id",
        "first",
        "last",
        "drawn_at",
        "grant_priority",
        "grant_end",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.record_id.clone(),
            self.part.to_owned(),
            self.amount.to_string(),
            or_empty(self.grant_record_id.as_ref()),
            or_empty(self.credit_id.as_ref()),
            or_empty(self.first.map(|at| times.show(at))),
            or_empty(self.last.map(|at| times.show(at))),
            or_empty(self.drawn_at.map(|at| times.show(at))),
            or_empty(self.grant_priority),
            or_empty(self.grant_end.map(|at| times.show(at))),
        ]
    }
}

pub(crate) fn run(arguments: &DrawsArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask_for(&arguments.rows.times)?;
    let (name, id) = (&arguments.account, RecordId::from(arguments.usage.as_str()));
    let revision = store.revision(name, &arguments.recorded)?;
    let statement = store.ask(|store| store.usage_statement(name, &id, revision))?;
    let account = store.ask(|store| store.as_recorded(name, revision))?;
    let ids = store.grant_ids(name)?;

    let part = |part, amount| PartRow {
        account: name.clone(),
        record_id: arguments.usage.clone(),
        part,
        amount,
        grant_record_id: None,
        credit_id: None,
        first: None,
        last: None,
        drawn_at: None,
        grant_priority: None,
        grant_end: None,
    };
    let draws = statement.draws.iter().map(|draw| {
        let (grant_record_id, credit_id) = ids.names(&account, draw.grant);
        let grant = account.ledger().grant(draw.grant);
        PartRow {
            grant_record_id: Some(grant_record_id),
            credit_id: Some(credit_id),
            first: Some(draw.first),
            last: Some(draw.last),
            drawn_at: Some(draw.drawn_at),
            grant_priority: grant.map(|grant| grant.priority),
            grant_end: grant.map(|grant| grant.end),
            ..part("drawn", draw.amount)
        }
    });
    let rest = [
        ("deficit", statement.deficit),
        ("dropped", statement.dropped),
    ];
    let rest = rest.into_iter().filter(|(_, amount)| *amount > 0);
    let rest = rest.map(|(word, amount)| part(word, amount));
    arguments.rows.write(draws.chain(rest))?;
    match arguments.rows.format {
        RowFormat::Table if !statement.draws.is_empty() => heard(say(format_args!("{RULE}"))),
        _ => Ok(()),
    }
}
