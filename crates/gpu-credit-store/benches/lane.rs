//! How long somebody waits whose postings have nothing to do with what is slow, and how long a batch
//! holds everybody up.
//!
//! ```console
//! $ cargo bench -p gpu-credit-store --bench lane
//! $ cargo bench -p gpu-credit-store --bench lane -- --quick    # seconds, to see that it works
//! $ cargo bench -p gpu-credit-store --bench lane -- --writes   # the second part alone
//! ```
//!
//! * The worst single posting to one account while something slow goes on with another: a question
//!   that takes two seconds, and is posted to; the first correction in an account of a million entries
//!   that is not loaded; a trial of 200,000 postings; a copy of the file. It is to be at most the larger
//!   of 10 medians without anything slow and 50 ms.
//! * A batch of 200,000, the import of an events file of as many rows and of a journal of as many entries
//!   hold the lane for their write: the worst posting meanwhile, against a bare redb transaction that inserts
//!   the same rows, in the order of their keys, into a copy of the file from before. It has the rows ready,
//!   and appends those of an account through a cursor, as the store does, which is the cheapest way.
//!
//! How long somebody waits for a thread that only keeps a processor busy is measured too: on a machine
//! that has other things to do, that is what the figures are to be compared with.
//!
//! All of it runs in one process. What was written is verified.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{ImportOptions, Posting, Reader as _, Store};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("revisions");
const IDS: TableDefinition<'_, (u64, u64, u64), ()> = TableDefinition::new("record ids");
const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");

/// Pages that the store keeps in memory.
const CACHE_BYTES: usize = 128 << 20;

const AT_LEAST: Duration = Duration::from_millis(50);

/// How much is measured.
#[derive(Clone, Copy)]
struct Sizes {
    /// Entries of the account that is not loaded.
    cold: u64,
    /// Postings of a batch, and rows of an import.
    batch: u64,
    rounds: usize,
    /// How long a question takes.
    question: Duration,
}

impl Sizes {
    fn asked() -> Self {
        let quick = Sizes {
            cold: 20_000,
            batch: 5_000,
            rounds: 1,
            question: Duration::from_millis(200),
        };
        if is_said("--quick") {
            return quick;
        }
        if is_said("--count") {
            let batch = 50_000;
            return Sizes { batch, ..quick };
        }
        Sizes {
            cold: 1_000_000,
            batch: 200_000,
            rounds: 7,
            question: Duration::from_secs(2),
        }
    }
}

fn main() {
    let sizes = Sizes::asked();
    let folder = tempfile::tempdir().unwrap();
    if !is_said("--writes") {
        waits(folder.path(), sizes);
    }
    all_writes(folder.path(), sizes);
}

/// How long somebody waits while something slow goes on elsewhere.
fn waits(folder: &Path, sizes: Sizes) {
    let path = folder.join("credit.redb");
    let store = Store::create(&path).unwrap();
    for account in ["slow", "cold", "elsewhere", "batch"] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    for start in (0..sizes.cold).step_by(100_000) {
        let end = (start + 100_000).min(sizes.cold);
        store.post_all(usage("cold", "", start..end)).unwrap();
    }
    drop(store);
    let store = Store::open(&path).unwrap();
    let mut prober = Prober {
        store: &store,
        next: 0,
    };
    let quiet = prober.while_running(|| thread::sleep(sizes.question));
    let limit = AT_LEAST.max(10 * quiet.median);
    println!("nothing slow: {quiet}; the limit is {limit:.0?}");
    let busy = prober.while_running(|| {
        let end = Instant::now() + 2 * sizes.question;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    });
    println!("a busy thread, which has nothing to do with the store: {busy}");
    let report = |what: &str, probed: &Probed| {
        let holds = if probed.worst <= limit {
            ""
        } else {
            " PAST THE LIMIT"
        };
        println!("{what}: {probed}{holds}");
    };
    report(
        "a slow question",
        &prober.while_running(|| {
            thread::scope(|scope| {
                let ask = || store.with_account("slow", |_| thread::sleep(sizes.question));
                let asked = scope.spawn(ask);
                thread::sleep(Duration::from_millis(100));
                store
                    .post(Posting::usage("slow", "meanwhile", 1, 0))
                    .unwrap();
                asked.join().unwrap().unwrap();
            });
        }),
    );
    report(
        "a cold account",
        &prober.while_running(|| {
            store
                .post(Posting::usage("cold", "one more", 1, 0))
                .unwrap();
            store
                .post(Posting::retract("cold", "fix", "one more"))
                .unwrap();
        }),
    );
    report(
        "a trial",
        &prober.while_running(|| {
            let trial = usage("batch", "trial ", 0..sizes.batch);
            assert_eq!(store.dry_run(trial).unwrap().len() as u64, sizes.batch);
        }),
    );
    report(
        "a copy",
        &prober.while_running(|| {
            store.copy_to(folder.join("copy.redb")).unwrap();
        }),
    );
    assert_eq!(
        store.balance_at("elsewhere", 0).unwrap().deficit,
        prober.next
    );
}

