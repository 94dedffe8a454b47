//! `gpu-credit statement`: what became of all credit and all usage.

use anyhow::ensure;
use clap::{Args, ValueEnum};
use gpu_credit::{GrantPeriod, PeriodStatement};
use gpu_credit_store::Account;
use serde::Serialize;

use super::{GrantIds, OpenStore, RecordedArguments, StoreArguments};
use crate::rows::{Row, RowArguments, RowFormat, or_empty, or_none};
use crate::time::TimeArguments;
use crate::{heard, say};

pub(crate) const HELP: &str = "\
A row for each grant that was active: remaining_before and granted (its amount,
if it starts in the period) add up to drawn, lapsed at its end, forfeited,
revoked and remaining. With --by account a row for each account, which adds
them up, and has all usage: deficit_before and used add up to drawn, dropped
and deficit. CSV and JSON have that with --by account only. first and last are
the first and the last instant of the period.

--from and --until name a period, such as a month: a grant that ends with it
has lapsed in it, so that two months add up to both. Without them the statement
has all up to --at, as the balance has. It begins at the close of the books, if
they are closed: --as-recorded asks for a month that was closed.

Example:
  gpu-credit statement account-01 --at 2025-02-10 --unit s
  gpu-credit statement --from 2025-02-01 --until 2025-03-01 --by account \\
    --format csv --unit s";

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
        conflicts_with_all = ["from", "until"]
    )]
    at: String,
    /// The first instant of a period
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// The first instant after a period; now if --from alone is given
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
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
    /// From an instant, or from the beginning, until one that is not part of it.
    Period(Option<i64>, i64),
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
                sums.push(usage_line(&rows.times, &account, of, &statement));
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
    if rows.format != RowFormat::Table || arguments.grant.is_some() {
        return Ok(());
    }
    sums.iter()
        .try_for_each(|line| heard(say(format_args!("{line}"))))
}

impl StatementArguments {
    fn of(&self) -> anyhow::Result<Of> {
        let times = &self.rows.times;
        if self.from.is_none() && self.until.is_none() {
            return Ok(Of::At(times.instant("--at", &self.at)?));
        }
        let until = times.instant("--until", self.until.as_deref().unwrap_or("now"))?;
        let from = match &self.from {
            Some(from) => Some(times.instant("--from", from)?),
            None => None,
        };
        let earliest = from.unwrap_or(i64::MIN);
        ensure!(
            earliest < until,
            "--until: found {}, expected an instant after {}",
            times.show(until),
            times.show(earliest)
        );
        Ok(Of::Period(from, until))
    }
}

impl Of {
    fn ask(self, account: &Account) -> Result<PeriodStatement, gpu_credit_store::Error> {
        Ok(match self {
            Of::At(timestamp) => account.statement_at(timestamp)?,
            Of::Period(_, until) => {
                // One that is closed to its end begins before the close, and is refused.
                let first = self.first(account).unwrap_or(i64::MIN).min(until - 1);
                account.statement(first..until)?
            }
        })
    }

    /// The first instant; `None` if it is the beginning.
    fn first(self, account: &Account) -> Option<i64> {
        match self {
            Of::Period(Some(from), _) => Some(from),
            Of::Period(None, _) | Of::At(_) => account.closed_until(),
        }
    }

    fn last(self) -> i64 {
        match self {
            Of::At(timestamp) => timestamp,
            Of::Period(_, until) => until - 1,
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
    })
}

fn ensure_is_grant(store: &OpenStore, account: &Account, id: &str) -> anyhow::Result<()> {
    let ids = store.grant_ids(&account.key().name)?;
    match ids.find(account, id) {
        Some(_) => Ok(()),
        None => Err(store.no_such_grant(account, id)),
    }
}

/// All usage of an account, for people.
fn usage_line(
    times: &TimeArguments,
    account: &Account,
    of: Of,
    statement: &PeriodStatement,
) -> String {
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
    let balance = match of {
        Of::Period(..) => String::new(),
        Of::At(at) => format!(
            "; balance {} at {}",
            or_none(account.ledger().get_balance(at)),
            times.show(at)
        ),
    };
    format!(
        "{name}: {before}used {used} = drawn {drawn} + deficit {deficit} + dropped {dropped}{balance}"
    )
}
