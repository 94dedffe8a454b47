//! Files that are only read: nothing is written, and what would write is refused.

use std::fs;
use std::path::Path;
use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_store::{Error, Posting, RecordId, StorageProblem, Store};

use crate::support::{assert_sound, everything, store};

fn problem<T>(result: Result<T, Error>) -> StorageProblem {
    match result.err().expect("an error") {
        Error::Journal(error) => error.problem().clone(),
        other => panic!("not of the storage: {other}"),
    }
}

fn fill(store: &Store) {
    let open = Posting::open_account("a", "open", Overdraft::Carry);
    let mut postings = vec![open, Posting::grant("a", "g", "march", 10_000, 0, 1_000)];
    postings.extend((0..900).map(|number| Posting::usage("a", format!("u{number}"), 2, number)));
    postings.push(Posting::retract("a", "r", "u7"));
    store.post_all(postings).unwrap();
}

/// A folder in which nobody may write, if the system cares, as long as this lives.
struct Locked<'f>(&'f Path);

impl<'f> Locked<'f> {
    fn new(folder: &'f Path) -> Self {
        set_mode(&folder.join("credit.redb"), 0o444);
        set_mode(folder, 0o555);
        Locked(folder)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        set_mode(self.0, 0o755);
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

#[test]
fn a_file_that_nobody_may_write_can_be_asked_and_stays_as_it_is() {
    let (folder, store) = store();
    let file = folder.path().join("credit.redb");
    fill(&store);
    let written = everything(&store);
    drop(store);
    let whole = fs::read(&file).unwrap();
    let locked = Locked::new(folder.path());

    let store = Store::open_read_only(&file).unwrap();
    let second = Store::open_read_only(&file).unwrap();
    assert_eq!(everything(&store), written);
    thread::scope(|scope| {
        for store in [&store, &store, &second] {
            scope.spawn(|| {
                assert_eq!(store.get_balance("a", 1_000).unwrap(), Some(8_202));
                let entry = store.entry("a", &RecordId::from("u7")).unwrap().unwrap();
                assert_eq!(entry.revision.get(), 10);
                assert_sound(store);
            });
        }
    });
    for _ in 0..2 {
        let post = store.post(Posting::usage("a", "new", 1, 0));
        assert!(matches!(problem(post), StorageProblem::ReadOnly));
        assert_eq!(store.get_balance("a", 1_000).unwrap(), Some(8_202));
    }
    // What is known already needs no writing.
    assert!(
        !store
            .post(Posting::usage("a", "u1", 2, 1))
            .unwrap()
            .is_new()
    );
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.redb");
    store.copy_to(&copy).unwrap();
    assert_eq!(everything(&Store::open(copy).unwrap()), written);
    drop((store, second, locked));
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_read_is_not_written_and_the_other_way_round() {
    let (folder, store) = store();
    let file = folder.path().join("credit.redb");
    assert!(matches!(
        problem(Store::open_read_only(&file)),
        StorageProblem::InUse
    ));
    drop(store);
    let reader = Store::open_read_only(&file).unwrap();
    assert!(matches!(problem(Store::open(&file)), StorageProblem::InUse));
    drop(reader);
    fill(&Store::open(&file).unwrap());
}

#[test]
fn a_file_that_was_not_closed_is_not_opened_to_be_read() {
    let (folder, store) = store();
    fill(&store);
    let killed = folder.path().join("killed.redb");
    fs::copy(folder.path().join("credit.redb"), &killed).unwrap();
    let refused = || problem(Store::open_read_only(&killed));
    assert!(matches!(refused(), StorageProblem::NotClosed));
    assert_sound(&Store::open(&killed).unwrap());
    assert_eq!(
        everything(&Store::open_read_only(&killed).unwrap()),
        everything(&store)
    );
}
