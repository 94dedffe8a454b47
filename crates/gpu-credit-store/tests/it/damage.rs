//! Files that are not as they were written: refused, here or there, or harmless; never a wrong answer,
//! never a panic.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gpu_credit::Overdraft;
use gpu_credit_store::{
    Error, ImportOptions, Posting, RedbJournal, Revision, StorageProblem, Store,
};
use gpu_credit_workload::random::Random;
use redb::StorageBackend;

use crate::support::backend::Disk;
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, open_disk, store};

/// A file, and what may be answered from it.
struct File {
    folder: tempfile::TempDir,
    whole: Vec<u8>,
    /// What the store holds; and after an unclean end, what it held before the newest commit, which may
    /// be rolled back.
    contents: Vec<String>,
}

/// Accounts of one page and of many, some deleted.
fn filled() -> (tempfile::TempDir, Store) {
    let (folder, store) = store();
    let mut workload = Workload::new(11, 3);
    for number in 0..60 {
        // What is refused is not written.
        let _ = store.post_all(workload.batch());
        let mut batch = vec![Posting::open_account("large", "open", Overdraft::Carry)];
        batch.extend((0..20).map(|place| {
            let id = format!("job-{:06}", 20 * number + place);
            Posting::usage("large", id, number + place, 100 - number.cast_signed())
        }));
        store.post_all(batch).unwrap();
    }
    (folder, store)
}

fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("credit.redb")
}

fn closed() -> File {
    let (folder, store) = filled();
    let contents = vec![answers(&store).unwrap()];
    drop(store);
    let whole = fs::read(path(&folder)).unwrap();
    File {
        folder,
        whole,
        contents,
    }
}

/// As a kill leaves it: all was acknowledged, nothing was closed.
fn killed() -> File {
    let (folder, store) = filled();
    let before = answers(&store).unwrap();
    store.post(Posting::usage("large", "last", 1, 50)).unwrap();
    let whole = fs::read(path(&folder)).unwrap();
    let contents = vec![answers(&store).unwrap(), before];
    File {
        folder,
        whole,
        contents,
    }
}

/// All that a store holds, and some of what follows from it.
fn answers(store: &Store) -> Result<String, Error> {
    let mut lines = Vec::new();
    store.export_journal(&mut lines, |_| ())?;
    let mut answers = String::from_utf8(lines).unwrap();
    for account in store.accounts()? {
        for at in [0, 50, 100] {
            match store.balance_at(&account.name, at) {
                Err(Error::Closed(_)) => {}
                answer => answers.push_str(&format!("{} {at} {:?}\n", account.name, answer?)),
            }
        }
    }
    Ok(answers)
}

/// Posts again all that was posted, and says how much was new.
fn retry(store: &Store, content: &str) -> Result<u64, Error> {
    let journal: String = content
        .split_inclusive('\n')
        .filter(|line| line.starts_with('{'))
        .collect();
    let retried = store.import_journal(journal.as_bytes(), &ImportOptions::default(), |_| {
        ControlFlow::Continue(())
    })?;
    Ok(retried.posted)
}

impl File {
    /// Whether what is wrong with the file was found. `Err` says what was answered wrongly.
    fn try_damaged(
        &self,
        bytes: &[u8],
        open: impl Fn(&Path) -> Result<Store, Error>,
    ) -> Result<bool, String> {
        let path = self.folder.path().join("damaged.redb");
        fs::write(&path, bytes).unwrap();
        let is_found = |error: Error| match error {
            Error::Journal(error) if error.to_string().contains("damaged.redb") => Ok(true),
            error => Err(format!("not of the storage: {error}")),
        };
        let store = match open(&path) {
            Ok(store) => store,
            Err(error) => return is_found(error),
        };
        let content = match answers(&store) {
            Ok(content) => content,
            Err(error) => return is_found(error),
        };
        if !self.contents.contains(&content) {
            return Err("what is there has changed".to_owned());
        }
        match retry(&store, &content) {
            Ok(0) => {}
            Ok(posted) => return Err(format!("{posted} known ids are posted again")),
            Err(error) => return is_found(error),
        }
        match store.check(3, |_| ()) {
            Ok(report) if report.is_sound() => Ok(false),
            Ok(report) => report
                .problems
                .iter()
                .all(|problem| problem.contains("damaged"))
                .then_some(true)
                .ok_or_else(|| format!("{:?}", report.problems)),
            Err(error) => is_found(error),
        }
    }

    /// Damages the file in many ways; returns how many of them were found.
    fn damage(&self, seed: u64, times: u64, open: impl Fn(&Path) -> Result<Store, Error>) -> u64 {
        let mut random = Random::new(seed);
        let mut found = 0;
        for number in 0..times {
            let (what, bytes) = damaged(&self.whole, &mut random);
            let tried = AssertUnwindSafe(|| self.try_damaged(&bytes, &open));
            match catch_unwind(tried) {
                Ok(Ok(is_found)) => found += u64::from(is_found),
                Ok(Err(problem)) => panic!("seed {seed}, {number}, {what}: {problem}"),
                Err(_) => panic!("seed {seed}, {number}, {what}: it panics"),
            }
        }
        found
    }
}

