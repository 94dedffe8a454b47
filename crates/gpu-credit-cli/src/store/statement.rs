//! `gpu-credit statement`: what became of all credit and all usage.

use anyhow::ensure;
use clap::{Args, ValueEnum};
use gpu_credit::{GrantPeriod, PeriodStatement};
use gpu_credit_store::{Account, Revision};
use serde::Serialize;

use super::period::{Period, PeriodArguments};
use super::{GrantIds, OpenStore, RecordedArguments, StoreArguments};
use crate::escape::printable;
use crate::rows::{Row, RowArguments, RowFormat, or_empty, or_none};
use crate::time::TimeArguments;
use crate::{complain, heard, say};

pub(crate) const HELP: &str = "\
A row for each grant that was active: remaining_before and granted (its amount,
if it starts in the period) add up to drawn, lapsed at its end, forfeited,
revoked and remaining. With --by account a row for each account, which adds
them up, and has all usage: deficit_before and used add up to drawn, dropped
and deficit. CSV and JSON have that with --by account only; if rows of grants
do not tell all usage, a note on standard error says so. first and last are the
first and the last instant of the period. revision is that of the account:
--as-recorded asks for this statement again, whatever is posted later.

--month, or --from and --until, name a period: a grant that ends with it has
lapsed in it, so that two months add up to both. Without them the statement has
all up to --at, as the balance has. It begins at the close of the books, if
they are closed: --as-recorded asks for a month that was closed.

Example:
  gpu-credit statement account-01 --at 2025-02-10 --unit s
  gpu-credit statement --month 2025-02 --by account --format csv --unit s";

#[derive(Args)]
pub(crate) struct StatementArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The names of accounts; all if none is given
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// The last instant, of a statement from the beginning
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true,
        conflicts_with_all = ["from", "until", "month"]
    )]
    at: String,
    #[command(flatten)]
    period: PeriodArguments,
    /// What has a row: grant or account
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value_t = By::Grant,
        hide_possible_values = true
    )]
    by: By,
    /// The record id of a grant of one account, for its row alone
    #[arg(long, value_name = "ID", conflicts_with = "by")]
    grant: Option<String>,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// A row for each grant
    Grant,
    /// A row for each account
    Account,
}

/// What a statement is of.
#[derive(Clone, Copy)]
enum Of {
    /// Up to an instant, which is part of it.
    At(i64),
    Period(Period),
}

#[derive(Serialize)]
struct GrantRow {
    account: String,
    grant_record_id: String,
    credit_id: String,
    start: i64,
    /// The last instant of the window.
    end: i64,
    remaining_before: u64,
    granted: u64,
    drawn: u64,
    lapsed: u64,
    forfeited: u64,
    revoked: u64,
    remaining: u64,
    revision: Revision,
}

impl Row for GrantRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "grant_record_id",
        "credit_id",
        "start",
        "end",
        "remaining_before",
        "granted",
        "drawn",
        "lapsed",
        "forfeited",
        "revoked",
        "remaining",
        "revision",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.grant_record_id.clone(),
            self.credit_id.clone(),
            times.show(self.start),
            times.show(self.end),
            self.remaining_before.to_string(),
            self.granted.to_string(),
            self.drawn.to_string(),
            self.lapsed.to_string(),
            self.forfeited.to_string(),
            self.revoked.to_string(),
            self.remaining.to_string(),
            self.revision.to_string(),
        ]
    }
}

#[derive(Serialize)]
struct AccountRow {
    account: String,
    /// None if it is the beginning.
    first: Option<i64>,
    last: i64,
    remaining_before: u64,
    granted: u64,
    drawn: u64,
    lapsed: u64,
    forfeited: u64,
    revoked: u64,
    remaining: u64,
    deficit_before: u64,
    used: u64,
    dropped: u64,
    deficit: u64,
    revision: Revision,
}

impl Row for AccountRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "first",
        "last",
        "remaining_before",
        "granted",
        "drawn",
        "lapsed",
        "forfeited",
        "revoked",
        "remaining",
        "deficit_before",
        "used",
        "dropped",
        "deficit",
        "revision",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            or_empty(self.first.map(|first| times.show(first))),
            times.show(self.last),
            self.remaining_before.to_string(),
            self.granted.to_string(),
            self.drawn.to_string(),
            self.lapsed.to_string(),
            self.forfeited.to_string(),
            self.revoked.to_string(),
            self.remaining.to_string(),
            self.deficit_before.to_string(),
            self.used.to_string(),
            self.dropped.to_string(),
            self.deficit.to_string(),
            self.revision.to_string(),
        ]
    }
}

pub(crate) fn run(arguments: &StatementArguments) -> anyhow::Result<()> {
    let rows = &arguments.rows;
    ensure!(
        arguments.grant.is_none() || arguments.accounts.len() == 1,
        "--grant: expected one account, of which it is a grant"
    );
    let store = arguments.store.open_to_ask_for(&rows.times)?;
    store.fetch(&arguments.accounts)?;
    let of = arguments.of()?;
    let asked = store.accounts_as_recorded(&arguments.accounts, &arguments.recorded)?;
    let (mut grants, mut accounts, mut sums) = (Vec::new(), Vec::new(), Vec::new());
    for (name, revision) in asked {
        let account = store.ask(|store| store.as_recorded(&name, revision))?;
        let statement = store.ask_account(&account, |account| of.ask(account))?;
        match arguments.by {
            By::Account => accounts.push(account_row(&account, of, &statement)),
            By::Grant => {
                grants.extend(grant_rows(&store, &account, &statement)?);
                sums.push(SumOfUsage::new(&rows.times, &account, of, &statement));
            }
        }
        if let Some(id) = &arguments.grant {
            ensure_is_grant(&store, &account, id)?;
            grants.retain(|row| row.grant_record_id == *id);
        }
    }
    if arguments.by == By::Account {
        return rows.write(accounts);
    }
    rows.write(grants)?;
    if arguments.grant.is_some() {
        return Ok(());
    }
    if rows.format == RowFormat::Table {
        let mut lines = sums.iter().map(|sum| &sum.line);
        return lines.try_for_each(|line| heard(say(format_args!("{line}"))));
    }
    for sum in sums.iter().filter(|sum| !sum.is_all_drawn) {
        let line = &sum.line;
        let note =
            format!("note: rows of grants do not tell all usage, rows --by account do: {line}");
        complain(format_args!("{}", printable(&note)));
    }
    Ok(())
}

