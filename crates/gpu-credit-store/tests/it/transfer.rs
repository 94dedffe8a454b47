//! Journals and events files, in and out; copies.

use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{Change, Error, ImportMode, ImportOptions, Imported, Sequence, Store};

use crate::support::backend::Disk;
use crate::support::workload::Workload;
use crate::support::{assert_sound, everything, store_in_memory};

fn filled(seed: u64) -> (Disk, Store) {
    let (disk, store) = store_in_memory();
    let mut workload = Workload::new(seed, 3);
    for _ in 0..80 {
        let _ = store.post_all(workload.batch());
    }
    (disk, store)
}

fn journal(store: &Store) -> String {
    let mut lines = Vec::new();
    let mut told = 0;
    let written = store
        .export_journal(&mut lines, |so_far| told = so_far)
        .unwrap();
    assert_eq!(written, told);
    String::from_utf8(lines).unwrap()
}

/// The highest sequence of the lines.
fn last_of(lines: &str) -> u64 {
    let sequence = |line: &str| {
        let (_, rest) = line.split_once(r#""sequence":"#).unwrap();
        rest.split_once(',').unwrap().0.parse().unwrap()
    };
    lines.lines().map(sequence).max().unwrap()
}

#[test]
fn a_journal_goes_out_and_comes_in_again() {
    for seed in 0..10 {
        let (_folder, from) = filled(seed);
        let lines = journal(&from);
        let (_other, to) = store_in_memory();
        let trial = to
            .import_journal(lines.as_bytes(), ImportMode::DryRun, |_| ())
            .unwrap();
        assert_eq!(
            to.last_sequence(),
            Sequence::START,
            "a dry run posts nothing"
        );
        let mut told = 0;
        let with_blank_line = format!("{lines}\n");
        let imported = to
            .import_journal(with_blank_line.as_bytes(), ImportMode::Post, |so_far| {
                told = so_far;
            })
            .unwrap();
        assert_eq!(imported, trial);
        assert_eq!(imported.posted, told);
        assert_eq!(journal(&to), lines, "to the last sequence number");
        assert_eq!(to.last_sequence().get(), last_of(&lines));
        let again = to
            .import_journal(lines.as_bytes(), ImportMode::Post, |_| ())
            .unwrap();
        assert_eq!((again.posted, again.already_posted), (0, imported.posted));
        for account in from.accounts().unwrap() {
            let open = from
                .with_account(&account.name, gpu_credit_store::Account::closed_until)
                .unwrap();
            let instants: Vec<i64> = (open.unwrap_or(-5)..150).collect();
            let answers = |store: &Store| store.get_balances(&account.name, &instants).unwrap();
            assert_eq!(answers(&to), answers(&from));
        }
        assert_sound(&to);
        // In a store that holds something, entries get other places and are the same all the same.
        let (_third, other) = store_in_memory();
        other.open_account("other", Overdraft::Carry).unwrap();
        let imported = other
            .import_journal(lines.as_bytes(), ImportMode::Post, |_| ())
            .unwrap();
        assert_eq!(imported.posted, told);
        assert_eq!(other.last_sequence().get(), told + 1);
        assert_sound(&other);
    }
}

#[test]
fn a_journal_with_a_fault_changes_nothing_and_the_line_is_named() {
    let (_folder, from) = filled(1);
    let lines = journal(&from);
    let (_other, to) = store_in_memory();
    let third = lines.lines().nth(2).unwrap();
    let (place, _) = third[1..].split_once("\"recorded_at\"").unwrap();
    let place = place.to_owned();
    for (fault, expected) in [
        ("{", "line 3"),
        (
            r#"{"sequence":3,"recorded_at":0,"account":"x","id":"y","open_account":{"policy":"carry"},"usage":{"amount":1,"timestamp":0}}"#,
            "line 3",
        ),
        (
            r#"{"sequence":3,"recorded_at":0,"account":"x","id":"y","usage":{"amount":1,"timestamp":0,"note":""}}"#,
            "line 3: unknown field `note`",
        ),
        (
            r#"{"sequence":3,"recorded_at":0,"account":"x","id":"y","grant":{"credit_id":"","amount":1,"timestamp":0}}"#,
            "line 3: missing field `expiration`",
        ),
        (
            r#"{"sequence":3,"account":"x","id":"y","usage":{"amount":1,"timestamp":0}}"#,
            "line 3: no field `recorded_at`",
        ),
        (third.get(..third.len() - 1).unwrap(), "line 3"),
        (
            r#"{"sequence":3,"recorded_at":0,"account":"x","id":"y","usage":{"amount":1,"timestamp":0}}"#,
            "line 3: there is no account \"x\"",
        ),
        (
            r#"{"sequence":9223372036854775808,"recorded_at":0,"account":"x","id":"y","usage":{"amount":1,"timestamp":0}}"#,
            "line 3",
        ),
        (
            r#"{"sequence":3,"recorded_at":0,"account":"x","id":"y","loan":{"amount":1}}"#,
            "line 3",
        ),
        (
            r#"{"sequence":3,"recorded_at":0,"account":"x","id":"y","usage":{"amount":-1,"timestamp":0}}"#,
            "line 3",
        ),
    ] {
        let mut faulty: Vec<&str> = lines.lines().collect();
        let fault = fault.replace("\"sequence\":3,", &place);
        faulty[2] = &fault;
        let error = to.import_journal(faulty.join("\n").as_bytes(), ImportMode::Post, |_| ());
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(to.last_sequence(), Sequence::START);
    }
}

/// One line with a deletion, and nothing else, dropped the account with its history.
#[test]
fn an_import_deletes_no_account() {
    let (_disk, store) = store_in_memory();
    store.open_account("acme", Overdraft::Carry).unwrap();
    let line = r#"{"sequence":1,"recorded_at":0,"account":"acme","id":"x","delete_account":null}"#;
    for mode in [ImportMode::DryRun, ImportMode::Post] {
        let error = store.import_journal(line.as_bytes(), mode, |_| ());
        assert_eq!(
            error.unwrap_err().to_string(),
            "line 1: it deletes account \"acme\", and an import deletes none"
        );
    }
    assert_eq!(store.accounts().unwrap().len(), 1);
}

const EVENTS: &str = "kind,account,credit_id,amount,timestamp,expiration
grant,a,march,10,0,100
usage,a,,4,50,
balance,a,,,50,
usage,b,,4,50,
usage,a,,4,50,
";

fn import(store: &Store, file: &[u8], mode: ImportMode) -> Result<Imported, Error> {
    let options = ImportOptions {
        mode,
        ..ImportOptions::default()
    };
    store.import_events(file, &options, |_| ())
}

#[test]
fn an_events_file_is_imported_once() {
    let (_folder, store) = store_in_memory();
    let expected = Imported {
        posted: 6,
        already_posted: 0,
        accounts: 2,
        questions: 1,
        continued: 0,
    };
    assert_eq!(
        import(&store, EVENTS.as_bytes(), ImportMode::DryRun).unwrap(),
        expected
    );
    assert_eq!(store.last_sequence(), Sequence::START);
    assert_eq!(
        import(&store, EVENTS.as_bytes(), ImportMode::Post).unwrap(),
        expected
    );
    assert_eq!(
        store.get_balance("a", 50).unwrap(),
        Some(2),
        "equal rows are two records"
    );
    // The same rows with other line ends are the same file; with one more row it continues it.
    let windows = EVENTS.replace('\n', "\r\n");
    let again = import(&store, windows.as_bytes(), ImportMode::Post).unwrap();
    assert_eq!((again.posted, again.already_posted), (0, 4));
    let longer = format!("{EVENTS}usage,a,,1,60,\n");
    let other = import(&store, longer.as_bytes(), ImportMode::DryRun).unwrap();
    assert_eq!((other.posted, other.already_posted), (1, 4));
    assert_eq!(other.continued, 4);
    assert_sound(&store);
}

#[test]
fn an_events_file_with_a_fault_changes_nothing() {
    let (_folder, store) = store_in_memory();
    let too_much = format!("{EVENTS}usage,a,,{},0,\n", i64::MAX);
    for (file, expected) in [
        ("", "line 1"),
        (
            &*EVENTS.replace("usage,b,,4", "usage,b,,x"),
            "line 5, column amount",
        ),
        (&*too_much, "line 7: account \"a\""),
    ] {
        let error = import(&store, file.as_bytes(), ImportMode::Post)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(store.last_sequence(), Sequence::START);
        assert!(store.accounts().unwrap().is_empty());
    }
}

#[test]
fn the_records_that_stand_go_out_as_events() {
    for seed in 0..10 {
        let (_folder, from) = store_in_memory();
        let mut workload = Workload::open_ended(seed, 3);
        for _ in 0..80 {
            let mut batch = workload.batch();
            // An events file does not say jobs and priorities yet.
            batch.retain(|posting| {
                let change = &posting.change;
                !matches!(
                    change,
                    Change::MeteredUsage { .. } | Change::ChangePriority { .. }
                )
            });
            let batch = batch.into_iter().map(|posting| posting.priority(0));
            let _ = from.post_all(batch.collect());
        }
        let mut file = Vec::new();
        let left_out = from.export_events(&mut file, |_| ()).unwrap();
        assert!(left_out.corrections > 0 && left_out.policies > 0 && left_out.records > 0);
        let (_other, to) = store_in_memory();
        for account in from.accounts().unwrap() {
            to.post(Workload::opening(&account.name)).unwrap();
        }
        let imported = import(&to, &file, ImportMode::Post).unwrap();
        assert_eq!(imported.posted, left_out.ids);
        for account in from.accounts().unwrap() {
            let instants: Vec<i64> = (-5..150).collect();
            let answers = |store: &Store| store.get_balances(&account.name, &instants).unwrap();
            assert_eq!(
                answers(&to),
                answers(&from),
                "seed {seed}, {}",
                account.name
            );
        }
    }
}

#[test]
fn a_copy_is_a_store_as_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (_disk, store) = filled(3);
    let before = store.last_sequence();
    thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let mut workload = Workload::open_ended(77, 3);
            for _ in 0..200 {
                let _ = store.post_all(workload.batch());
            }
        });
        for number in 0..5 {
            let path = folder.path().join(format!("copy-{number}.redb"));
            store.copy_to(&path).unwrap();
            let copy = Store::open(&path).unwrap();
            let as_of = copy.last_sequence();
            assert!(as_of >= before);
            let mut expected = everything(&store);
            expected
                .values_mut()
                .for_each(|entries| entries.retain(|entry| entry.sequence <= as_of));
            expected.retain(|_, entries| !entries.is_empty());
            assert_eq!(everything(&copy), expected);
            assert_sound(&copy);
            // It goes on from there by itself.
            copy.open_account("of the copy", Overdraft::Carry).unwrap();
        }
        posting.join().unwrap();
    });
    assert_eq!(
        store
            .accounts()
            .unwrap()
            .iter()
            .filter(|key| &*key.name == "of the copy")
            .count(),
        0
    );
}