fn all_writes(folder: &Path, sizes: Sizes) {
    writes(folder, sizes, "a batch", |sizes| {
        let batch = usage("batch", "", sizes.batch..2 * sizes.batch);
        move |store: &Store| store.post_all(batch).unwrap().len() as u64
    });
    writes(folder, sizes, "an import of events", |sizes| {
        let mut file = String::from("kind,account,credit_id,amount,timestamp,expiration\n");
        for number in sizes.batch..2 * sizes.batch {
            writeln!(file, "usage,batch,,1,{number},").unwrap();
        }
        move |store: &Store| {
            let imported =
                store.import_events(file.as_bytes(), &options(), |_| ControlFlow::Continue(()));
            imported.unwrap().posted
        }
    });
    writes(folder, sizes, "an import of a journal", |sizes| {
        let from = Store::in_memory().unwrap();
        from.open_account("batch", Overdraft::Carry).unwrap();
        let entries = usage("batch", "", sizes.batch..2 * sizes.batch);
        from.post_all(entries).unwrap();
        let mut file = Vec::new();
        from.export_journal(&mut file, |_| ()).unwrap();
        move |store: &Store| {
            let imported =
                store.import_journal(file.as_slice(), &options(), |_| ControlFlow::Continue(()));
            imported.unwrap().posted
        }
    });
}

fn is_said(option: &str) -> bool {
    std::env::args().any(|argument| argument == option)
}

fn options() -> ImportOptions {
    ImportOptions::default()
}

fn usage(account: &str, prefix: &str, numbers: std::ops::Range<u64>) -> Vec<Posting> {
    let posting = |number: u64| {
        let at = number.cast_signed();
        Posting::usage(account, format!("{prefix}{number:010}"), 1, at)
    };
    numbers.map(posting).collect()
}

/// Posts to one account, again and again.
struct Prober<'s> {
    store: &'s Store,
    next: u64,
}

/// How long single postings took.
struct Probed {
    count: usize,
    median: Duration,
    worst: Duration,
    whole: Duration,
}

impl Prober<'_> {
    fn while_running(&mut self, slow: impl FnOnce() + Send) -> Probed {
        let start = Instant::now();
        let mut taken = Vec::new();
        thread::scope(|scope| {
            let slow = scope.spawn(slow);
            while !slow.is_finished() || taken.is_empty() {
                let id = self.next.to_string();
                self.next += 1;
                let start = Instant::now();
                let posting = Posting::usage("elsewhere", id, 1, 0);
                self.store.post(posting).unwrap();
                taken.push(start.elapsed());
            }
        });
        taken.sort_unstable();
        Probed {
            count: taken.len(),
            median: taken[taken.len() / 2],
            worst: taken[taken.len() - 1],
            whole: start.elapsed(),
        }
    }
}

impl std::fmt::Display for Probed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Probed {
            count,
            median,
            worst,
            whole,
        } = self;
        write!(
            formatter,
            "{whole:.0?}; of {count} postings the median {median:.1?}, the worst {worst:.1?}"
        )
    }
}

