//! Events files with rows that are refused: left out, or the end of the import.

use std::num::NonZeroU64;
use std::ops::ControlFlow;

use gpu_credit_store::{Error, ImportMode, ImportOptions, Imported, Posting, Store};

use crate::support::{assert_sound, store_in_memory};

const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration,id";

fn skipping() -> ImportOptions {
    ImportOptions {
        skip_refused: true,
        ..ImportOptions::default()
    }
}

fn import(store: &Store, rows: &str, options: &ImportOptions) -> Result<Imported, Error> {
    let file = format!("{HEADER}\n{rows}");
    store.import_events(file.as_bytes(), options, |_| ControlFlow::Continue(()))
}

fn refused(imported: &Imported) -> Vec<String> {
    imported.refused.iter().map(ToString::to_string).collect()
}

/// Every row that can be wrong by itself is left out, in every mode, and only that.
#[test]
fn refused_rows_are_left_out_and_the_others_are_posted() {
    let rows = "\
usage,a,,1,5,,u1
usage,a,,1,5,,closed
usage,b,,one,30,,u2
usage,b,,1,30,,u3
usage,b,,2,30,,u3
usage,b
grant,b,g,9223372036854775807,30,10,g1
grant,b,g,1,30,10,g2
grant,b,g,1,30,10,g2
usage,b,,1,31,,u4
";
    let expected = [
        "line 3: account \"a\", id \"closed\": the books are closed up to 20",
        "line 4, column amount: found \"one\", expected an integer",
        "line 6: account \"b\", id \"u3\": the row is usage of 2 at 30, but that of line 5",
        "line 7, column credit_id: missing",
        "line 9: account \"b\", id \"g2\": a grant of 1",
        "line 10: account \"b\", id \"g2\": a grant of 1",
    ];
    for batch_rows in [None, NonZeroU64::new(1), NonZeroU64::new(3)] {
        let (_disk, store) = store_in_memory();
        store
            .open_account("a", gpu_credit::Overdraft::Carry)
            .unwrap();
        store.post(Posting::usage("a", "u1", 1, 5)).unwrap();
        store.post(Posting::close_books("a", "close", 20)).unwrap();
        let before = store.last_sequence();
        assert!(import(&store, rows, &ImportOptions::default()).is_err());
        assert_eq!(store.last_sequence(), before);
        let mut options = ImportOptions {
            mode: ImportMode::DryRun,
            batch_rows,
            ..skipping()
        };
        let mut trial = import(&store, rows, &options).unwrap();
        assert_eq!(trial.effects.len(), 1);
        trial.effects.clear();
        assert_eq!(store.last_sequence(), before);
        options.mode = ImportMode::Post;
        let imported = import(&store, rows, &options).unwrap();
        assert_eq!(format!("{imported:?}"), format!("{trial:?}"));
        let said = refused(&imported);
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said}");
        }
        assert_eq!((imported.posted, imported.already_posted), (4, 1));
        assert_eq!(imported.opened[0].name, "b");
        let again = import(&store, rows, &options).unwrap();
        assert_eq!((again.posted, again.already_posted), (0, 4));
        assert_eq!(refused(&again).len(), said.len());
        assert_sound(&store);
    }
}

/// A row without id could not be told from one that is posted once the file is imported again.
#[test]
fn a_refused_row_without_id_ends_the_import() {
    let (_disk, store) = store_in_memory();
    let rows = format!("usage,a,,1,5,,\nusage,a,,{},5,,\n", i64::MAX);
    let error = import(&store, &rows, &skipping()).unwrap_err();
    assert!(
        error.to_string().starts_with("line 3: account \"a\""),
        "{error}"
    );
    assert!(store.accounts().unwrap().is_empty());
    // What is no record at all is no part of the file.
    for posted in [2, 0] {
        let imported = import(&store, "usage,a,,1,5,,\nusage,a,,-1,5,,\n", &skipping()).unwrap();
        assert_eq!((imported.posted, imported.refused.len()), (posted, 1));
    }
}

#[test]
fn rows_of_accounts_that_are_not_there_are_refused() {
    let (_disk, store) = store_in_memory();
    store
        .open_account("a", gpu_credit::Overdraft::Carry)
        .unwrap();
    let rows = "usage,a,,1,5,,u1\nusage,typo,,1,5,,u1\n";
    let mut options = ImportOptions {
        opens_accounts: false,
        ..ImportOptions::default()
    };
    let error = import(&store, rows, &options).unwrap_err();
    assert_eq!(error.to_string(), "line 3: there is no account \"typo\"");
    options.skip_refused = true;
    let imported = import(&store, rows, &options).unwrap();
    assert_eq!(refused(&imported), ["line 3: there is no account \"typo\""]);
    assert_eq!((imported.posted, imported.opened.len()), (1, 0));
    assert_eq!(store.accounts().unwrap().len(), 1);
}

/// What cannot be read is not of one row.
#[test]
fn a_file_that_cannot_be_read_on_ends_the_import() {
    let (_disk, store) = store_in_memory();
    let rows = format!("usage,a,,1,5,,u1\nusage,{},,1,5,,u2\n", "x".repeat(2 << 20));
    let error = import(&store, &rows, &skipping()).unwrap_err();
    assert!(error.to_string().contains("the row goes on"), "{error}");
    assert!(store.accounts().unwrap().is_empty());
}