impl StatementArguments {
    fn of(&self) -> anyhow::Result<Of> {
        let times = &self.rows.times;
        Ok(match self.period.get(times)? {
            Some(period) => Of::Period(period),
            None => Of::At(times.instant("--at", &self.at)?),
        })
    }
}

impl Of {
    fn ask(self, account: &Account) -> Result<PeriodStatement, gpu_credit_store::Error> {
        Ok(match self {
            Of::At(timestamp) => account.statement_at(timestamp)?,
            Of::Period(Period { until, .. }) => {
                // One that is closed to its end begins before the close, and is refused.
                let first = self.first(account).unwrap_or(i64::MIN).min(until - 1);
                account.statement(first..until)?
            }
        })
    }

    /// The first instant; `None` if it is the beginning.
    fn first(self, account: &Account) -> Option<i64> {
        match self {
            Of::Period(Period {
                from: Some(from), ..
            }) => Some(from),
            Of::Period(_) | Of::At(_) => account.closed_until(),
        }
    }

    fn last(self) -> i64 {
        match self {
            Of::At(timestamp) => timestamp,
            Of::Period(Period { until, .. }) => until - 1,
        }
    }
}

fn account_row(account: &Account, of: Of, statement: &PeriodStatement) -> AccountRow {
    let sum = |part: fn(&GrantPeriod) -> u64| statement.grants.iter().map(part).sum();
    AccountRow {
        account: account.key().name.to_string(),
        first: of.first(account),
        last: of.last(),
        remaining_before: sum(|grant| grant.remaining_before),
        granted: sum(|grant| grant.granted),
        drawn: sum(|grant| grant.drawn),
        lapsed: sum(|grant| grant.lapsed),
        forfeited: sum(|grant| grant.forfeited),
        revoked: sum(|grant| grant.revoked),
        remaining: sum(|grant| grant.remaining),
        deficit_before: statement.deficit_before,
        used: statement.used,
        dropped: statement.dropped,
        deficit: statement.deficit,
        revision: account.revision(),
    }
}

fn grant_rows(
    store: &OpenStore,
    account: &Account,
    statement: &PeriodStatement,
) -> anyhow::Result<Vec<GrantRow>> {
    let ids = store.grant_ids(&account.key().name)?;
    let grants = statement.grants.iter();
    Ok(grants
        .filter_map(|grant| grant_row(account, &ids, grant))
        .collect())
}

fn grant_row(account: &Account, ids: &GrantIds, period: &GrantPeriod) -> Option<GrantRow> {
    let posted = account.ledger().grant(period.grant)?;
    let (grant_record_id, credit_id) = ids.names(account, period.grant);
    Some(GrantRow {
        account: account.key().name.to_string(),
        grant_record_id,
        credit_id,
        start: posted.start,
        end: posted.end,
        remaining_before: period.remaining_before,
        granted: period.granted,
        drawn: period.drawn,
        lapsed: period.lapsed,
        forfeited: period.forfeited,
        revoked: period.revoked,
        remaining: period.remaining,
        revision: account.revision(),
    })
}

fn ensure_is_grant(store: &OpenStore, account: &Account, id: &str) -> anyhow::Result<()> {
    let ids = store.grant_ids(&account.key().name)?;
    match ids.find(account, id) {
        Some(_) => Ok(()),
        None => Err(store.no_such_grant(account, id)),
    }
}

/// What became of all usage of an account.
struct SumOfUsage {
    /// For people.
    line: String,
    /// Whether the rows of grants have all of it.
    is_all_drawn: bool,
}

impl SumOfUsage {
    fn new(times: &TimeArguments, account: &Account, of: Of, statement: &PeriodStatement) -> Self {
        let balance = match of {
            Of::Period(_) => String::new(),
            Of::At(at) => format!(
                "; balance {} at {}",
                or_none(account.ledger().get_balance(at)),
                times.show(at)
            ),
        };
        let (usage, revision) = (usage_line(account, statement), account.revision());
        SumOfUsage {
            line: format!("{usage}{balance}; revision {revision}"),
            is_all_drawn: statement.used == statement.drawn,
        }
    }
}

/// That usage is drawn, a deficit or dropped.
pub(super) fn usage_line(account: &Account, statement: &PeriodStatement) -> String {
    let PeriodStatement {
        deficit_before,
        used,
        drawn,
        dropped,
        deficit,
        ..
    } = statement;
    let name = &account.key().name;
    let before = match deficit_before {
        0 => String::new(),
        before => format!("deficit before {before} + "),
    };
    format!("{name}: {before}used {used} = drawn {drawn} + deficit {deficit} + dropped {dropped}")
}
