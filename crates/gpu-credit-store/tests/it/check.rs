//! The integrity check finds what is wrong: a file is changed behind the store's back, as nothing but
//! a program with the right checksums could.

use std::path::{Path, PathBuf};

use gpu_credit::Overdraft;
use gpu_credit_store::{Posting, Store};
use redb::{Database, ReadableTable, Table, TableDefinition};

use crate::support::{assert_sound, store};

const ACCOUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("accounts");
const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("entries");
const IDS: TableDefinition<'_, (u64, &str), u64> = TableDefinition::new("ids");

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

#[test]
fn an_id_that_leads_nowhere_or_elsewhere() {
    let (_folder, file) = closed_store();
    tamper(&file, IDS, |mut ids| {
        ids.insert((1, "u"), 2).unwrap();
    });
    assert_found(&file, "has id \"u\"");
    tamper(&file, IDS, |mut ids| {
        ids.remove((1, "u")).unwrap();
    });
    assert_found(&file, "4 entries and 3 ids");
    tamper(&file, IDS, |mut ids| {
        ids.insert((1, "u"), 9).unwrap();
    });
    assert_found(&file, "leads to entry 9, which is missing");
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
        "entry 2 of account \"a\": its checksum does not match",
    );
    tamper(&file, ENTRIES, |mut entries| {
        entries.remove((1, 2)).unwrap();
        moved[0] ^= 1;
        entries.insert((1, 3), moved.as_slice()).unwrap();
    });
    assert_found(
        &file,
        "entry 3 of account \"a\": its checksum does not match",
    );
    assert_found(&file, "3 entries and 4 ids");
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
    assert_found(&file, "which is not there");
}
