//! Files of other versions: newer ones are refused, older ones are brought up to date when opened.
//!
//! Format 1 is the first there is. A new format comes with a step from the one before, appended to
//! [`STEPS`]; all steps that a file needs run in one transaction, so that it is of its old format or
//! of the newest whatever happens.

use redb::{Database, WriteTransaction};

use super::error::Failure;
use super::tables::{FORMAT_KEY, META};
use crate::StorageProblem;

/// From one format to the next.
pub(super) struct Step {
    from: u64,
    run: fn(&WriteTransaction) -> Result<(), Failure>,
}

pub(super) const STEPS: [Step; 0] = [];

/// Brings a file of format `found` to format `known`.
pub(super) fn migrate(
    database: &Database,
    found: u64,
    steps: &[Step],
    known: u64,
) -> Result<(), Failure> {
    if found == known {
        return Ok(());
    }
    if found > known {
        return Err(Failure(StorageProblem::Newer { found, known }));
    }
    let write = database.begin_write()?;
    for format in found..known {
        let step = steps.iter().find(|step| step.from == format);
        let step = step.ok_or_else(|| Failure::damaged(format!("there is no format {format}")))?;
        (step.run)(&write)?;
    }
    write.open_table(META)?.insert(FORMAT_KEY, known)?;
    Ok(write.commit()?)
}

#[cfg(test)]
mod tests {
    use redb::ReadableDatabase;
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::redb_journal::tables::{ACCOUNTS, FORMAT, initialise};

    fn database() -> Database {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .unwrap();
        let write = database.begin_write().unwrap();
        assert!(initialise(&write).is_ok());
        write.commit().unwrap();
        database
    }

    fn account(database: &Database, name: &str) -> Option<u64> {
        let read = database.begin_read().unwrap();
        let number = read.open_table(ACCOUNTS).unwrap().get(name).unwrap();
        number.map(|number| number.value())
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
        let database = database();
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
        assert!(migrate(&database, FORMAT, &steps(fail), FORMAT + 2).is_err());
        assert_eq!(account(&database, "first"), None);
        assert!(migrate(&database, FORMAT, &steps(copy_first), FORMAT + 2).is_ok());
        assert_eq!(account(&database, "second"), Some(2));
        let read = database.begin_read().unwrap();
        let format = read.open_table(META).unwrap().get(FORMAT_KEY).unwrap();
        assert_eq!(format.map(|format| format.value()), Some(FORMAT + 2));
    }
}
