//! Whether snapshots are what the entries make.

use super::header::Header;
use super::read::read_one;
use super::{Odd, make};
use crate::folding::fold_on;
use crate::{Account, AccountKey, Error, Reader, Sequence};

/// What is wrong with the snapshots of an account, a line each: its entries are folded from the first on, once,
/// and each snapshot is compared with what is made of them at its revision.
pub(crate) fn problems(
    journal: &dyn Reader,
    key: &AccountKey,
    through: Sequence,
) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    let mut folded: Option<Account> = None;
    for revision in journal.snapshots(key)? {
        let mut wrong = |what: &str| {
            let name = &key.name;
            problems.push(format!(
                "account {name:?}: its snapshot at revision {revision} is of no use: {what}"
            ));
        };
        let found = journal.snapshot(key, revision)?;
        let Some((_, bytes)) = found.filter(|(at, _)| *at == revision) else {
            // Dropped since.
            continue;
        };
        let header = match Header::from_bytes(key, revision, &bytes) {
            Ok(header) => header,
            Err(Odd(what)) => {
                wrong(what);
                continue;
            }
        };
        let Some(last) = journal.entry_at(key, revision)? else {
            wrong("it is later than all entries");
            continue;
        };
        let account = fold_on(journal, key, folded.take(), revision, Sequence::END)?;
        let made = make(&account, &last, header.rows, |_| true, &mut |_, _| Ok(()))?;
        if made.header != bytes {
            wrong("the entries up to there make another");
        } else if let Err(Odd(what)) = read_one(journal, key, revision, through, &bytes)
            && journal.snapshots(key)?.contains(&revision)
        {
            wrong(what);
        }
        folded = Some(account);
    }
    Ok(problems)
}
