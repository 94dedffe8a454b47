//! Files of other versions: newer ones are refused, older ones are brought up to date when opened.
//!
//! Format 1 is the first there is; format 2 has a head for every account, and fingerprints in the place
//! of a second copy of each id; format 3 has entries that earlier ones have not: metered usage,
//! priorities, credit lines. Whatever a file of format 2 holds, format 3 writes the same way. A new format comes with a step from the one before, appended to [`STEPS`];
//! all steps that a file needs run in one transaction, so that it is of its old format or of the newest
//! whatever happens.

use std::cmp::Ordering;

use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::error::Failure;
use super::fingerprint::fingerprint;
use super::open_file::OpenFile;
use super::tables::{self, ACCOUNTS, ENTRIES, FORMAT_KEY, HEADS, IDS, META};
use super::{codec, decode};
use crate::folding::{apply_all, opened};
use crate::{Account, AccountKey, Entry, Head, RecordId, Sequence, StorageProblem};

/// From one format to the next.
pub(super) struct Step {
    from: u64,
    run: fn(&WriteTransaction) -> Result<(), Failure>,
}

pub(super) const STEPS: [Step; 2] = [
    Step {
        from: 1,
        run: add_heads_and_fingerprints,
    },
    Step {
        from: 2,
        run: |_| Ok(()),
    },
];

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

/// From an account's number and a record id to a sequence, in format 1.
const WHOLE_IDS: TableDefinition<'_, (u64, &str), u64> = TableDefinition::new("ids");

/// Folds each account to learn its head, and puts fingerprints in the place of ids.
fn add_heads_and_fingerprints(write: &WriteTransaction) -> Result<(), Failure> {
    {
        let accounts = write.open_table(ACCOUNTS)?;
        let mut heads = write.open_table(HEADS)?;
        let mut fingerprints = write.open_table(IDS)?;
        for row in accounts.iter()? {
            let (name, opened) = row?;
            let account = AccountKey {
                opened: Sequence::new(opened.value()),
                name: name.value().into(),
            };
            let (head, mut ids) = head(&account, write)?;
            heads.insert(opened.value(), codec::encode_head(&head)?.as_slice())?;
            ids.sort_unstable();
            for (fingerprint, sequence) in ids {
                fingerprints.insert((opened.value(), fingerprint, sequence.get()), ())?;
            }
        }
    }
    write.delete_table(WHOLE_IDS)?;
    Ok(())
}

/// The head of an account, and the fingerprints of its ids with their sequences.
fn head(
    account: &AccountKey,
    write: &WriteTransaction,
) -> Result<(Head, Vec<(u64, Sequence)>), Failure> {
    let (entries, ids) = (write.open_table(ENTRIES)?, write.open_table(WHOLE_IDS)?);
    let read = |sequence: u64, value: &[u8]| decode(account, Sequence::new(sequence), value);
    let find = |id: &RecordId| -> Result<Option<Entry>, Failure> {
        let Some(sequence) = ids.get((account.opened.get(), id.as_str()))? else {
            return Ok(None);
        };
        let value = entries.get((account.opened.get(), sequence.value()))?;
        value
            .map(|value| read(sequence.value(), value.value()))
            .transpose()
    };
    let mut folded: Option<Account> = None;
    let mut fingerprints = Vec::new();
    let all = tables::range(account.opened, Sequence::START, Sequence::END);
    for row in entries.range(all)? {
        let (key, value) = row?;
        let entry = read(key.value().1, value.value())?;
        if folded.is_none() {
            folded = opened(account, &entry);
        }
        if let Some(folded) = &mut folded {
            let of = entry.change.corrects().map(&find).transpose()?.flatten();
            let of = of.map(|of| (of.sequence, of.change));
            apply_all(folded, [(&entry, of)])
                .map_err(|error| Failure::damaged(error.to_string()))?;
        }
        fingerprints.push((fingerprint(entry.id.as_str()), entry.sequence));
    }
    let folded = folded
        .ok_or_else(|| Failure::damaged(format!("account {:?} has no opening", account.name)))?;
    let head = Head {
        account: account.clone(),
        policy: folded.policy(),
        entries: fingerprints.len() as u64,
        last: folded.last_sequence(),
        totals: folded.totals(),
    };
    Ok((head, fingerprints))
}

#[cfg(test)]
mod tests {
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
