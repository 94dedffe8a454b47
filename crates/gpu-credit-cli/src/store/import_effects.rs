//! What an import would do to balances, for people.

use std::io::{self, BufWriter, Write};

use gpu_credit_store::ImportEffect;
use serde::Serialize;

use super::OpenStore;
use crate::rows::{Row, or_empty, or_none, write_table};
use crate::time::TimeArguments;

#[derive(Serialize)]
struct EffectRow {
    account: String,
    timestamp: i64,
    /// None of an account that is not there.
    balance_before: Option<String>,
    deficit_before: Option<u64>,
    balance: Option<u64>,
    deficit: u64,
    status: &'static str,
}

impl Row for EffectRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "timestamp",
        "balance_before",
        "deficit_before",
        "balance",
        "deficit",
        "status",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            times.show(self.timestamp),
            or_empty(self.balance_before.as_ref()),
            or_empty(self.deficit_before),
            or_none(self.balance),
            self.deficit.to_string(),
            self.status.to_owned(),
        ]
    }
}

impl From<ImportEffect> for EffectRow {
    fn from(effect: ImportEffect) -> Self {
        let ImportEffect {
            account,
            timestamp,
            before,
            after,
            ..
        } = effect;
        EffectRow {
            account,
            timestamp,
            balance_before: before.map(|before| or_none(before.balance)),
            deficit_before: before.map(|before| before.deficit),
            balance: after.balance,
            deficit: after.deficit,
            status: after.status.as_str(),
        }
    }
}

/// Writes a table of them, if there are any.
pub(super) fn write_effects(store: &OpenStore, effects: Vec<ImportEffect>) -> anyhow::Result<()> {
    if effects.is_empty() {
        return Ok(());
    }
    let times = TimeArguments::default();
    store.ask(|store| times.show_in_unit_of(store))?;
    let mut output = BufWriter::new(io::stdout().lock());
    write_table(
        &mut output,
        &times,
        effects.into_iter().map(EffectRow::from),
    )?;
    Ok(output.flush()?)
}
