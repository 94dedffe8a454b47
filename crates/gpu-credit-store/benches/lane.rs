//! How long somebody waits whose postings have nothing to do with what is slow, and how long a batch
//! holds everybody up.
//!
//! ```console
//! $ cargo bench -p gpu-credit-store --bench lane
//! ```
//!
//! * The worst single posting to one account while something slow goes on with another: a question
//!   that takes two seconds, and is posted to; the first correction in an account of a million entries
//!   that is not loaded; a trial of 200,000 postings; a copy of the file. It is to be at most the larger
//!   of 10 medians without anything slow and 50 ms.
//! * A batch of 200,000 holds the lane for its write: the worst posting meanwhile, against a bare redb
//!   transaction that inserts the same rows, in the order of their keys, into a copy of the file from
//!   before; it has the rows ready.
//!
//! How long somebody waits for a thread that only keeps a processor busy is measured too: on a machine
//! that has other things to do, that is what the figures are to be compared with.
//!
//! All of it runs in one process. What was written is verified.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{Posting, Store};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("entries");
const IDS: TableDefinition<'_, (u64, u64, u64), ()> = TableDefinition::new("fingerprints");
const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");

const COLD: u64 = 1_000_000;
const BATCH: u64 = 200_000;
const BATCH_ROUNDS: usize = 5;
const AT_LEAST: Duration = Duration::from_millis(50);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credit.redb");
    let store = Store::create(&path).unwrap();
    for account in ["slow", "cold", "elsewhere", "batch"] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    for start in (0..COLD).step_by(100_000) {
        let end = (start + 100_000).min(COLD);
        store.post_all(usage("cold", "", start..end)).unwrap();
    }
    drop(store);
    let store = Store::open(&path).unwrap();
    let mut prober = Prober {
        store: &store,
        next: 0,
    };
    let quiet = prober.while_running(|| thread::sleep(Duration::from_secs(3)));
    let limit = AT_LEAST.max(10 * quiet.median);
    println!("nothing slow: {quiet}; the limit is {limit:.0?}");
    let busy = prober.while_running(|| {
        let end = Instant::now() + Duration::from_secs(5);
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
                let ask = || store.with_account("slow", |_| thread::sleep(Duration::from_secs(2)));
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
            store.try_all(usage("batch", "trial ", 0..BATCH)).unwrap();
        }),
    );
    report(
        "a copy",
        &prober.while_running(|| {
            store.copy_to(folder.path().join("copy.redb")).unwrap();
        }),
    );
    assert_eq!(
        store.balance_at("elsewhere", 0).unwrap().deficit,
        prober.next
    );
    drop(store);
    batches(folder.path());
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

fn batches(folder: &Path) {
    let mut ratios = Vec::new();
    for round in 0..BATCH_ROUNDS {
        let path = folder.join("batch.redb");
        let copy = folder.join("bare.redb");
        let store = Store::create(&path).unwrap();
        for account in ["elsewhere", "batch"] {
            store.open_account(account, Overdraft::Carry).unwrap();
        }
        store.post_all(usage("batch", "", 0..BATCH)).unwrap();
        store.copy_to(&copy).unwrap();
        let after = store.last_sequence().get();
        let mut prober = Prober {
            store: &store,
            next: 0,
        };
        let batch = usage("batch", "", BATCH..2 * BATCH);
        let probed = prober.while_running(|| {
            store.post_all(batch).unwrap();
        });
        drop(store);
        let bare = bare(&path, &copy, after);
        println!("a batch, round {round}: {probed}; bare redb {bare:.1?}");
        ratios.push(probed.worst.as_secs_f64() / bare.as_secs_f64());
        fs::remove_file(path).unwrap();
        fs::remove_file(copy).unwrap();
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let (least, greatest) = (ratios[0], ratios[ratios.len() - 1]);
    println!("worst posting during a batch / bare redb: {median:.2} [{least:.2}, {greatest:.2}]");
}

/// Writes the rows of one file that come after a sequence into another, in the order of their keys.
fn bare(from: &Path, to: &Path, after: u64) -> Duration {
    let from = Database::open(from).unwrap();
    let read = from.begin_read().unwrap();
    let mut entries = Vec::new();
    for row in read.open_table(ENTRIES).unwrap().iter().unwrap() {
        let (key, value) = row.unwrap();
        if key.value().1 > after {
            entries.push((key.value(), value.value().to_vec()));
        }
    }
    let mut ids = Vec::new();
    for row in read.open_table(IDS).unwrap().iter().unwrap() {
        let id = row.unwrap().0.value();
        if id.2 > after {
            ids.push(id);
        }
    }
    let mut heads = Vec::new();
    for row in read.open_table(HEADS).unwrap().iter().unwrap() {
        let (account, head) = row.unwrap();
        heads.push((account.value(), head.value().to_vec()));
    }
    assert!(entries.len() as u64 > BATCH && entries.len() == ids.len());
    let to = Database::open(to).unwrap();
    let start = Instant::now();
    let write = to.begin_write().unwrap();
    {
        let mut table = write.open_table(ENTRIES).unwrap();
        for (key, value) in &entries {
            table.insert(key, value.as_slice()).unwrap();
        }
        let mut table = write.open_table(IDS).unwrap();
        for id in &ids {
            table.insert(id, ()).unwrap();
        }
        let mut table = write.open_table(HEADS).unwrap();
        for (account, head) in &heads {
            table.insert(account, head.as_slice()).unwrap();
        }
    }
    write.commit().unwrap();
    start.elapsed()
}
