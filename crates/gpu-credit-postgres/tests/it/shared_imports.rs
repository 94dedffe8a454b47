//! Imports into a store that others write to meanwhile.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gpu_credit_postgres::PostgresStore;
use gpu_credit_store::{
    Error, ImportError, ImportOptions, ImportStep, Imported, Posting, Refusal, StorageProblem,
};

use crate::support::{Database, assert_sound, entry_count};

/// An events file of so many rows with ids, spread over accounts of these names.
fn rows(names: &[&str], count: u64) -> String {
    let mut file = "kind,account,credit_id,amount,timestamp,expiration,id\n".to_owned();
    for row in 0..count {
        let name = names[row as usize % names.len()];
        file.push_str(&format!("usage,{name},,1,{row},,row-{row}\n"));
    }
    file
}

fn import(store: &PostgresStore, file: &str) -> Result<Imported, Error> {
    import_in_batches(store, file, None)
}

fn import_in_batches(
    store: &PostgresStore,
    file: &str,
    batch_rows: Option<NonZeroU64>,
) -> Result<Imported, Error> {
    let options = ImportOptions {
        batch_rows,
        ..ImportOptions::default()
    };
    store.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()))
}

/// Each row and each posting is there once, whoever is faster.
#[test]
fn an_import_gets_through_while_others_post_to_its_accounts() {
    let database = Database::new();
    let (store, other) = (database.open(), database.open());
    store
        .open_account("busy", gpu_credit::Overdraft::Carry)
        .unwrap();
    let is_done = AtomicBool::new(false);
    let file = rows(&["busy", "new"], 3_000);
    let posted = thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let mut posted = 0;
            while !is_done.load(Ordering::SeqCst) {
                let usage = Posting::usage("busy", format!("live-{posted}"), 1, 7);
                other.post(usage).unwrap();
                posted += 1;
            }
            posted
        });
        assert_eq!(import(&store, &file).unwrap().posted, 3_001);
        let in_batches = file.replace("row-", "batched-");
        let batches = NonZeroU64::new(500);
        let imported = import_in_batches(&store, &in_batches, batches).unwrap();
        assert_eq!(imported.posted, 3_000);
        is_done.store(true, Ordering::SeqCst);
        posting.join().unwrap()
    });
    assert_eq!(entry_count(&store), 2 + 6_000 + posted);
    assert_eq!(import(&other, &file).unwrap().already_posted, 3_000);
    assert_sound(&store);
    assert_sound(&other);
}

/// Both open the same accounts.
#[test]
fn two_who_import_one_file_post_it_once() {
    let database = Database::new();
    let file = rows(&["a", "b", "c"], 1_000);
    let stores = [database.open(), database.open()];
    let imported: Vec<Imported> = thread::scope(|scope| {
        let each = stores
            .iter()
            .map(|store| scope.spawn(|| import(store, &file)));
        let each: Vec<_> = each.collect();
        let each = each.into_iter();
        each.map(|import| import.join().unwrap().unwrap()).collect()
    });
    let posted: u64 = imported.iter().map(|imported| imported.posted).sum();
    let known: u64 = imported
        .iter()
        .map(|imported| imported.already_posted)
        .sum();
    assert_eq!((posted, known), (1_003, 1_000));
    assert_eq!(entry_count(&stores[0]), 1_003);
    assert_sound(&stores[0]);
}

#[test]
fn an_import_that_is_given_up_while_it_is_written_leaves_nothing() {
    let database = Database::new();
    let store = database.open();
    let file = rows(&["a", "b"], 30_000);
    let given_up = store.import_events(
        file.as_bytes(),
        &ImportOptions::default(),
        |step| match step {
            ImportStep::Written(_) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
    );
    let error = given_up.unwrap_err();
    assert!(
        matches!(&error, Error::Import(error) if matches!(**error, ImportError::GivenUp)),
        "{error}"
    );
    assert_eq!(store.accounts().unwrap(), []);
    // Several statements, in one transaction.
    assert_eq!(import(&store, &file).unwrap().posted, 30_002);
    assert_sound(&store);
}

#[test]
fn a_text_that_the_server_cannot_keep_is_refused_in_its_row() {
    let store = Database::new().open();
    let file = rows(&["a\0b"], 1);
    let Error::Import(error) = import(&store, &file).unwrap_err() else {
        panic!("it is of a row");
    };
    let ImportError::Refused { line: 2, error } = &*error else {
        panic!("{error}");
    };
    assert!(
        matches!(
            error,
            Error::Refused {
                refusal: Refusal::TextNotKept,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_database_without_tables_is_no_store() {
    let database = Database::new();
    let error = PostgresStore::open_existing(&database.url).unwrap_err();
    assert!(
        matches!(&error, Error::Journal(error) if matches!(error.problem(), StorageProblem::NoTables)),
        "{error}"
    );
    let store = database.open();
    store
        .open_account("acme", gpu_credit::Overdraft::Carry)
        .unwrap();
    let again = PostgresStore::open_existing(&database.url).unwrap();
    assert_eq!(again.accounts().unwrap().len(), 1);
}
