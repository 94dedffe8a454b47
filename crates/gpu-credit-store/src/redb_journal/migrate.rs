//! Files of other versions: newer ones are refused, older ones are brought up to date when opened.
//!
//! Format 1 is the first there is; format 2 has a head for every account. A new format comes with a step from the one before, appended to
//! [`STEPS`]; all steps that a file needs run in one transaction, so that it is of its old format or
//! of the newest whatever happens.

use std::cmp::Ordering;
use std::collections::HashMap;

use redb::{ReadableTable, WriteTransaction};

use super::error::Failure;
use super::open_file::OpenFile;
use super::tables::{self, ACCOUNTS, ENTRIES, FORMAT_KEY, HEADS, META};
use super::{codec, decode};
use crate::directory::{apply_all, opened};
use crate::{Account, AccountKey, Change, Head, RecordId, Sequence, StorageProblem};

/// From one format to the next.
pub(super) struct Step {
    from: u64,
    run: fn(&WriteTransaction) -> Result<(), Failure>,
}

pub(super) const STEPS: [Step; 1] = [Step {
    from: 1,
    run: add_heads,
}];

/// Brings a file of format `found` to format `known`.
pub(super) fn migrate(
    file: &OpenFile,
    found: u64,
    steps: &[Step],
    known: u64,
) -> Result<(), Failure> {
    match check(found, known) {
        Err(Failure(StorageProblem::Older { .. })) => {}
        other => return other,
    }
    file.write(|write| {
        for format in found..known {
            let step = steps.iter().find(|step| step.from == format);
            let step =
                step.ok_or_else(|| Failure::damaged(format!("there is no format {format}")))?;
            (step.run)(write)?;
        }
        write.open_table(META)?.insert(FORMAT_KEY, known)?;
        Ok(())
    })
}

/// Refuses a file that is not of format `known`.
pub(super) fn check(found: u64, known: u64) -> Result<(), Failure> {
    match found.cmp(&known) {
        Ordering::Less => Err(Failure(StorageProblem::Older { found, known })),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Failure(StorageProblem::Newer { found, known })),
    }
}

/// Folds each account to learn its head.
fn add_heads(write: &WriteTransaction) -> Result<(), Failure> {
    let accounts = write.open_table(ACCOUNTS)?;
    let entries = write.open_table(ENTRIES)?;
    let mut heads = write.open_table(HEADS)?;
    for row in accounts.iter()? {
        let (name, opened) = row?;
        let account = AccountKey {
            opened: Sequence::new(opened.value()),
            name: name.value().into(),
        };
        let head = codec::encode_head(&head(account, &entries)?)?;
        heads.insert(opened.value(), head.as_slice())?;
    }
    Ok(())
}

fn head(
    account: AccountKey,
    entries: &impl ReadableTable<(u64, u64), &'static [u8]>,
) -> Result<Head, Failure> {
    let mut folded: Option<Account> = None;
    let mut records: HashMap<RecordId, (Sequence, Change)> = HashMap::new();
    let mut count = 0;
    for row in entries.range(tables::range(
        account.opened,
        Sequence::START,
        Sequence::END,
    ))? {
        let (key, value) = row?;
        let entry = decode(&account, Sequence::new(key.value().1), value.value())?;
        if folded.is_none() {
            folded = opened(&account, &entry);
        }
        if let Some(folded) = &mut folded {
            let corrects = entry.change.corrects().and_then(|of| records.get(of));
            apply_all(folded, [(&entry, corrects.cloned())])
                .map_err(|error| Failure::damaged(error.to_string()))?;
        }
        records.insert(entry.id, (entry.sequence, entry.change));
        count += 1;
    }
    let folded = folded
        .ok_or_else(|| Failure::damaged(format!("account {:?} has no opening", account.name)))?;
    Ok(Head {
        account,
        policy: folded.policy(),
        entries: count,
        last: folded.last_sequence(),
        totals: folded.totals(),
    })
}

#[cfg(test)]
mod tests {
    use redb::Database;
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::redb_journal::file::{Opening, open_backend};
    use crate::redb_journal::tables::{ACCOUNTS, FORMAT};

    fn file() -> OpenFile {
        match open_backend(InMemoryBackend::new(), Opening::Write) {
            Ok(file) => file,
            Err(Failure(problem)) => panic!("{problem}"),
        }
    }

    fn number(file: &OpenFile, name: &str) -> Option<u64> {
        let read = file.read(|read| {
            let number = read.open_table(ACCOUNTS)?.get(name)?;
            Ok(number.map(|number| number.value()))
        });
        read.unwrap_or_else(|Failure(problem)| panic!("{problem}"))
    }

    fn add_first(write: &WriteTransaction) -> Result<(), Failure> {
        write.open_table(ACCOUNTS)?.insert("first", 1)?;
        Ok(())
    }

    fn copy_first(write: &WriteTransaction) -> Result<(), Failure> {
        let mut accounts = write.open_table(ACCOUNTS)?;
        let first = accounts.remove("first")?.map(|number| number.value());
        accounts.insert("second", first.unwrap_or(0) + 1)?;
        Ok(())
    }

    fn fail(_: &WriteTransaction) -> Result<(), Failure> {
        Err(Failure(StorageProblem::Full))
    }

    /// A file of format 1 is one of format 2 without heads.
    #[test]
    fn heads_are_added_to_a_file_of_format_1() {
        use gpu_credit::Overdraft;

        use crate::{Posting, RedbJournal, Store};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credit.redb");
        let heads = |store: &Store| ["a", "b"].map(|name| store.head(name).unwrap());
        let store = Store::create(&path).unwrap();
        let postings = [
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::open_account("b", "open", Overdraft::Forfeit),
            Posting::grant("a", "g", "march", 100, 0, 30),
            Posting::usage("a", "u", 20, 12),
            Posting::grant("b", "h", "", 7, 0, None),
            Posting::change_usage("a", "c", "u", 15),
            Posting::close_books("a", "x", 20),
            Posting::retract("b", "r", "h"),
        ];
        store.post_all(postings.to_vec()).unwrap();
        let written = heads(&store);
        drop(store);

        let database = Database::open(&path).unwrap();
        let write = database.begin_write().unwrap();
        write.delete_table(HEADS).unwrap();
        write
            .open_table(META)
            .unwrap()
            .insert(FORMAT_KEY, 1)
            .unwrap();
        write.commit().unwrap();
        drop(database);
        let store = Store::with_journal(RedbJournal::open(&path).unwrap()).unwrap();
        assert_eq!(heads(&store), written);
    }

    /// The formats after the present one do not exist yet: two are made up here.
    #[test]
    fn all_steps_run_in_order_or_none() {
        let file = file();
        let steps = |second| {
            let run = add_first as fn(&WriteTransaction) -> Result<(), Failure>;
            [
                Step { from: FORMAT, run },
                Step {
                    from: FORMAT + 1,
                    run: second,
                },
            ]
        };
        assert!(migrate(&file, FORMAT, &steps(fail), FORMAT + 2).is_err());
        assert_eq!(number(&file, "first"), None);
        assert!(migrate(&file, FORMAT, &steps(copy_first), FORMAT + 2).is_ok());
        assert_eq!(number(&file, "second"), Some(2));
        let format =
            file.read(|read| Ok(read.open_table(META)?.get(FORMAT_KEY)?.map(|x| x.value())));
        assert!(matches!(format, Ok(Some(format)) if format == FORMAT + 2));
    }
}