const PAGE_BYTES: usize = 4_096;

/// A copy of a file that is damaged somewhere, and how.
fn damaged(whole: &[u8], random: &mut Random) -> (String, Vec<u8>) {
    let mut bytes = whole.to_vec();
    let pages = whole.len() / PAGE_BYTES;
    let mut below = |most: usize| random.below(most as u64) as usize;
    let page = |number: usize| number * PAGE_BYTES..(number + 1) * PAGE_BYTES;
    let what = match below(8) {
        0 => {
            let (place, bit) = (below(320), below(8));
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place} of the header")
        }
        1 => {
            let number = below(pages);
            bytes[page(number)].fill(0);
            format!("page {number} is zero")
        }
        2 => {
            let (from, to) = (below(pages), below(pages));
            bytes.copy_within(page(from), to * PAGE_BYTES);
            format!("page {to} is page {from}")
        }
        3 => {
            let length = below(whole.len());
            bytes.truncate(length);
            format!("cut to {length} bytes")
        }
        _ => {
            // Much of a small file is room to grow.
            let place = loop {
                let place = below(whole.len());
                if whole[place] != 0 {
                    break place;
                }
            };
            let bit = below(8);
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place}")
        }
    };
    (what, bytes)
}

#[test]
fn damage_to_a_closed_file_is_found_or_harmless() {
    let file = closed();
    let times = count("GPU_CREDIT_STORE_FLIPS", 200);
    let found = file.damage(1, times, |path| Store::open(path));
    assert!(found > times / 8, "of {times} {found} were found");
}

#[test]
fn damage_to_a_closed_file_is_found_or_harmless_to_who_verifies_all_of_it() {
    let file = closed();
    let times = count("GPU_CREDIT_STORE_FLIPS", 200) / 3;
    let found = file.damage(2, times, |path| Store::open_verified(path));
    assert!(found > times / 8, "of {times} {found} were found");
}

#[test]
fn damage_to_a_file_of_a_killed_process_is_found_or_harmless() {
    let file = killed();
    let times = count("GPU_CREDIT_STORE_FLIPS", 200);
    let found = file.damage(3, times, |path| Store::open(path));
    assert!(found > times / 8, "of {times} {found} were found");
}

/// A storage that comes to no good end, as redb does if what it reads cannot be.
#[derive(Debug)]
struct Panics {
    disk: Disk,
    armed: Arc<AtomicBool>,
}

impl StorageBackend for Panics {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        assert!(!self.armed.load(Ordering::SeqCst), "a page that cannot be");
        self.disk.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        assert!(!self.armed.load(Ordering::SeqCst), "a page that cannot be");
        self.disk.write(offset, data)
    }
}

#[test]
fn a_panic_of_redb_is_an_error_and_nothing_is_done_after_it() {
    let problem = |error: Error| match error {
        Error::Journal(error) => error.problem().clone(),
        error => panic!("{error}"),
    };
    let disk = Disk::default();
    let store = open_disk(disk.clone());
    store.open_account("a", Overdraft::Carry).unwrap();
    store.post(Posting::usage("a", "u", 1, 0)).unwrap();
    drop(store);
    let armed = Arc::new(AtomicBool::new(false));
    let backend = Panics {
        disk: disk.clone(),
        armed: Arc::clone(&armed),
    };
    let journal = RedbJournal::with_backend(backend, "disk").unwrap();
    let store = Store::with_journal(journal).unwrap();
    armed.store(true, Ordering::SeqCst);
    let post = |id: &str| store.post(Posting::usage("a", id, 1, 0));
    let first = problem(post("v").unwrap_err());
    assert!(matches!(first, StorageProblem::Damaged(_)), "{first}");
    armed.store(false, Ordering::SeqCst);
    let next = problem(post("w").unwrap_err());
    assert!(matches!(next, StorageProblem::FailedBefore), "{next}");
    drop(store);
    // It is verified when it is opened again, and goes on.
    let store = open_disk(disk);
    assert_eq!(store.balance_at("a", 0).unwrap().deficit, 1);
    store.post(Posting::usage("a", "w", 1, 0)).unwrap();
    assert_sound(&store);
}

/// A panic of whoever looks at the history is theirs.
#[test]
fn a_visitor_that_panics_leaves_the_store_as_it_was() {
    let (_folder, store) = filled();
    let visit = || store.visit_history("large", Revision::START, |_| panic!("visitor"));
    let panic = catch_unwind(AssertUnwindSafe(visit)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"visitor"));
    store.post(Posting::usage("large", "after", 1, 0)).unwrap();
    assert_sound(&store);
}
