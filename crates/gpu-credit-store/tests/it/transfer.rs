//! Journals and events files, in and out; copies.

use std::ops::ControlFlow;
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    Error, ImportMode, ImportOptions, ImportStep, Imported, Sequence, Store, TimeUnit,
};

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
        let trial = ImportOptions {
            mode: ImportMode::DryRun,
            ..ImportOptions::default()
        };
        let trial = to
            .import_journal(lines.as_bytes(), &trial, |_| ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(
            to.last_sequence(),
            Sequence::START,
            "a dry run posts nothing"
        );
        let mut told = 0;
        let options = ImportOptions::default();
        let with_blank_line = format!("{lines}\n");
        let imported = to
            .import_journal(with_blank_line.as_bytes(), &options, |step| {
                if let ImportStep::Written(so_far) = step {
                    told = so_far;
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(format!("{imported:?}"), format!("{trial:?}"));
        assert_eq!(imported.posted, told);
        assert_eq!(journal(&to), lines, "to the last sequence number");
        assert_eq!(to.last_sequence().get(), last_of(&lines));
        let again = to
            .import_journal(lines.as_bytes(), &ImportOptions::default(), |_| {
                ControlFlow::Continue(())
            })
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
            .import_journal(lines.as_bytes(), &ImportOptions::default(), |_| {
                ControlFlow::Continue(())
            })
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
            "line 3: missing field `recorded_at`",
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
        let options = ImportOptions::default();
        let faulty = faulty.join("\n");
        let error = to.import_journal(faulty.as_bytes(), &options, |_| ControlFlow::Continue(()));
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
        let options = ImportOptions {
            mode,
            ..ImportOptions::default()
        };
        let error = store.import_journal(line.as_bytes(), &options, |_| ControlFlow::Continue(()));
        assert_eq!(
            error.unwrap_err().to_string(),
            "line 1: it deletes account \"acme\", and an import deletes none"
        );
    }
    assert_eq!(store.accounts().unwrap().len(), 1);
}

fn import_journal(store: &Store, lines: &str, mode: ImportMode) -> Result<Imported, Error> {
    let options = ImportOptions {
        mode,
        ..ImportOptions::default()
    };
    store.import_journal(lines.as_bytes(), &options, |_| ControlFlow::Continue(()))
}

/// Neither went with the journal: times were read in another unit, and a file that was imported before
/// was posted a second time.
#[test]
fn a_journal_brings_the_unit_of_time_and_the_files_that_were_imported() {
    let (_disk, from) = store_in_memory();
    from.set_time_unit(TimeUnit::Seconds).unwrap();
    let _ = import(&from, EVENTS.as_bytes(), ImportMode::Post).unwrap();
    let lines = journal(&from);
    let (_other, to) = store_in_memory();
    let _ = import_journal(&to, &lines, ImportMode::DryRun).unwrap();
    assert_eq!(to.time_unit().unwrap(), None, "a dry run says nothing");
    let imported = import_journal(&to, &lines, ImportMode::Post).unwrap();
    assert_eq!(imported.posted, 6);
    assert_eq!(to.time_unit().unwrap(), Some(TimeUnit::Seconds));
    assert_eq!(journal(&to), lines);
    let grown = format!("{EVENTS}usage,a,,1,60,\n");
    let imported = import(&to, grown.as_bytes(), ImportMode::Post).unwrap();
    assert_eq!((imported.posted, imported.continued), (1, 4));
    // To know the file is all that a second journal may bring.
    let (_third, third) = store_in_memory();
    let without: Vec<&str> = lines
        .lines()
        .filter(|line| !line.contains("imported_file"))
        .collect();
    let _ = import_journal(&third, &without.join("\n"), ImportMode::Post).unwrap();
    let imported = import_journal(&third, &lines, ImportMode::Post).unwrap();
    assert_eq!((imported.posted, imported.already_posted), (0, 6));
    assert_eq!(journal(&third), lines);
}

#[test]
fn a_journal_of_another_unit_is_refused() {
    let (_disk, from) = store_in_memory();
    from.set_time_unit(TimeUnit::Milliseconds).unwrap();
    from.open_account("a", Overdraft::Carry).unwrap();
    let lines = journal(&from);
    let (_other, to) = store_in_memory();
    to.set_time_unit(TimeUnit::Seconds).unwrap();
    let error = import_journal(&to, &lines, ImportMode::Post).unwrap_err();
    let expected = "the store's unit of time is s, not ms";
    assert_eq!(error.to_string(), expected);
    assert!(to.accounts().unwrap().is_empty());
    // What is said of a journal counts if it says nothing itself.
    let (_third, third) = store_in_memory();
    let options = ImportOptions {
        unit: Some(TimeUnit::Seconds),
        ..ImportOptions::default()
    };
    let said = |lines: &str| {
        third.import_journal(lines.as_bytes(), &options, |_| ControlFlow::Continue(()))
    };
    assert!(said(&lines).is_err());
    let (_, entries) = lines.split_once('\n').unwrap();
    let _ = said(entries).unwrap();
    assert_eq!(third.time_unit().unwrap(), Some(TimeUnit::Seconds));
}

#[test]
fn a_line_of_a_journal_that_says_something_else_is_shown_with_what_was_said() {
    let (_disk, store) = store_in_memory();
    let opening = r#"{"sequence":1,"recorded_at":0,"account":"a","id":"open","open_account":{"policy":"carry"}}"#;
    let usage = |sequence: u64, id: &str, amount: u64| {
        format!(
            r#"{{"sequence":{sequence},"recorded_at":0,"account":"a","id":"{id}","usage":{{"amount":{amount},"timestamp":9}}}}"#
        )
    };
    let lines = [opening.to_owned(), usage(2, "j", 4), usage(3, "j", 5)].join("\n");
    let error = import_journal(&store, &lines, ImportMode::Post).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: account \"a\", id \"j\": the row is usage of 5 at 9, but that of line 2 under this id \
         is usage of 4 at 9"
    );
    let lines = [opening.to_owned(), usage(2, "j", 4), usage(3, "j", 4)].join("\n");
    let imported = import_journal(&store, &lines, ImportMode::Post).unwrap();
    assert_eq!((imported.posted, imported.already_posted), (2, 1));
    let error = import_journal(&store, &usage(9, "j", 7), ImportMode::Post).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: account \"a\", id \"j\": the row is usage of 7 at 9, but revision 2, under this id, is \
         usage of 4 at 9"
    );
    let again = opening.replace("\"open\"", "\"anew\"");
    let error = import_journal(&store, &again, ImportMode::Post).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: account \"a\" exists already, opened under another id"
    );
    let twice = format!(
        "{opening}\n{}",
        again.replace("\"sequence\":1", "\"sequence\":2")
    );
    let (_other, other) = store_in_memory();
    let error = import_journal(&other, &twice, ImportMode::Post).unwrap_err();
    assert_eq!(error.to_string(), "line 2: it opens account \"a\" again");
}