/// How long a write of many entries holds everybody up. `prepare` makes ready what is written.
fn writes<Write: FnOnce(&Store) -> u64 + Send>(
    folder: &Path,
    sizes: Sizes,
    what: &str,
    prepare: impl Fn(Sizes) -> Write,
) {
    let mut ratios = Vec::new();
    for round in 0..sizes.rounds {
        let path = folder.join("batch.redb");
        let copy = folder.join("bare.redb");
        let store = Store::create(&path).unwrap();
        for account in ["elsewhere", "batch"] {
            store.open_account(account, Overdraft::Carry).unwrap();
        }
        store.post_all(usage("batch", "", 0..sizes.batch)).unwrap();
        let after = store.last_sequence().get();
        drop(store);
        fs::copy(&path, &copy).unwrap();
        fs::File::open(&copy).unwrap().sync_all().unwrap();
        let store = Store::open(&path).unwrap();
        // It reads every page.
        assert_eq!(store.journal().check().unwrap(), [""; 0]);
        let mut prober = Prober {
            store: &store,
            next: 0,
        };
        let write = prepare(sizes);
        let probed = prober.while_running(|| assert_eq!(perform(write, &store), sizes.batch));
        let posted = store.head("batch").unwrap().totals.used;
        assert_eq!(posted, 2 * sizes.batch);
        drop(store);
        let rows = Rows::after(after, &path);
        assert!(rows.entries.len() as u64 > sizes.batch && rows.entries.len() == rows.ids.len());
        let bare = rows.write(&copy);
        println!("{what}, round {round}: {probed}; bare redb {bare:.1?}");
        ratios.push(probed.worst.as_secs_f64() / bare.as_secs_f64());
        fs::remove_file(path).unwrap();
        fs::remove_file(copy).unwrap();
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let (least, greatest) = (ratios[0], ratios[ratios.len() - 1]);
    println!("worst posting during {what} / bare redb: {median:.2} [{least:.2}, {greatest:.2}]");
}

/// A function of its own, for profilers.
#[inline(never)]
fn perform(write: impl FnOnce(&Store) -> u64, store: &Store) -> u64 {
    write(store)
}

/// Rows of a file, in the order of their keys.
struct Rows {
    entries: Vec<((u64, u64), Vec<u8>)>,
    ids: Vec<(u64, u64, u64)>,
    heads: Vec<(u64, Vec<u8>)>,
}

impl Rows {
    /// The entries that come after a place, and all heads. It reads every page.
    fn after(place: u64, path: &Path) -> Self {
        let file = open(path);
        let read = file.begin_read().unwrap();
        let entries = read.open_table(ENTRIES).unwrap();
        let entries = entries.iter().unwrap().map(|row| {
            let (key, value) = row.unwrap();
            (key.value(), value.value().to_vec())
        });
        let ids = read.open_table(IDS).unwrap();
        let ids = ids.iter().unwrap().map(|row| row.unwrap().0.value());
        let heads = read.open_table(HEADS).unwrap();
        let heads = heads.iter().unwrap().map(|row| {
            let (account, head) = row.unwrap();
            (account.value(), head.value().to_vec())
        });
        // A value begins with the place of its entry among all.
        let is_later = |value: &[u8]| postcard::take_from_bytes::<u64>(value).unwrap().0 > place;
        let entries: Vec<_> = entries.filter(|(_, value)| is_later(value)).collect();
        let keys: HashSet<(u64, u64)> = entries.iter().map(|(key, _)| *key).collect();
        Rows {
            ids: ids
                .filter(|(account, _, revision)| keys.contains(&(*account, *revision)))
                .collect(),
            entries,
            heads: heads.collect(),
        }
    }

    /// Writes them into another file, of which every page was read before.
    fn write(&self, path: &Path) -> Duration {
        let file = open(path);
        let read = file.begin_read().unwrap();
        let present = read.open_table(ENTRIES).unwrap().iter().unwrap().count();
        let present = present + read.open_table(IDS).unwrap().iter().unwrap().count();
        assert!(present > 0);
        drop(read);
        let start = Instant::now();
        self.insert(&file);
        start.elapsed()
    }

    /// A function of its own, for profilers.
    #[inline(never)]
    fn insert(&self, file: &Database) {
        let write = file.begin_write().unwrap();
        {
            let mut table = write.open_table(ENTRIES).unwrap();
            for entries in self
                .entries
                .chunk_by(|((one, _), _), ((next, _), _)| one == next)
            {
                let first = Bound::Included(entries[0].0);
                let mut cursor = table.lower_bound_mut(first).unwrap();
                for (key, value) in entries {
                    cursor.insert_before(key, value.as_slice()).unwrap();
                }
                cursor.close().unwrap();
            }
            let mut table = write.open_table(IDS).unwrap();
            for id in &self.ids {
                table.insert(id, ()).unwrap();
            }
            let mut table = write.open_table(HEADS).unwrap();
            for (account, head) in &self.heads {
                table.insert(account, head.as_slice()).unwrap();
            }
        }
        write.commit().unwrap();
    }
}

/// With as much of it in memory as the store has.
fn open(path: &Path) -> Database {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).open(path).unwrap()
}
