//! `gpu-credit accounts`: lists the accounts.

use clap::Args;
use gpu_credit_store::{Account, Sequence, Store};
use serde::Serialize;

use super::StoreArguments;
use crate::rows::{Row, RowArguments, or_none};
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
granted and used are sums over all records that are not retracted. If the books
are closed, closed_until is the first instant that is open, and the sums are of
what counts from then on. opened_sequence and last_sequence are the first and
the last entry of the account.

Example:
  gpu-credit accounts";

#[derive(Args)]
pub(crate) struct AccountsArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    rows: RowArguments,
}

#[derive(Serialize)]
struct AccountRow {
    account: String,
    policy: String,
    opened_sequence: Sequence,
    last_sequence: Sequence,
    granted: u64,
    usage_records: usize,
    used: u64,
    closed_until: Option<i64>,
}

impl Row for AccountRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "policy",
        "opened_sequence",
        "last_sequence",
        "granted",
        "usage_records",
        "used",
        "closed_until",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.policy.clone(),
            self.opened_sequence.to_string(),
            self.last_sequence.to_string(),
            self.granted.to_string(),
            self.usage_records.to_string(),
            self.used.to_string(),
            or_none(self.closed_until.map(|until| times.show(until))),
        ]
    }
}

impl AccountRow {
    fn of(account: &Account) -> Self {
        let ledger = account.ledger();
        Self {
            account: account.key().name.to_string(),
            policy: account.policy().to_string(),
            opened_sequence: account.key().opened,
            last_sequence: account.last_sequence(),
            granted: ledger.granted(),
            usage_records: ledger.usage_count() + ledger.metered_count(),
            used: ledger.used(),
            closed_until: account.closed_until(),
        }
    }
}

pub(crate) fn run(arguments: &AccountsArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask_for(&arguments.rows.times)?;
    let mut rows = Vec::new();
    for key in store.ask(Store::accounts)? {
        // Not kept in memory, as the store would keep it: there may be many.
        let account = store.ask(|store| store.as_recorded(&key.name, Sequence::END))?;
        rows.push(AccountRow::of(&account));
    }
    arguments.rows.write(rows)
}
