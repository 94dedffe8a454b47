//! An account as its entries make it.

use std::ops::{ControlFlow, Range};

use crate::account::NotApplicable;
use crate::facts::Record;
use crate::snapshot::{self, Keeper};
use crate::{Account, AccountKey, Change, Entry, Error, JournalError, Reader, Revision, Sequence};

/// Entries that are folded at a time.
const FOLDED_AT_ONCE: usize = 8_192;

/// The account as its entries up to `revision` make it, those that are written up to `through`; both are
/// included. It is read from the last snapshot and the entries after it.
pub(crate) fn load(
    journal: &dyn Reader,
    key: &AccountKey,
    revision: Revision,
    through: Sequence,
    keeper: &Keeper,
) -> Result<Account, Error> {
    let refuse = |_| keeper.refuse(key);
    let snapshot = snapshot::read(journal, key, revision, through, refuse);
    if snapshot.is_some() {
        keeper.has_read();
    }
    fold_on(journal, key, snapshot, revision, through)
}

/// The same, from the first entry.
pub(crate) fn fold(
    journal: &dyn Reader,
    key: &AccountKey,
    revision: Revision,
    through: Sequence,
) -> Result<Account, Error> {
    fold_on(journal, key, None, revision, through)
}

/// The account as [`fold`] makes it, from how it was at an earlier revision.
///
/// It is read in pieces: while one read goes on, the journal keeps all that is replaced meanwhile, and
/// whoever posts when it ends waits for that to be cleared away.
pub(crate) fn fold_on(
    journal: &dyn Reader,
    key: &AccountKey,
    mut account: Option<Account>,
    revision: Revision,
    through: Sequence,
) -> Result<Account, Error> {
    let mut after = account.as_ref().map_or(Revision::START, Account::revision);
    while after < revision {
        let entries = some_entries(journal, key, after..revision, through)?;
        let Some(last) = entries.last() else { break };
        after = last.revision;
        account = apply(journal, key, account, &entries)?;
        if account.is_none() || entries.len() < FOLDED_AT_ONCE {
            break;
        }
    }
    is_still_open(journal, key)?;
    let gone = || Error::NoSuchAccount(key.name.to_string());
    let mut account = account.ok_or_else(gone)?;
    account.settle();
    Ok(account)
}

/// Entries never change, but all of them go if their account is deleted: what was read of them is whole if it
/// is still open.
pub(crate) fn is_still_open(journal: &dyn Reader, key: &AccountKey) -> Result<(), Error> {
    let head = journal.heads(&[&key.name])?.pop().flatten();
    match head.is_some_and(|head| head.account == *key) {
        true => Ok(()),
        false => Err(Error::NoSuchAccount(key.name.to_string())),
    }
}

/// The account with entries that follow its own, or that its first entries open; `None` if they open none.
pub(crate) fn apply(
    journal: &dyn Reader,
    key: &AccountKey,
    account: Option<Account>,
    entries: &[Entry],
) -> Result<Option<Account>, Error> {
    let account = account.or_else(|| opened(key, entries.first()?));
    let Some(mut account) = account else {
        return Ok(None);
    };
    let corrected = corrected(journal, key, entries)?;
    if let Err(error) = apply_all(&mut account, entries.iter().zip(corrected)) {
        // What they correct may have gone with the account.
        is_still_open(journal, key)?;
        return Err(error);
    }
    Ok(Some(account))
}

/// The entries after one revision up to another, as many as are folded at a time.
pub(crate) fn some_entries(
    journal: &dyn Reader,
    key: &AccountKey,
    revisions: Range<Revision>,
    through: Sequence,
) -> Result<Vec<Entry>, JournalError> {
    let mut entries = Vec::new();
    journal.entries(key, revisions.start, through, &mut |entry| {
        let is_last = entry.revision >= revisions.end;
        entries.push(entry);
        match entries.len() < FOLDED_AT_ONCE && !is_last {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    Ok(entries)
}

/// The records that entries of an account correct.
fn corrected(
    journal: &dyn Reader,
    key: &AccountKey,
    entries: &[Entry],
) -> Result<Vec<Option<Record>>, Error> {
    let (mut places, mut ids) = (Vec::new(), Vec::new());
    for (place, entry) in entries.iter().enumerate() {
        if let Some(of) = entry.change.corrects() {
            places.push(place);
            ids.push((key.clone(), of.clone()));
        }
    }
    let mut corrected = vec![None; entries.len()];
    if !ids.is_empty() {
        for (place, found) in places.into_iter().zip(journal.find_many(&ids)?) {
            corrected[place] = found.map(|entry| (entry.revision, entry.change));
        }
    }
    Ok(corrected)
}

/// The account that its first entry opens.
pub(crate) fn opened(key: &AccountKey, first: &Entry) -> Option<Account> {
    match first.change {
        Change::OpenAccount { policy } if first.revision == Revision::new(1) => {
            Some(Account::open(key.clone(), policy))
        }
        _ => None,
    }
}

/// Applies entries that follow those of the account, each with the record that it corrects.
pub(crate) fn apply_all<'e>(
    account: &mut Account,
    entries: impl IntoIterator<Item = (&'e Entry, Option<Record>)>,
) -> Result<(), Error> {
    let applied = account.apply(entries);
    applied.map_err(|NotApplicable { revision, problem }| Error::NotApplicable {
        account: account.key().name.to_string(),
        revision,
        problem,
    })
}
