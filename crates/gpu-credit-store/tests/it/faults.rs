//! Files and disks that are not as they should be: a clear error that names the file, nothing lost.

use std::fs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    AccountKey, Entry, Error, Head, Journal, JournalError, Part, Posting, RecordId, RedbJournal,
    Sequence, StorageProblem, Store,
};
use redb::{ReadableDatabase, TableDefinition};

use crate::support::backend::{Disk, place};
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

fn exported<J: Journal>(store: &Store<J>) -> String {
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
        StorageProblem::NotFound
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
    write.open_table(meta).unwrap().insert("format", 3).unwrap();
    write.commit().unwrap();
    drop(database);
    let problem = problem(Store::open(&file), "credit.redb");
    assert!(matches!(
        problem,
        StorageProblem::Newer { found: 3, known: 2 }
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

/// Fails in every way a journal must not: its thread comes to an end, before or after the entries are
/// durable.
struct Treacherous {
    journal: RedbJournal,
    /// Appends until the next panic, and whether it comes after writing.
    left: std::sync::Mutex<(u64, bool)>,
}

impl Journal for Treacherous {
    fn append(&self, entries: &[Entry], heads: &[Head]) -> Result<(), JournalError> {
        let panics = {
            let mut left = self.left.lock().unwrap();
            let (appends, is_after) = *left;
            *left = match appends {
                0 => (7, !is_after),
                more => (more - 1, is_after),
            };
            (appends == 0).then_some(is_after)
        };
        assert!(panics != Some(false), "before writing");
        self.journal.append(entries, heads)?;
        assert!(panics != Some(true), "after writing");
        Ok(())
    }

    fn append_parts(
        &self,
        parts: &mut dyn Iterator<Item = Result<Part, JournalError>>,
    ) -> Result<(), JournalError> {
        self.journal.append_parts(parts)
    }

    fn note(&self, name: &str) -> Result<Option<u64>, JournalError> {
        self.journal.note(name)
    }

    fn notes(&self, beginning: &str) -> Result<Vec<(String, u64)>, JournalError> {
        self.journal.notes(beginning)
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        self.journal.keep_note(name, number)
    }

    fn last_sequence(&self) -> Result<Sequence, JournalError> {
        self.journal.last_sequence()
    }

    fn heads(&self, names: &[&str]) -> Result<Vec<Option<Head>>, JournalError> {
        self.journal.heads(names)
    }

    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError> {
        self.journal.accounts()
    }

    fn entries(
        &self,
        account: &AccountKey,
        after: Sequence,
        through: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        self.journal.entries(account, after, through, visit)
    }

    fn find_many(
        &self,
        ids: &[(AccountKey, RecordId)],
    ) -> Result<Vec<Option<Entry>>, JournalError> {
        self.journal.find_many(ids)
    }

    fn deletion(&self, name: &str, id: &RecordId) -> Result<Option<Sequence>, JournalError> {
        self.journal.deletion(name, id)
    }

    fn check(&self) -> Result<Vec<String>, JournalError> {
        self.journal.check()
    }
}

/// A thread that panics while it commits takes nobody with it, and nothing is written over.
#[test]
fn a_commit_that_panics_is_caught_up_with() {
    let journal = RedbJournal::with_backend(Disk::default(), "disk").unwrap();
    let left = std::sync::Mutex::new((9, false));
    let store = Store::with_journal(Treacherous { journal, left }).unwrap();
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
