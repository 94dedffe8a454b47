//! `gpu-credit draws`: which grants paid for usage.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use clap::Args;
use gpu_credit::GrantId;
use gpu_credit_store::{Account, RecordId, RecordedDraw, Revision};
use serde::Serialize;

use super::period::{Period, PeriodArguments};
use super::statement::usage_line;
use super::{GrantIds, OpenStore, RecordedArguments, StoreArguments};
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

Without a record, --month, or --from and --until, ask for all that was drawn in
a period, in the order of drawn_at. deficit and dropped then have one row each
without record_id: all parts add up to the deficit before the period and what
was used in it.

Example:
  gpu-credit draws acme job-17
  gpu-credit draws acme --month 2025-03 --format csv --unit s";

/// Under a table of draws.
const RULE: &str =
    "Usage draws from active grants by lowest priority, then soonest end, then posting order.";

#[derive(Args)]
pub(crate) struct DrawsArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The name of the account
    account: String,
    /// The record id of usage or a job; all of a period if not given
    #[arg(conflicts_with_all = ["from", "until", "month"])]
    usage: Option<String>,
    #[command(flatten)]
    period: PeriodArguments,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct PartRow {
    account: String,
    /// None of what is not drawn in a period, and of a deficit from before the close of the books.
    record_id: Option<RecordId>,
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
            or_empty(self.record_id.as_ref()),
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
    let rows = &arguments.rows;
    let store = arguments.store.open_to_ask_for(&rows.times)?;
    let name = &arguments.account;
    store.fetch(&[name])?;
    let revision = store.revision(name, &arguments.recorded)?;
    let account = store.ask(|store| store.as_recorded(name, revision))?;
    let parts = Parts {
        ids: store.grant_ids(name)?,
        account,
    };
    let (drawn, sum) = match &arguments.usage {
        Some(id) => {
            let drawn = parts.of_usage(&store, &id.as_str().into(), revision)?;
            (drawn, None)
        }
        None => {
            let period = arguments.period.get(&rows.times)?;
            let period = period.context(
                "expected the record id of usage or a job, or --month, --from or --until for all of a period",
            )?;
            let (drawn, sum) = parts.of_period(&store, period)?;
            (drawn, Some(sum))
        }
    };
    let is_any_drawn = drawn.first().is_some_and(|first| first.part == DRAWN);
    rows.write(drawn)?;
    if rows.format != RowFormat::Table {
        return Ok(());
    }
    let rule = is_any_drawn.then(|| RULE.to_owned());
    let mut lines = sum.into_iter().chain(rule);
    lines.try_for_each(|line| heard(say(format_args!("{line}"))))
}

const DRAWN: &str = "drawn";

/// The rows of an account.
struct Parts {
    account: Account,
    ids: GrantIds,
}

impl Parts {
    /// Of one record.
    fn of_usage(
        &self,
        store: &OpenStore,
        id: &RecordId,
        revision: Revision,
    ) -> anyhow::Result<Vec<PartRow>> {
        let name = &self.account.key().name;
        let statement = store.ask(|store| store.usage_statement(name, id, revision))?;
        let draws = statement.draws.iter();
        let draws = draws.map(|draw| PartRow {
            first: Some(draw.first),
            last: Some(draw.last),
            drawn_at: Some(draw.drawn_at),
            ..self.drawn(draw.grant, draw.amount, Some(id))
        });
        let rest = self.rest(Some(id), statement.deficit, statement.dropped);
        Ok(draws.chain(rest).collect())
    }

    /// Of all that was drawn in a period; and a line that adds it up.
    fn of_period(
        &self,
        store: &OpenStore,
        period: Period,
    ) -> anyhow::Result<(Vec<PartRow>, String)> {
        let start = period.from.or(self.account.closed_until());
        let range = start.unwrap_or(i64::MIN).min(period.until - 1)..period.until;
        let (draws, statement) = store.ask_account(&self.account, |account| {
            let draws: Vec<RecordedDraw> = account.draws(range.clone())?.collect();
            Ok((draws, account.statement(range)?))
        })?;
        let ids = self.usage_ids(store, &draws)?;
        let rows = draws.iter().map(|RecordedDraw { draw, usage, .. }| {
            let id = usage.and_then(|revision| ids.get(&revision));
            PartRow {
                first: Some(draw.first),
                last: Some(draw.last),
                drawn_at: Some(draw.drawn_at),
                ..self.drawn(draw.grant, draw.amount, id)
            }
        });
        let rest = self.rest(None, statement.deficit, statement.dropped);
        let rows = rows.chain(rest).collect();
        Ok((rows, usage_line(&self.account, &statement)))
    }

    /// The record ids of usage that was drawn.
    fn usage_ids(
        &self,
        store: &OpenStore,
        draws: &[RecordedDraw],
    ) -> anyhow::Result<HashMap<Revision, RecordId>> {
        let wanted: HashSet<Revision> = draws.iter().filter_map(|draw| draw.usage).collect();
        store.record_ids(&self.account.key().name, |entry| {
            wanted.contains(&entry.revision)
        })
    }

    fn part(&self, part: &'static str, amount: u64, id: Option<&RecordId>) -> PartRow {
        PartRow {
            account: self.account.key().name.to_string(),
            record_id: id.cloned(),
            part,
            amount,
            grant_record_id: None,
            credit_id: None,
            first: None,
            last: None,
            drawn_at: None,
            grant_priority: None,
            grant_end: None,
        }
    }

    fn drawn(&self, grant: GrantId, amount: u64, id: Option<&RecordId>) -> PartRow {
        let (grant_record_id, credit_id) = self.ids.names(&self.account, grant);
        let posted = self.account.ledger().grant(grant);
        PartRow {
            grant_record_id: Some(grant_record_id),
            credit_id: Some(credit_id),
            grant_priority: posted.map(|grant| grant.priority),
            grant_end: posted.map(|grant| grant.end),
            ..self.part(DRAWN, amount, id)
        }
    }

    /// What no grant has covered.
    fn rest(
        &self,
        id: Option<&RecordId>,
        deficit: u64,
        dropped: u64,
    ) -> impl Iterator<Item = PartRow> {
        let rest = [("deficit", deficit), ("dropped", dropped)];
        let rest = rest.into_iter().filter(|(_, amount)| *amount > 0);
        rest.map(move |(word, amount)| self.part(word, amount, id))
    }
}
