//! A file of format 1, as commit 40eb4a3 wrote it, is brought up to date when it is opened.
//!
//! `format_1/` holds the file, its journal as that commit exported it, and balances that it answered.
//! In it are accounts of both policies with all kinds of corrections and a close (`acme`, `forfeit`), one
//! that was deleted and opened again (`gone`), one that was deleted (`deleted`), and 400 usage records
//! under ids of 43 bytes in an account of several pages (`large`).

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use gpu_credit_store::{Error, ImportMode, Posting, StorageProblem, Store};
use redb::TableDefinition;

use crate::support::{assert_sound, everything};

const FILE: &[u8] = include_bytes!("format_1/store.redb.gz");
const JOURNAL: &[u8] = include_bytes!("format_1/journal.jsonl.gz");
const BALANCES: &str = include_str!("format_1/balances.txt");

fn plain(compressed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
    plain
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credit.redb");
    fs::write(&path, plain(FILE)).unwrap();
    (folder, path)
}

fn balances(store: &Store) -> String {
    let mut balances = String::new();
    for account in store.accounts().unwrap() {
        for at in [0, 10, 12, 25, 30, 40, 60, 500, 1_000] {
            if let Ok(answer) = store.balance_at(&account.name, at) {
                let (name, balance, deficit) = (&account.name, answer.balance, answer.deficit);
                writeln!(
                    balances,
                    "{name} {at} {balance:?} {} {deficit}",
                    answer.status
                )
                .unwrap();
            }
        }
    }
    balances
}

fn problem(result: Result<Store, Error>) -> StorageProblem {
    match result.err().expect("an error") {
        Error::Journal(error) => error.problem().clone(),
        other => panic!("not of the storage: {other}"),
    }
}

#[test]
fn a_file_of_format_1_holds_what_it_held() {
    let (folder, path) = file();
    let journal = plain(JOURNAL);
    let store = Store::open(&path).unwrap();
    assert_eq!(balances(&store), BALANCES);
    let mut exported = Vec::new();
    store.export_journal(&mut exported, |_| ()).unwrap();
    assert_eq!(
        String::from_utf8(exported).unwrap(),
        String::from_utf8(journal.clone()).unwrap()
    );
    assert_sound(&store);
    // Every id is known, and of what was deleted that it was.
    let again = store.import_journal(journal.as_slice(), ImportMode::Post, |_| ());
    assert_eq!(again.unwrap().posted, 0);
    for (account, id) in [("gone", "delete-1"), ("deleted", "delete-2")] {
        assert!(!store.delete_account(account, id).unwrap().is_new());
    }
    store
        .post(Posting::retract("acme", "fix-5", "job-4"))
        .unwrap();
    assert!(
        store.post(Posting::usage("acme", "job-5", 1, 9)).is_err(),
        "the books are closed"
    );
    assert_sound(&store);
    // The heads are those that the same entries make when they are posted.
    let other = Store::create(folder.path().join("other.redb")).unwrap();
    let mut exported = Vec::new();
    store.export_journal(&mut exported, |_| ()).unwrap();
    other
        .import_journal(exported.as_slice(), ImportMode::Post, |_| ())
        .unwrap();
    assert_eq!(everything(&other), everything(&store));
    for account in store.accounts().unwrap() {
        let head = |store: &Store| store.head(&account.name).unwrap();
        assert_eq!(head(&other), head(&store));
    }
    drop(store);
    assert_sound(&Store::open_read_only(path).unwrap());
}

#[test]
fn a_file_of_format_1_is_not_opened_to_be_read() {
    let (_folder, path) = file();
    let refused = problem(Store::open_read_only(&path));
    assert!(
        matches!(refused, StorageProblem::NotClosed),
        "it is not sealed: {refused}"
    );
    assert_eq!(fs::read(&path).unwrap(), plain(FILE));
    // Closed by this version before its format was changed back: as if it were sealed and old.
    drop(Store::open(&path).unwrap());
    set_format(&path, 1);
    let refused = problem(Store::open_read_only(&path));
    assert!(matches!(refused, StorageProblem::NotClosed), "{refused}");
}

#[test]
fn a_format_that_is_not_known_is_refused() {
    let (_folder, path) = file();
    for unknown in [0, 3, u64::MAX] {
        set_format(&path, unknown);
        let before = numbers(&path);
        let refused = problem(Store::open(&path));
        match unknown {
            0 => assert!(matches!(refused, StorageProblem::Damaged(_)), "{refused}"),
            _ => assert!(
                matches!(refused, StorageProblem::Newer { found, known: 2 } if found == unknown),
                "{refused}"
            ),
        }
        assert_eq!(numbers(&path), before, "it is left alone");
    }
}

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");

fn set_format(path: &PathBuf, format: u64) {
    let database = redb::Database::open(path).unwrap();
    let write = database.begin_write().unwrap();
    write
        .open_table(META)
        .unwrap()
        .insert("format", format)
        .unwrap();
    write.commit().unwrap();
}

/// All that the file says about itself.
fn numbers(path: &PathBuf) -> Vec<(String, u64)> {
    use redb::{ReadableDatabase, ReadableTable};

    let database = redb::Database::open(path).unwrap();
    let read = database.begin_read().unwrap();
    let rows = read.open_table(META).unwrap();
    let rows = rows.iter().unwrap().map(|row| {
        let (key, value) = row.unwrap();
        (key.value().to_owned(), value.value())
    });
    rows.collect()
}
