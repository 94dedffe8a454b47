//! `gpu-credit accounts`: lists the accounts.

use clap::Args;
use gpu_credit_store::{Account, Revision, Store};
use serde::Serialize;

use super::StoreArguments;
use crate::rows::{Row, RowArguments, or_none};
use crate::time::TimeArguments;

pub(crate) const HELP: &str = "\
granted and used are sums over all records that are not retracted. If the books
are closed, closed_until is the first instant that is open, and the sums are of
what counts from then on. revision is that of the last entry: how many entries
the account has.

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
    revision: Revision,
    granted: u64,
    usage_records: usize,
    used: u64,
    closed_until: Option<i64>,
}

impl Row for AccountRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "policy",
        "revision",
        "granted",
        "usage_records",
        "used",
        "closed_until",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.policy.clone(),
            self.revision.to_string(),
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
            revision: account.revision(),
            granted: ledger.granted(),
            usage_records: ledger.usage_count() + ledger.metered_count(),
            used: ledger.used(),
            closed_until: account.closed_until(),
        }
    }
}

pub(crate) fn run(arguments: &AccountsArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask_for(&arguments.rows.times)?;
    store.fetch::<&str>(&[])?;
    let mut rows = Vec::new();
    for key in store.ask(Store::accounts)? {
        // Not kept in memory, as the store would keep it: there may be many.
        let account = store.ask(|store| {
            let revision = store.head(&key.name)?.revision;
            store.as_recorded(&key.name, revision)
        })?;
        rows.push(AccountRow::of(&account));
    }
    arguments.rows.write(rows)
}