/// All lines were held, however many there were.
#[test]
fn a_journal_that_would_take_too_much_memory_is_refused() {
    let (_disk, store) = store_in_memory();
    let options = ImportOptions {
        memory_bytes_max: 390 << 20,
        ..ImportOptions::default()
    };
    let mut lines = String::new();
    for line in 1..300_000 {
        lines.push_str(&format!(
            r#"{{"sequence":{line},"recorded_at":0,"account":"a","id":"{line}","usage":{{"amount":1,"timestamp":0}}}}"#
        ));
        lines.push('\n');
    }
    let error = store.import_journal(lines.as_bytes(), &options, |_| ControlFlow::Continue(()));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("line "), "{error}");
    assert!(error.contains("may take 408944640"), "{error}");
    assert_eq!(store.last_sequence(), Sequence::START);
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
    store.import_events(file, &options, |_| ControlFlow::Continue(()))
}

#[test]
fn an_events_file_is_imported_once() {
    let (_folder, store) = store_in_memory();
    for mode in [ImportMode::DryRun, ImportMode::Post] {
        assert_eq!(store.last_sequence(), Sequence::START);
        let imported = import(&store, EVENTS.as_bytes(), mode).unwrap();
        assert_eq!((imported.posted, imported.already_posted), (6, 0));
        assert_eq!((imported.questions, imported.continued), (1, 0));
        let opened = imported.opened.iter();
        let opened: Vec<_> = opened
            .map(|account| (&*account.name, account.policy))
            .collect();
        assert_eq!(opened, [("a", Overdraft::Carry), ("b", Overdraft::Carry)]);
        assert!(imported.refused.is_empty());
    }
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
            let _ = from.post_all(workload.batch());
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
