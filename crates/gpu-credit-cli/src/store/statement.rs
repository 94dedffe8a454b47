//! `gpu-credit statement`: where all credit and all usage went.

use std::io::{self, Write};

use clap::Args;
use gpu_credit::{GrantStatement, Statement};
use gpu_credit_store::Account;
use serde::Serialize;

use super::{GrantIds, RecordedArguments, StoreArguments};
use crate::rows::{Row, RowArguments, RowFormat, or_none, write_table};
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
A row for each grant that has started by then. Its amount is the sum of what
was drawn from it, what lapsed at its end, what was forfeited or revoked, and
what is remaining. The last line is about all usage by then: used is the sum of
drawn, deficit and dropped. CSV has the grants alone; JSON is one object with
both. If the books are closed, a grant's amount is what was left of it at the
close.

Example:
  gpu-credit statement account-01 --at 2025-02-10 --unit s";

#[derive(Args)]
pub(crate) struct StatementArguments {
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
    /// The record id of a grant, for its row alone
    #[arg(long, value_name = "ID")]
    grant: Option<String>,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct GrantRow {
    grant_record_id: String,
    credit_id: String,
    start: i64,
    /// The last instant of the window.
    end: i64,
    amount: u64,
    drawn: u64,
    lapsed: u64,
    forfeited: u64,
    revoked: u64,
    remaining: u64,
}

impl Row for GrantRow {
    const HEADER: &'static [&'static str] = &[
        "grant_record_id",
        "credit_id",
        "start",
        "end",
        "amount",
        "drawn",
        "lapsed",
        "forfeited",
        "revoked",
        "remaining",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.grant_record_id.clone(),
            self.credit_id.clone(),
            times.show(self.start),
            times.show(self.end),
            self.amount.to_string(),
            self.drawn.to_string(),
            self.lapsed.to_string(),
            self.forfeited.to_string(),
            self.revoked.to_string(),
            self.remaining.to_string(),
        ]
    }
}

/// All of an account.
#[derive(Serialize)]
struct AccountStatement {
    account: String,
    timestamp: i64,
    balance: Option<u64>,
    used: u64,
    drawn: u64,
    deficit: u64,
    dropped: u64,
    grants: Vec<GrantRow>,
}

pub(crate) fn run(arguments: &StatementArguments) -> anyhow::Result<()> {
    let rows = &arguments.rows;
    let store = arguments.store.open_to_ask_for(&rows.times)?;
    let at = rows.times.instant("--at", &arguments.at)?;
    let account = store.account(&arguments.account, &arguments.recorded)?;
    let ids = store.grant_ids(&arguments.account)?;
    // Refuses what is before the close of the books.
    let answer = store.ask_account(&account, |account| Ok(account.balance_at(at)?))?;
    let balance = answer.balance;
    if let Some(id) = &arguments.grant {
        let grant = ids.find(&account, id);
        let grant = grant.ok_or_else(|| store.no_such_grant(&account, id))?;
        let statement = account.ledger().grant_statement(grant, at);
        let row = statement.and_then(|statement| row(&account, &ids, &statement));
        return rows.write(row);
    }
    let statement = account.ledger().statement(at);
    let statement = of_account(&account, &ids, at, balance, &statement);
    let mut output = rows.output();
    match rows.format {
        RowFormat::Json => {
            serde_json::to_writer(&mut output, &statement).map_err(io::Error::from)?;
            writeln!(output)?;
        }
        RowFormat::Csv => rows.write_csv(&mut output, statement.grants)?,
        RowFormat::Table => {
            let total = total(&statement, &rows.times);
            write_table(&mut output, &rows.times, statement.grants)?;
            writeln!(output, "{total}")?;
        }
    }
    Ok(output.flush()?)
}

fn of_account(
    account: &Account,
    ids: &GrantIds,
    timestamp: i64,
    balance: Option<u64>,
    statement: &Statement,
) -> AccountStatement {
    let grants = statement.grants.iter();
    AccountStatement {
        account: account.key().name.to_string(),
        timestamp,
        balance,
        used: statement.used,
        drawn: statement.drawn,
        deficit: statement.deficit,
        dropped: statement.dropped,
        grants: grants
            .filter_map(|grant| row(account, ids, grant))
            .collect(),
    }
}

fn row(account: &Account, ids: &GrantIds, statement: &GrantStatement) -> Option<GrantRow> {
    let posted = account.ledger().grant(statement.grant)?;
    let (grant_record_id, credit_id) = ids.names(account, statement.grant);
    Some(GrantRow {
        grant_record_id,
        credit_id,
        start: posted.start,
        end: posted.end,
        amount: statement.amount,
        drawn: statement.drawn,
        lapsed: statement.lapsed,
        forfeited: statement.forfeited,
        revoked: statement.revoked,
        remaining: statement.remaining,
    })
}

fn total(statement: &AccountStatement, times: &TimeArguments) -> String {
    let AccountStatement {
        used,
        drawn,
        deficit,
        dropped,
        ..
    } = statement;
    format!(
        "balance {} at {}; used {used} = drawn {drawn} + deficit {deficit} + dropped {dropped}",
        or_none(statement.balance),
        times.show(statement.timestamp),
    )
}
