//! `gpu-credit balance`: asks accounts for their balance.

use clap::Args;
use gpu_credit::Answer;
use gpu_credit_store::Account;
use serde::Serialize;

use super::remote::AskedBalance;
use super::{OpenStore, RecordedArguments, StoreArguments};
use crate::rows::{Row, RowArguments, or_none};
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
The status is
  available   a grant is active, and there is no deficit. The balance may be 0;
              under carry:C usage beyond it may have been dropped, which
              gpu-credit statement says
  overdrawn   a grant is active, and there is a deficit: the balance is none
  spent       under the policy forfeit: all that is active is used
  inactive    no grant is active: the balance is none
The deficit is what no grant has covered yet, also while none is active.

Example:
  gpu-credit balance account-01 account-02 --at 2025-02-10 --unit s";

#[derive(Args)]
pub(crate) struct BalanceArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The names of accounts; all if none is given
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// The instant; may be given several times
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    at: Vec<String>,
    #[command(flatten)]
    recorded: RecordedArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct BalanceRow {
    account: String,
    timestamp: i64,
    balance: Option<u64>,
    status: &'static str,
    deficit: u64,
}

impl Row for BalanceRow {
    const HEADER: &'static [&'static str] =
        &["account", "timestamp", "balance", "status", "deficit"];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            times.show(self.timestamp),
            or_none(self.balance),
            self.status.to_owned(),
            self.deficit.to_string(),
        ]
    }
}

impl BalanceRow {
    fn new(account: &Account, timestamp: i64, answer: Answer) -> Self {
        Self {
            account: account.key().name.to_string(),
            timestamp,
            balance: answer.balance,
            status: answer.status.as_str(),
            deficit: answer.deficit,
        }
    }
}

impl BalanceArguments {
    /// The balances of accounts that are named, as a service answers them by one request; `None` if the store is here,
    /// or the service does not answer that: then the accounts are asked, and say why.
    fn asked_at_once(&self, store: &OpenStore, instants: &[i64]) -> Option<Vec<BalanceRow>> {
        let remote = store.remote.as_ref()?;
        if self.accounts.is_empty() || !self.recorded.is_now() {
            return None;
        }
        let balances = remote.balances(&self.accounts, instants).ok()??;
        let row = |asked: AskedBalance| BalanceRow {
            account: asked.account,
            timestamp: asked.timestamp,
            balance: asked.balance,
            status: asked.status,
            deficit: asked.deficit,
        };
        Some(balances.into_iter().map(row).collect())
    }
}

pub(crate) fn run(arguments: &BalanceArguments) -> anyhow::Result<()> {
    let times = &arguments.rows.times;
    let store = arguments.store.open_to_ask_for(times)?;
    let instants: Vec<i64> = (arguments.at.iter())
        .map(|typed| times.instant("--at", typed))
        .collect::<Result<_, _>>()?;
    if let Some(rows) = arguments.asked_at_once(&store, &instants) {
        return arguments.rows.write(rows);
    }
    store.fetch(&arguments.accounts)?;
    let mut rows = Vec::new();
    let asked = store.accounts_as_recorded(&arguments.accounts, &arguments.recorded)?;
    for (name, revision) in asked {
        let account = store.ask(|store| store.as_recorded(&name, revision))?;
        for instant in &instants {
            let answer =
                store.ask_account(&account, |account| Ok(account.balance_at(*instant)?))?;
            rows.push(BalanceRow::new(&account, *instant, answer));
        }
    }
    arguments.rows.write(rows)
}
