//! Files of other versions: newer ones are refused, older ones are brought up to date when opened.
//!
//! Format 1 is the first there is; format 2 has a head for every account, and fingerprints in the place
//! of a second copy of each id; format 3 has entries that earlier ones have not: metered usage,
//! priorities, credit lines; format 4 finds the entries of an account by their revisions; format 5
//! has snapshots; format 6 has holds. A new format comes with a step from the one before, appended to [`STEPS`]; all steps that a file needs run in one transaction, so that it is of its old format or of the newest
//! whatever happens.

use std::cmp::Ordering;

use redb::WriteTransaction;

use super::error::Failure;
use super::open_file::OpenFile;
use super::tables::{FORMAT_KEY, META};
use super::{format_1, format_3, tables};
use crate::StorageProblem;

/// From one format to the next.
pub(super) struct Step {
    from: u64,
    run: fn(&WriteTransaction) -> Result<(), Failure>,
}

pub(super) const STEPS: [Step; 5] = [
    Step {
        from: 1,
        run: format_1::add_heads,
    },
    Step {
        from: 2,
        run: |_| Ok(()),
    },
    Step {
        from: 3,
        run: format_3::add_revisions,
    },
    Step {
        from: 4,
        run: tables::add_snapshots,
    },
    Step {
        from: 5,
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

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::redb_journal::file::{CACHE_BYTES, Opening, open_backend};
    use crate::redb_journal::tables::{ACCOUNTS, FORMAT};

    fn file() -> OpenFile {
        match open_backend(InMemoryBackend::new(), Opening::Write, CACHE_BYTES) {
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
