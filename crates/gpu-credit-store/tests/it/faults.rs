//! Files and disks that are not as they should be: a clear error that names the file, nothing lost.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    Error, Journal, Lane, Posting, Reader, RedbJournal, Sequence, StorageProblem, Store,
};
use redb::{ReadableDatabase, TableDefinition};

use crate::support::backend::{Disk, place};
use crate::support::journal::{Hooked, Step};
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, everything, store};

/// The problem of a failure that names the file.
fn problem<T>(result: Result<T, Error>, file: &str) -> StorageProblem {
    match result.err().expect("an error") {
        Error::Journal(error) => {
            assert!(
                error.place().ends_with(file),
                "{error} does not name {file}"
            );
            assert!(error.to_string().contains(file));
            error.problem().clone()
        }
        other => panic!("not of the storage: {other}"),
    }
}

/// A store with some content, closed; its folder, its file and what it holds.
fn closed_store(seed: u64) -> (tempfile::TempDir, std::path::PathBuf, String) {
    let (folder, store) = store();
    let mut workload = Workload::new(seed, 3);
    for _ in 0..60 {
        let _ = store.post_all(workload.batch());
    }
    let content = exported(&store);
    let file = folder.path().join("credit.redb");
    (folder, file, content)
}

fn exported<J: Journal>(store: &Store<Lane<J>>) -> String {
    let mut lines = Vec::new();
    store.export_journal(&mut lines, |_| ()).unwrap();
    String::from_utf8(lines).unwrap()
}

#[test]
fn there_must_be_a_file_and_not_two() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.redb");
    assert!(matches!(
        problem(Store::open(&file), "none.redb"),
        StorageProblem::NotFound
    ));
    let store = Store::create(&file).unwrap();
    assert!(matches!(
        problem(Store::create(&file), "none.redb"),
        StorageProblem::Exists
    ));
    assert!(matches!(
        problem(store.copy_to(&file), "none.redb"),
        StorageProblem::Exists
    ));
    let nowhere = folder.path().join("no/where.redb");
    assert!(matches!(
        problem(Store::create(nowhere), "where.redb"),
        StorageProblem::NoFolder
    ));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left behind"
    );
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table: TableDefinition<'_, u64, u64> = TableDefinition::new("theirs");
    let redb = folder.path().join("other.redb");
    let database = redb::Database::create(&redb).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(table).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(
        problem(Store::open(&redb), "other.redb"),
        StorageProblem::NotAStore
    ));
    let database = redb::Database::open(&redb).unwrap();
    let read = database.begin_read().unwrap();
    assert_eq!(
        read.open_table(table)
            .unwrap()
            .get(1)
            .unwrap()
            .unwrap()
            .value(),
        2
    );
    assert_eq!(read.list_tables().unwrap().count(), 1);
    for content in [&b""[..], b"kind,account", &[0; 100_000]] {
        let text = folder.path().join("notes.txt");
        fs::write(&text, content).unwrap();
        assert!(matches!(
            problem(Store::open(&text), "notes.txt"),
            StorageProblem::NotAStore
        ));
        assert_eq!(fs::read(&text).unwrap(), content);
    }
}

#[test]
fn a_file_of_a_newer_format_is_refused() {
    let (_folder, file, _) = closed_store(1);
    let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");
    let database = redb::Database::open(&file).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(meta).unwrap().insert("format", 7).unwrap();
    write.commit().unwrap();
    drop(database);
    let problem = problem(Store::open(&file), "credit.redb");
    assert!(matches!(
        problem,
        StorageProblem::Newer { found: 7, known: 6 }
    ));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, file, _) = closed_store(1);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    // Some users may write all the same.
    if fs::OpenOptions::new().write(true).open(&file).is_ok() {
        eprintln!("this user may write any file: not tested");
        return;
    }
    assert!(matches!(
        problem(Store::open(&file), "credit.redb"),
        StorageProblem::Denied(_)
    ));
    drop(folder);
}

/// Not a test of its own: what the second process runs.
#[test]
#[ignore = "run by the test below"]
fn opens_what_is_open() {
    if let Ok(file) = std::env::var("GPU_CREDIT_STORE_SECOND") {
        assert!(matches!(
            problem(Store::open(file), "credit.redb"),
            StorageProblem::InUse
        ));
        println!("refused");
    }
}

#[test]
fn a_file_is_open_once() {
    let (folder, store) = store();
    let file = folder.path().join("credit.redb");
    assert!(matches!(
        problem(Store::open(&file), "credit.redb"),
        StorageProblem::InUse
    ));
    let second = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "faults::opens_what_is_open",
            "--ignored",
            "--nocapture",
        ])
        .env("GPU_CREDIT_STORE_SECOND", &file)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(second.status.success());
    assert!(String::from_utf8_lossy(&second.stdout).contains("refused"));
    store.open_account("a", Overdraft::Carry).unwrap();
    drop(store);
    Store::open(&file).unwrap();
}

