//! The integrity check finds what is wrong: a file is changed behind the store's back, as nothing but
//! a program with the right checksums could.

use std::path::{Path, PathBuf};

use gpu_credit::Overdraft;
use gpu_credit_store::{Posting, Store};
use redb::{Database, ReadableTable, Table, TableDefinition};

use crate::support::{assert_sound, store};

const ACCOUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("accounts");
const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("revisions");
const IDS: TableDefinition<'_, (u64, u64, u64), ()> = TableDefinition::new("record ids");
const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");

fn closed_store() -> (tempfile::TempDir, PathBuf) {
    let (folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "g", "", 10, 0, 100),
            Posting::usage("a", "u", 4, 50),
            Posting::change_usage("a", "c", "u", 5),
        ])
        .unwrap();
    assert_sound(&store);
    let file = folder.path().join("credit.redb");
    (folder, file)
}

fn tamper<K: redb::Key + 'static, V: redb::Value + 'static>(
    file: &Path,
    table: TableDefinition<'_, K, V>,
    change: impl FnOnce(Table<'_, K, V>),
) {
    let database = Database::open(file).unwrap();
    let write = database.begin_write().unwrap();
    change(write.open_table(table).unwrap());
    write.commit().unwrap();
}

fn assert_found(file: &Path, expected: &str) {
    let report = Store::open(file).unwrap().check(10, |_| ()).unwrap();
    let found = report
        .problems
        .iter()
        .any(|problem| problem.contains(expected));
    assert!(found, "{expected:?} is not among {:#?}", report.problems);
    assert!(!report.is_sound());
}

/// The row of an entry's id.
fn id_of(ids: &Table<'_, (u64, u64, u64), ()>, sequence: u64) -> (u64, u64, u64) {
    let keys = ids.iter().unwrap().map(|row| row.unwrap().0.value());
    keys.into_iter().find(|key| key.2 == sequence).unwrap()
}

#[test]
fn an_id_that_leads_nowhere_or_elsewhere() {
    let (_folder, file) = closed_store();
    let mut usage = (0, 0, 0);
    tamper(&file, IDS, |mut ids| {
        usage = id_of(&ids, 3);
        ids.remove(usage).unwrap();
        ids.insert((1, usage.1, 2), ()).unwrap();
    });
    assert_found(
        &file,
        "revision 3 of account \"a\" is not found by its id \"u\"",
    );
    assert_eq!(
        found_by_id(&file),
        "it is damaged: an id like \"u\" leads to revision 2 of account \"a\", which has another"
    );
    tamper(&file, IDS, |mut ids| {
        ids.remove((1, usage.1, 2)).unwrap();
    });
    assert_found(&file, "4 entries and 3 ids");
    tamper(&file, IDS, |mut ids| {
        ids.insert((1, usage.1, 9), ()).unwrap();
    });
    assert_found(
        &file,
        "revision 3 of account \"a\" is not found by its id \"u\"",
    );
    assert_eq!(
        found_by_id(&file),
        "it is damaged: an id like \"u\" leads to revision 9 of account \"a\", which is missing"
    );
}

fn found_by_id(file: &Path) -> String {
    let store = Store::open(file).unwrap();
    match store.entry("a", &"u".into()).unwrap_err() {
        gpu_credit_store::Error::Journal(error) => error.problem().to_string(),
        error => panic!("{error}"),
    }
}

/// Two ids can have one fingerprint: which is which, the entries say.
#[test]
fn ids_of_one_fingerprint_are_told_apart() {
    let (_folder, store) = store();
    store.open_account("a", Overdraft::Carry).unwrap();
    let ids = ["x", "\0x", "\0\0x"];
    for (amount, id) in (1..).zip(ids) {
        let posting = Posting::usage("a", id, amount, 0);
        assert!(store.post(posting.clone()).unwrap().is_new());
        assert!(!store.post(posting).unwrap().is_new());
    }
    for (amount, id) in (1..).zip(ids) {
        let entry = store.entry("a", &id.into()).unwrap().unwrap();
        assert_eq!(
            entry.change,
            gpu_credit_store::Change::Usage {
                amount,
                timestamp: 0
            }
        );
        assert!(store.post(Posting::usage("a", id, 9, 0)).is_err());
    }
    store.post(Posting::retract("a", "r", ids[1])).unwrap();
    assert_eq!(store.balance_at("a", 0).unwrap().deficit, 4);
    assert_eq!(store.entry("a", &"\0\0\0x".into()).unwrap(), None);
    assert_sound(&store);
}

#[test]
fn an_entry_and_its_id_that_are_both_gone() {
    let (_folder, file) = closed_store();
    tamper(&file, IDS, |mut ids| {
        let usage = id_of(&ids, 3);
        ids.remove(usage).unwrap();
    });
    tamper(&file, ENTRIES, |mut entries| {
        entries.remove((1, 3)).unwrap();
    });
    assert_found(
        &file,
        "has 3 entries up to place 4 of the file, and its head says 4 up to 4",
    );
}

#[test]
fn a_last_sequence_that_is_set_back_or_to_the_maximum() {
    for last in [2, 5, u64::MAX] {
        let (_folder, file) = closed_store();
        tamper(&file, META, |mut meta| {
            meta.insert("last sequence", last).unwrap();
        });
        assert_found(
            &file,
            &format!("the last sequence is {last}, and the greatest that is there is 4"),
        );
    }
}

/// An acknowledgement is never false, whatever the file says.
#[test]
fn nothing_is_overwritten_or_acknowledged_if_the_last_sequence_is_wrong() {
    for last in [2, u64::MAX - 1, u64::MAX] {
        let (_folder, file) = closed_store();
        tamper(&file, META, |mut meta| {
            meta.insert("last sequence", last).unwrap();
        });
        let store = Store::open(&file).unwrap();
        for id in ["v", "w", "v"] {
            let posted = store.post(Posting::usage("a", id, 1, 50));
            let there = Store::entry(&store, "a", &id.into());
            // It may be refused, in any words.
            if posted.is_ok() {
                assert!(there.unwrap().is_some(), "{id} after {last}");
            }
        }
        drop(store);
        let read = Database::open(&file).unwrap();
        let read = redb::ReadableDatabase::begin_read(&read).unwrap();
        let entries = read.open_table(ENTRIES).unwrap();
        let kept = entries.get((1, 4)).unwrap().unwrap().value().to_vec();
        assert!(
            kept.windows(2).any(|bytes| bytes == [1, b'c']),
            "entry 4 is what it was"
        );
    }
}

#[test]
fn a_head_that_is_missing_or_of_another() {
    let (_folder, file) = closed_store();
    let mut head = Vec::new();
    tamper(&file, HEADS, |mut heads| {
        head = heads.remove(1).unwrap().unwrap().value().to_vec();
    });
    assert_found(&file, "account \"a\" has no head");
    tamper(&file, HEADS, |mut heads| {
        heads.insert(1, head.as_slice()).unwrap();
        heads.insert(2, head.as_slice()).unwrap();
    });
    assert_found(
        &file,
        "there are 2 heads, and 1 are of accounts that are there",
    );
}

#[test]
fn an_entry_that_is_changed_moved_or_missing() {
    let (_folder, file) = closed_store();
    let mut moved = Vec::new();
    tamper(&file, ENTRIES, |mut entries| {
        moved = entries.get((1, 3)).unwrap().unwrap().value().to_vec();
        entries.insert((1, 2), moved.as_slice()).unwrap();
    });
    assert_found(
        &file,
        "revision 2 of account \"a\": its checksum does not match",
    );
    tamper(&file, ENTRIES, |mut entries| {
        entries.remove((1, 2)).unwrap();
        moved[0] ^= 1;
        entries.insert((1, 3), moved.as_slice()).unwrap();
    });
    assert_found(
        &file,
        "revision 3 of account \"a\": its checksum does not match",
    );
    assert_found(&file, "has 3 entries and 4 ids");
}

#[test]
fn an_account_that_has_another_name_or_number() {
    let (_folder, file) = closed_store();
    tamper(&file, ACCOUNTS, |mut accounts| {
        accounts.insert("b", 1).unwrap();
        accounts.remove("a").unwrap();
    });
    assert_found(&file, "account \"b\": its checksum does not match");
    tamper(&file, ACCOUNTS, |mut accounts| {
        accounts.remove("b").unwrap();
        accounts.insert("a", 2).unwrap();
    });
    assert_found(
        &file,
        "there are 4 entries, and 0 are of accounts that are there",
    );
}

/// As a program that passes the rules by could write it: its entries bear right checksums.
#[test]
fn usage_before_a_close_is_found() {
    let holding = |second: Posting| {
        let (folder, store) = store();
        store.open_account("a", Overdraft::Carry).unwrap();
        store.post(second).unwrap();
        (folder, store)
    };
    let (with_close, store) = holding(Posting::close_books("a", "c", 6));
    drop(store);
    let (folder, store) = holding(Posting::usage("a", "c", 1, 0));
    store.post(Posting::usage("a", "u", 1, 5)).unwrap();
    drop(store);
    let mut close = Vec::new();
    tamper(&with_close.path().join("credit.redb"), ENTRIES, |entries| {
        close = entries.get((1, 2)).unwrap().unwrap().value().to_vec();
    });
    let file = folder.path().join("credit.redb");
    tamper(&file, ENTRIES, |mut entries| {
        entries.insert((1, 2), close.as_slice()).unwrap();
    });
    assert_found(
        &file,
        "account \"a\": revision 3 takes effect before the close of the books",
    );
    assert_found(&file, "account \"a\": its head and its entries disagree");
}
