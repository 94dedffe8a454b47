//! Files of earlier formats, as the programs of their time wrote them, are brought up to date when they
//! are opened.
//!
//! `format_1/` holds a file, its journal as commit 40eb4a3 exported it, and balances that it answered.
//! In it are accounts of both policies with all kinds of corrections and a close (`acme`, `forfeit`), one
//! that was deleted and opened again (`gone`), one that was deleted (`deleted`), and 400 usage records
//! under ids of 43 bytes in an account of several pages (`large`). `format_2/` holds the same of commit
//! 6c62b5c, without `large`, with a unit of time and records of an events file (`imported`). `format_3/`
//! is that file as commit 091a548 brought it up to date, with an account that has a credit line, priorities,
//! metered usage and a close (`line`), and one more that was deleted and opened again (`gone-2`).
//! `format_4/` is that file as commit f880024 brought it up to date, with one more account (`late`), and
//! `format_5/` as commit abf886b3 did, with one that has a snapshot (`snapped`).

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use gpu_credit::MeteredUsage;
use gpu_credit_store::{
    Error, ImportOptions, Posting, Refusal, Revision, StorageProblem, Store, TimeUnit,
};
use redb::TableDefinition;

use crate::support::{assert_sound, everything, refusal};

/// What a program of its time left.
struct Fixture {
    file: &'static [u8],
    journal: &'static [u8],
    balances: &'static str,
}

const FORMAT_1: Fixture = Fixture {
    file: include_bytes!("format_1/store.redb.gz"),
    journal: include_bytes!("format_1/journal.jsonl.gz"),
    balances: include_str!("format_1/balances.txt"),
};

const FORMAT_2: Fixture = Fixture {
    file: include_bytes!("format_2/store.redb.gz"),
    journal: include_bytes!("format_2/journal.jsonl.gz"),
    balances: include_str!("format_2/balances.txt"),
};

const FORMAT_3: Fixture = Fixture {
    file: include_bytes!("format_3/store.redb.gz"),
    journal: include_bytes!("format_3/journal.jsonl.gz"),
    balances: include_str!("format_3/balances.txt"),
};

const FORMAT_4: Fixture = Fixture {
    file: include_bytes!("format_4/store.redb.gz"),
    journal: include_bytes!("format_4/journal.jsonl.gz"),
    balances: include_str!("format_4/balances.txt"),
};

const FORMAT_5: Fixture = Fixture {
    file: include_bytes!("format_5/store.redb.gz"),
    journal: include_bytes!("format_5/journal.jsonl.gz"),
    balances: include_str!("format_5/balances.txt"),
};

/// The format that this version writes.
const NOW: u64 = 6;

impl Fixture {
    fn open(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credit.redb");
        fs::write(&path, plain(self.file)).unwrap();
        (folder, path)
    }
}

fn plain(compressed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
    plain
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
    match result.expect_err("an error") {
        Error::Journal(error) => error.problem().clone(),
        other => panic!("not of the storage: {other}"),
    }
}

#[test]
fn a_file_of_format_1_holds_what_it_held() {
    holds_what_it_held(&FORMAT_1);
}

#[test]
fn a_file_of_format_2_holds_what_it_held() {
    let store = holds_what_it_held(&FORMAT_2);
    assert_eq!(store.time_unit().unwrap(), Some(TimeUnit::Seconds));
    // Its notes are known: the file that was imported continues one.
    let events = "kind,account,credit_id,amount,timestamp,expiration\n\
                  grant,imported,g,9,0,50\nusage,imported,,2,5,\n";
    let imported = store.import_events(events.as_bytes(), &ImportOptions::default(), |_| {
        ControlFlow::Continue(())
    });
    let imported = imported.unwrap();
    assert_eq!((imported.posted, imported.continued), (0, 2));
}

#[test]
fn a_file_of_format_3_holds_what_it_held() {
    let store = holds_what_it_held(&FORMAT_3);
    let again = store.delete_account("gone-2", "delete-3");
    assert_eq!(refusal(again), Refusal::DeletedBefore);
    // A record that is corrected stands as it did, under the revision that it is now.
    let job = store.entry("line", &"m1".into()).unwrap().unwrap();
    assert_eq!(job.revision, Revision::new(4));
    let statement = store.usage_statement("line", &"u39".into(), Revision::new(45));
    assert_eq!(statement.unwrap().amount, 39);
}

#[test]
fn a_file_of_format_4_holds_what_it_held() {
    let store = holds_what_it_held(&FORMAT_4);
    assert_eq!(store.head("late").unwrap().revision, Revision::new(6));
}

#[test]
fn a_file_of_format_5_holds_what_it_held() {
    let store = holds_what_it_held(&FORMAT_5);
    let loaded = store.with_account("snapped", |account| account.get_balance(20));
    assert_eq!(loaded.unwrap().unwrap(), Some(98));
    let read = store.snapshot_statistics();
    assert_eq!((read.read, read.refused), (1, 0), "its snapshot serves");
}