/// A disk that is full after any number of operations: posting fails, what is there can still be
/// asked, and opening again finds all that was acknowledged.
#[test]
fn a_full_disk_loses_nothing() {
    let disk = Disk::default();
    let open = |disk: &Disk, name: &str| {
        let journal = RedbJournal::with_backend(disk.clone(), name)?;
        Store::with_journal(journal)
    };
    drop(open(&disk, "empty").unwrap());
    let empty = disk.bytes();
    let mut failed = 0;
    for operations in 0..count("GPU_CREDIT_STORE_FULL", 120) {
        let (disk, name) = (Disk::holding(empty.clone()), place());
        let store = open(&disk, &name).unwrap();
        store.open_account("a", Overdraft::Carry).unwrap();
        disk.fill_up_after(operations);
        let mut posted = 0;
        let failure = (0..10).find_map(|number: u64| {
            let id = number.to_string();
            match store.post(Posting::usage("a", id, 1, 0)) {
                Ok(_) => {
                    posted += 1;
                    None
                }
                failure => Some(problem(failure, &name)),
            }
        });
        assert_eq!(store.balance_at("a", 0).unwrap().deficit, posted);
        if let Some(failure) = failure {
            failed += 1;
            assert!(matches!(failure, StorageProblem::Full), "{failure}");
            let next = problem(store.post(Posting::usage("a", "next", 1, 0)), &name);
            assert!(
                matches!(next, StorageProblem::FailedBefore | StorageProblem::Full),
                "{next}"
            );
            let asked = store.balance_at("a", 0).unwrap();
            assert_eq!(asked.deficit, posted, "questions are answered from memory");
        }
        drop(store);
        let store = open(&Disk::holding(disk.bytes()), &name).unwrap();
        let found = everything(&store)["a"].len() as u64 - 1;
        assert!(
            found == posted || found == posted + 1,
            "{posted} acknowledged, {found} found"
        );
        // The caller does not know of the last one; posting it again settles that.
        for number in 0..=posted {
            store
                .post(Posting::usage("a", number.to_string(), 1, 0))
                .unwrap();
        }
        assert_eq!(store.balance_at("a", 0).unwrap().deficit, posted + 1);
        assert_sound(&store);
    }
    assert!(failed > 20, "{failed} disks were full");
}

/// A thread that panics while it commits takes nobody with it, and nothing is written over.
#[test]
fn a_commit_that_panics_is_caught_up_with() {
    // Its thread comes to an end in every eighth append, in turns before and after the entries are
    // durable.
    let appends = AtomicU64::new(0);
    let store = Store::with_journal(Hooked::new(move |step: Step<'_>| {
        let number = match step {
            Step::Append => appends.fetch_add(1, Ordering::SeqCst) + 1,
            Step::Appended => appends.load(Ordering::SeqCst),
            _ => 0,
        };
        match step {
            Step::Append => assert!(number % 16 != 8, "before writing"),
            Step::Appended => assert!(number % 16 != 0, "after writing"),
            _ => {}
        }
        Ok(())
    }))
    .unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    thread::scope(|scope| {
        for writer in 0..3 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..40 {
                    let posting = Posting::usage("a", format!("{writer}-{number}"), 1, 0);
                    // Whoever led has come to an end; whoever waited is told so. Both try again.
                    let posts = (0..50).any(|_| {
                        let post = AssertUnwindSafe(|| store.post(posting.clone()));
                        matches!(catch_unwind(post), Ok(Ok(_)))
                    });
                    assert!(posts, "writer {writer} gets through");
                }
            });
        }
    });
    assert_eq!(store.balance_at("a", 0).unwrap().deficit, 120);
    assert_eq!(store.last_sequence(), Sequence::new(121));
    assert_sound(&store);
}

/// A file whose last sequence is not that of its last entry: what was posted was acknowledged and
/// written nowhere, or over an entry.
#[test]
fn nothing_is_acknowledged_that_is_not_written_whatever_the_last_sequence() {
    let set = |file: &std::path::Path, last: u64| {
        let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");
        let database = redb::Database::open(file).unwrap();
        let write = database.begin_write().unwrap();
        let key = "last sequence";
        write.open_table(meta).unwrap().insert(key, last).unwrap();
        write.commit().unwrap();
    };
    for last in [0, 1, 3, 4, 5, 8, 9, u64::MAX - 1, u64::MAX] {
        let (folder, store) = store();
        store.open_account("a", Overdraft::Carry).unwrap();
        store.open_account("b", Overdraft::Carry).unwrap();
        for number in 0..6 {
            let account = ["a", "b"][number % 2];
            let id = number.to_string();
            store.post(Posting::usage(account, id, 1, 0)).unwrap();
        }
        drop(store);
        let file = folder.path().join("credit.redb");
        set(&file, last);
        let Ok(store) = Store::open(&file) else {
            continue;
        };
        let postings = [
            Posting::usage("a", "x", 1, 0),
            Posting::usage("b", "x", 1, 0),
            Posting::usage("a", "y", 1, 0),
            Posting::open_account("c", "open", Overdraft::Carry),
            Posting::usage("a", "0", 1, 0),
        ];
        for posting in postings {
            let Ok(outcome) = store.post(posting.clone()) else {
                continue;
            };
            let found = store
                .journal()
                .heads(&[&posting.account])
                .unwrap()
                .pop()
                .flatten();
            let found = found.map(|head| (head.account, posting.id.clone()));
            let found = store.journal().find_many(&[found.unwrap()]).unwrap();
            let entry = found[0].as_ref().expect("what is acknowledged is there");
            assert_eq!(Some(entry.revision), outcome.revision());
            assert_eq!(entry.change, posting.change);
        }
        drop(store);
        // All that was there is there.
        set(&file, 100);
        let store = Store::open(&file).unwrap();
        for number in 0..6_usize {
            let account = ["a", "b"][number % 2];
            let id = number.to_string().into();
            let entry = store.entry(account, &id).unwrap().unwrap();
            assert_eq!(entry.sequence, Sequence::new(number as u64 + 3));
        }
    }
}
