//! What an import of events would do to the balances of its accounts.

use gpu_credit::{Answer, GpuCredit, GrantRecord, MeteredUsage};
use hashbrown::HashMap;

use super::ImportOptions;
use super::accounts::AccountIndex;
use super::checking::Checked;
use super::reading::{ReadFile, StagedRow};
use crate::{Change, Error, ImportError, Storage, Store};

/// Bytes of an entry of an account that is held.
const ENTRY_BYTES: u64 = 100;
/// Bytes of an account, besides.
const ACCOUNT_BYTES: u64 = 4_000;

/// The balance of an account before and after an import, once all that is new has taken effect: metered
/// usage at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportEffect {
    /// The name of the account.
    pub account: String,
    /// The last instant at which something new takes effect.
    pub timestamp: i64,
    /// The answer at that instant as it is; `None` if the account is not there.
    pub before: Option<Answer>,
    /// The answer once the file is posted.
    pub after: Answer,
}

/// What is new of an account.
#[derive(Clone, Copy)]
struct New {
    rows: u64,
    last: i64,
}

/// An account with what is new of it so far.
struct Changed {
    before: Option<Answer>,
    ledger: GpuCredit,
}

/// The effects on all accounts that the file has something new for, by name. Accounts are loaded, as many at
/// a time as the memory holds; the rows are read again each time.
pub(super) fn effects<S: Storage>(
    store: &Store<S>,
    file: &mut ReadFile,
    checked: &Checked,
    options: &ImportOptions,
) -> Result<Vec<ImportEffect>, Error> {
    let new = new_of_accounts(file, checked)?;
    let mut effects = Vec::new();
    let mut start = 0;
    while start < new.len() {
        let end = start + fitting(&new[start..], checked, options);
        let group = &new[start..end];
        let mut changed = HashMap::new();
        for (account, new) in group {
            let name = &file.accounts[account.get()];
            changed.insert(
                *account,
                Changed::load(store, name, *account, new.last, checked, options)?,
            );
        }
        apply(file, checked, &mut changed)?;
        for (account, New { last, .. }) in group {
            let Changed { before, ledger } = &changed[account];
            effects.push(ImportEffect {
                account: file.accounts[account.get()].to_string(),
                timestamp: *last,
                before: *before,
                after: ledger.balance_at(*last),
            });
        }
        start = end;
    }
    effects.sort_unstable_by(|one, other| one.account.cmp(&other.account));
    Ok(effects)
}

/// Tells `new` of every row that is new.
fn visit_new(
    file: &mut ReadFile,
    checked: &Checked,
    mut new: impl FnMut(StagedRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut rows, mut place) = (file.staging.read()?, 0);
    while let Some(row) = rows.next()? {
        if checked.is_new(place) {
            new(row)?;
        }
        place += 1;
    }
    Ok(())
}

fn new_of_accounts(
    file: &mut ReadFile,
    checked: &Checked,
) -> Result<Vec<(AccountIndex, New)>, Error> {
    let mut accounts: HashMap<AccountIndex, New> = HashMap::new();
    visit_new(file, checked, |row| {
        let at = takes_effect(&row.change);
        let new = accounts
            .entry(row.account)
            .or_insert(New { rows: 0, last: at });
        new.rows += 1;
        new.last = new.last.max(at);
        Ok(())
    })?;
    let mut accounts: Vec<(AccountIndex, New)> = accounts.into_iter().collect();
    accounts.sort_unstable_by_key(|(account, _)| *account);
    Ok(accounts)
}

/// How many of these accounts the memory holds; one at least.
fn fitting(new: &[(AccountIndex, New)], checked: &Checked, options: &ImportOptions) -> usize {
    let mut bytes: u64 = 0;
    let fits = |(account, New { rows, .. }): &&(AccountIndex, New)| {
        let head = checked.heads[account.get()].as_ref();
        let entries = rows + head.map_or(0, |head| head.revision.get());
        bytes = bytes.saturating_add(ACCOUNT_BYTES + ENTRY_BYTES * entries);
        bytes <= options.memory_bytes_max as u64
    };
    new.iter().take_while(fits).count().max(1)
}

impl Changed {
    fn load<S: Storage>(
        store: &Store<S>,
        name: &str,
        account: AccountIndex,
        at: i64,
        checked: &Checked,
        options: &ImportOptions,
    ) -> Result<Self, Error> {
        let Some(head) = &checked.heads[account.get()] else {
            return Ok(Changed {
                before: None,
                ledger: GpuCredit::with_overdraft(options.policy),
            });
        };
        let account = store.as_recorded(name, head.revision)?;
        Ok(Changed {
            before: Some(account.ledger().balance_at(at)),
            ledger: account.ledger().clone(),
        })
    }
}

fn apply(
    file: &mut ReadFile,
    checked: &Checked,
    changed: &mut HashMap<AccountIndex, Changed>,
) -> Result<(), Error> {
    visit_new(
        file,
        checked,
        |StagedRow {
             line,
             account,
             change,
             ..
         }| {
            let Some(Changed { ledger, .. }) = changed.get_mut(&account) else {
                return Ok(());
            };
            let posted = post(ledger, &change);
            let error = |limit: gpu_credit::Error| ImportError::Refused {
                line,
                error: limit.into(),
            };
            Ok(posted.map_err(error)?)
        },
    )?;
    for Changed { ledger, .. } in changed.values_mut() {
        ledger.settle();
    }
    Ok(())
}

fn post(ledger: &mut GpuCredit, change: &Change) -> Result<(), gpu_credit::Error> {
    match change {
        Change::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority,
        } => {
            let expiration = expiration.unwrap_or(timestamp.abs_diff(i64::MAX));
            let grant = GrantRecord::new(credit_id, *amount, *timestamp, expiration);
            ledger.post_grant(grant.priority(*priority)).map(|_| ())
        }
        Change::Usage { amount, timestamp } => ledger.subtract(*amount, *timestamp).map(|_| ()),
        &Change::MeteredUsage { rate, from, until } => ledger
            .post_metered(MeteredUsage { rate, from, until })
            .map(|_| ()),
        other => unreachable!("no row of an events file is {other:?}"),
    }
}

/// When a record has taken effect.
fn takes_effect(change: &Change) -> i64 {
    match change {
        Change::Grant { timestamp, .. } | Change::Usage { timestamp, .. } => *timestamp,
        Change::MeteredUsage { until, .. } => *until,
        other => unreachable!("no row of an events file is {other:?}"),
    }
}