/// The store that comes of it.
fn holds_what_it_held(fixture: &Fixture) -> Store {
    let (folder, path) = fixture.open();
    let journal = plain(fixture.journal);
    let store = Store::open(&path).unwrap();
    assert_eq!(balances(&store), fixture.balances);
    let mut exported = Vec::new();
    store.export_journal(&mut exported, |_| ()).unwrap();
    // An older version exported the entries alone.
    let exported = String::from_utf8(exported).unwrap();
    let is_entry = |line: &&str| line.starts_with("{\"sequence\":");
    let entries: Vec<&str> = exported.lines().filter(is_entry).collect();
    let journal_text = String::from_utf8(journal.clone()).unwrap();
    let lines: Vec<&str> = journal_text.lines().filter(is_entry).collect();
    assert_eq!(entries, lines);
    assert_sound(&store);
    // Every id is known, and of what was deleted that it was.
    let again = store.import_journal(journal.as_slice(), &ImportOptions::default(), |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(again.unwrap().posted, 0);
    assert!(
        !store
            .delete_account("deleted", "delete-2")
            .unwrap()
            .is_new()
    );
    assert!(matches!(
        store.delete_account("gone", "delete-1").unwrap_err(),
        Error::Refused {
            refusal: Refusal::DeletedBefore,
            ..
        }
    ));
    store
        .post(Posting::retract("acme", "fix-5", "job-4"))
        .unwrap();
    assert!(
        store.post(Posting::usage("acme", "job-5", 1, 9)).is_err(),
        "the books are closed"
    );
    // What the format of the file had no entries for.
    let planned = MeteredUsage {
        rate: 2,
        from: 41,
        until: 50,
    };
    store
        .post(Posting::metered_usage("acme", "job-7", planned))
        .unwrap();
    assert_sound(&store);
    // The heads are those that the same entries make when they are posted.
    let other = Store::create(folder.path().join("other.redb")).unwrap();
    let mut exported = Vec::new();
    store.export_journal(&mut exported, |_| ()).unwrap();
    let _ = other
        .import_journal(exported.as_slice(), &ImportOptions::default(), |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(everything(&other), everything(&store));
    for account in store.accounts().unwrap() {
        let head = |store: &Store| store.head(&account.name).unwrap();
        assert_eq!(head(&other), head(&store));
    }
    drop(store);
    assert_sound(&Store::open_read_only(&path).unwrap());
    let is_now = |(name, number): &(String, u64)| name == "format" && *number == NOW;
    assert!(numbers(&path).iter().any(is_now));
    Store::open(path).unwrap()
}

#[test]
fn a_file_of_format_1_is_not_opened_to_be_read() {
    let (_folder, path) = FORMAT_1.open();
    let refused = problem(Store::open_read_only(&path));
    assert!(
        matches!(refused, StorageProblem::NotClosed),
        "it is not sealed: {refused}"
    );
    assert_eq!(fs::read(&path).unwrap(), plain(FORMAT_1.file));
    // Closed by this version before its format was changed back: as if it were sealed and old.
    drop(Store::open(&path).unwrap());
    set_format(&path, 1);
    let refused = problem(Store::open_read_only(&path));
    assert!(matches!(refused, StorageProblem::NotClosed), "{refused}");
}

#[test]
fn a_file_of_format_2_is_not_opened_to_be_read() {
    let (_folder, path) = FORMAT_2.open();
    let refused = problem(Store::open_read_only(&path));
    assert!(
        matches!(
            refused,
            StorageProblem::Older {
                found: 2,
                known: NOW
            }
        ),
        "it is sealed: {refused}"
    );
    assert_eq!(fs::read(&path).unwrap(), plain(FORMAT_2.file));
    drop(Store::open(&path).unwrap());
    assert_sound(&Store::open_read_only(&path).unwrap());
}

#[test]
fn a_file_of_format_3_is_not_opened_to_be_read() {
    let (_folder, path) = FORMAT_3.open();
    let refused = problem(Store::open_read_only(&path));
    let is_older = matches!(
        refused,
        StorageProblem::Older {
            found: 3,
            known: NOW
        }
    );
    assert!(is_older, "it is sealed: {refused}");
    assert_eq!(fs::read(&path).unwrap(), plain(FORMAT_3.file));
}

#[test]
fn a_file_of_format_4_is_not_opened_to_be_read() {
    let (_folder, path) = FORMAT_4.open();
    let refused = problem(Store::open_read_only(&path));
    let is_older = matches!(
        refused,
        StorageProblem::Older {
            found: 4,
            known: NOW
        }
    );
    assert!(is_older, "it is sealed: {refused}");
    assert_eq!(fs::read(&path).unwrap(), plain(FORMAT_4.file));
}

#[test]
fn a_file_of_format_5_is_not_opened_to_be_read() {
    let (_folder, path) = FORMAT_5.open();
    let refused = problem(Store::open_read_only(&path));
    let is_older = matches!(
        refused,
        StorageProblem::Older {
            found: 5,
            known: NOW
        }
    );
    assert!(is_older, "it is sealed: {refused}");
    assert_eq!(fs::read(&path).unwrap(), plain(FORMAT_5.file));
}

#[test]
fn a_format_that_is_not_known_is_refused() {
    let (_folder, path) = FORMAT_1.open();
    for unknown in [0, NOW + 1, u64::MAX] {
        set_format(&path, unknown);
        let before = numbers(&path);
        let refused = problem(Store::open(&path));
        match unknown {
            0 => assert!(matches!(refused, StorageProblem::Damaged(_)), "{refused}"),
            _ => assert!(
                matches!(refused, StorageProblem::Newer { found, known: NOW } if found == unknown),
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
