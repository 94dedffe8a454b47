//! What the store costs above the storage it stands on, and what group commit gains.
//!
//! ```console
//! $ GPU_CREDIT_DATA=/path/to/real/files cargo bench -p gpu-credit-store --bench store
//! $ cargo bench -p gpu-credit-store --bench store -- --quick    # seconds, to see that it works
//! ```
//!
//! * Import of a file of about 150,000 events into a new file, against a program that inserts the
//!   same rows under the same keys into the same tables of a bare redb file, heads and notes among them, in
//!   the same commits. That
//!   program has the rows ready: it reads, checks and keeps nothing. It inserts them in the order in
//!   which they arrive and in the order of the keys; what counts is the faster.
//! * Durable postings a second of 32 threads, against those of one; with ids that come in order, and
//!   with random ones.
//!
//! * Bytes a record of a file of a million usage records that was imported, compacted and closed; and how
//!   long it takes to open: closed, to be read, after a kill, and verified. `GPU_CREDIT_STORE_RECORDS`
//!   asks for more: 13,000,000 make a file of 1.1 GB.
//!
//! Both sides of a comparison run in turns in one process; ratios are medians over the rounds. What was
//! written is verified.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{Error, ImportOptions, Posting, Store};
use gpu_credit_workload::EventWriter;
use gpu_credit_workload::shapes::{Shape, Workload};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("gpu-credit");
const ACCOUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("accounts");
const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("revisions");
const IDS: TableDefinition<'_, (u64, u64, u64), ()> = TableDefinition::new("record ids");

const HEADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heads");
const DELETIONS: TableDefinition<'_, (&[u8; 32], &str), u64> = TableDefinition::new("deletions");

const WRITERS: usize = 32;

/// How much is measured.
#[derive(Clone, Copy)]
struct Sizes {
    /// Usage records of the file that is imported, if the real one is not there.
    usage: u32,
    import_rounds: usize,
    posting_rounds: usize,
    posts_of_one: usize,
    posts_of_each: usize,
    /// Records of the file that is opened.
    records: u64,
    opening_rounds: usize,
}

impl Sizes {
    fn asked() -> Self {
        if std::env::args().any(|argument| argument == "--quick") {
            return Sizes {
                usage: 2_000,
                import_rounds: 1,
                posting_rounds: 1,
                posts_of_one: 20,
                posts_of_each: 5,
                records: 5_000,
                opening_rounds: 1,
            };
        }
        let records = std::env::var("GPU_CREDIT_STORE_RECORDS").ok();
        Sizes {
            usage: 147_000,
            import_rounds: 9,
            posting_rounds: 7,
            posts_of_one: 1_000,
            posts_of_each: 300,
            records: records.map_or(1_000_000, |records| records.parse().unwrap()),
            opening_rounds: 3,
        }
    }
}

fn main() {
    let sizes = Sizes::asked();
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), sizes);
    posting(folder.path(), sizes);
    opening(folder.path(), sizes);
}

/// What a file takes, and what it takes to open it.
fn opening(folder: &Path, sizes: Sizes) {
    let records = sizes.records;
    let mut events = String::from("kind,account,credit_id,amount,timestamp,expiration\n");
    for record in 0..records {
        writeln!(events, "usage,acme,,{},{record},", record % 1_000).unwrap();
    }
    let path = folder.join("opening.redb");
    let mut store = Store::create(&path).unwrap();
    let options = ImportOptions::default();
    let _ = store
        .import_events(events.as_bytes(), &options, |_| ControlFlow::Continue(()))
        .unwrap();
    drop(events);
    store.compact().unwrap();
    drop(store);
    let bytes = fs::metadata(&path).unwrap().len();
    println!(
        "file of {records} records: {bytes} bytes, {} a record",
        bytes / records
    );
    let timed = |what: &str, open: fn(&Path) -> Result<Store, Error>| {
        let start = Instant::now();
        let store = open(&path).unwrap();
        let taken = start.elapsed();
        assert!(store.last_sequence().get() >= records);
        assert_eq!(store.head("acme").unwrap().totals.usage_records, records);
        println!("opening {what}: {taken:.1?}");
        store
    };
    for _ in 0..sizes.opening_rounds {
        drop(timed("what was closed", |path| Store::open(path)));
        drop(timed("to read", |path| Store::open_read_only(path)));
        drop(timed("and verifying", |path| Store::open_verified(path)));
        // As a kill leaves it.
        let store = Store::open(&path).unwrap();
        store.open_account("killed", Overdraft::Carry).unwrap();
        let killed = folder.join("killed.redb");
        fs::copy(&path, &killed).unwrap();
        drop(store);
        fs::rename(killed, &path).unwrap();
        drop(timed("after a kill", |path| Store::open(path)));
    }
}

fn import(folder: &Path, sizes: Sizes) {
    let events = events(folder, sizes);
    let mut ratios = Vec::new();
    for round in 0..sizes.import_rounds {
        let path = folder.join(format!("{round}.redb"));
        let start = Instant::now();
        let store = Store::create(&path).unwrap();
        let input = fs::File::open(&events).unwrap();
        let imported = store.import_events(input, &ImportOptions::default(), |_| {
            ControlFlow::Continue(())
        });
        let ours = start.elapsed();
        let imported = imported.unwrap();
        assert_eq!(store.last_sequence().get(), imported.posted);
        drop(store);

        let rows = Rows::of(&path);
        assert_eq!(rows.entries.len() as u64, imported.posted);
        assert_eq!(rows.heads.len() as u64, imported.opened.len() as u64);
        let arrived = rows.insert(&folder.join("bare.redb"));
        let sorted = rows.sorted().insert(&folder.join("bare.redb"));
        let bare = arrived.min(sorted);
        println!(
            "import of {} entries: {ours:.0?}; bare redb, as they arrive {arrived:.0?}, in key order {sorted:.0?}",
            imported.posted
        );
        ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
        fs::remove_file(path).unwrap();
    }
    report("import / bare redb", ratios);
}

/// The real file if it is there, else one of the same size.
fn events(folder: &Path, sizes: Sizes) -> PathBuf {
    let real = std::env::var_os("GPU_CREDIT_DATA")
        .map(|data| Path::new(&data).join("servegen_tokens.events.csv.gz"));
    if let Some(real) = real.filter(|real| sizes.import_rounds > 1 && real.exists()) {
        return real;
    }
    eprintln!("GPU_CREDIT_DATA does not lead to the real file: a generated one takes its place");
    let path = folder.join("events.csv");
    let mut file = EventWriter::new(fs::File::create(&path).unwrap()).unwrap();
    let workload = Workload {
        shape: Shape::Steady,
        seed: 1,
        accounts: NonZeroU32::new(258).unwrap(),
        usage: sizes.usage,
        grants: 3_000,
        queries: 0,
    };
    for event in workload.generate().iter() {
        file.write(&event).unwrap();
    }
    file.finish().unwrap();
    path
}

/// The rows of a file.
#[derive(Clone)]
struct Rows {
    meta: Vec<(String, u64)>,
    accounts: Vec<(String, u64)>,
    heads: Vec<(u64, Vec<u8>)>,
    entries: Vec<((u64, u64), Vec<u8>)>,
    ids: Vec<(u64, u64, u64)>,
}

impl Rows {
    /// In the order in which they arrived.
    fn of(path: &Path) -> Self {
        let database = Database::open(path).unwrap();
        let read = database.begin_read().unwrap();
        let named = |table| {
            let table = read.open_table::<&str, u64>(table).unwrap();
            let rows = table.iter().unwrap().map(|row| {
                let (name, number) = row.unwrap();
                (name.value().to_owned(), number.value())
            });
            rows.collect()
        };
        let heads = read.open_table(HEADS).unwrap();
        let entries = read.open_table(ENTRIES).unwrap();
        let ids = read.open_table(IDS).unwrap();
        let mut rows = Rows {
            meta: named(META),
            accounts: named(ACCOUNTS),
            heads: heads
                .iter()
                .unwrap()
                .map(|row| {
                    let (number, head) = row.unwrap();
                    (number.value(), head.value().to_vec())
                })
                .collect(),
            entries: entries
                .iter()
                .unwrap()
                .map(|row| {
                    let (key, value) = row.unwrap();
                    (key.value(), value.value().to_vec())
                })
                .collect(),
            ids: ids
                .iter()
                .unwrap()
                .map(|row| row.unwrap().0.value())
                .collect(),
        };
        rows.accounts.sort_by_key(|(_, number)| *number);
        let sequences: HashMap<(u64, u64), u64> = rows
            .entries
            .iter()
            .map(|(key, value)| (*key, sequence(value)))
            .collect();
        rows.entries.sort_by_key(|(key, _)| sequences[key]);
        rows.ids
            .sort_by_key(|(account, _, revision)| sequences[&(*account, *revision)]);
        rows
    }

    fn sorted(mut self) -> Self {
        self.accounts.sort();
        self.entries.sort();
        self.ids.sort();
        self
    }

    /// What the store does, less the store: a commit makes the tables, another fills them.
    fn insert(&self, path: &Path) -> Duration {
        let start = Instant::now();
        let database = Database::create(path).unwrap();
        let write = database.begin_write().unwrap();
        write
            .open_table(META)
            .unwrap()
            .insert("last sequence", 0)
            .unwrap();
        write.open_table(ACCOUNTS).unwrap();
        write.open_table(ENTRIES).unwrap();
        write.open_table(IDS).unwrap();
        write.open_table(HEADS).unwrap();
        write.open_table(DELETIONS).unwrap();
        write.commit().unwrap();
        let write = database.begin_write().unwrap();
        {
            let mut accounts = write.open_table(ACCOUNTS).unwrap();
            for (name, number) in &self.accounts {
                accounts.insert(name.as_str(), number).unwrap();
            }
            let mut entries = write.open_table(ENTRIES).unwrap();
            for (key, value) in &self.entries {
                entries.insert(key, value.as_slice()).unwrap();
            }
            let mut ids = write.open_table(IDS).unwrap();
            for id in &self.ids {
                ids.insert(id, ()).unwrap();
            }
            let mut heads = write.open_table(HEADS).unwrap();
            for (number, head) in &self.heads {
                heads.insert(number, head.as_slice()).unwrap();
            }
            let mut meta = write.open_table(META).unwrap();
            for (name, number) in &self.meta {
                meta.insert(name.as_str(), number).unwrap();
            }
        }
        write.commit().unwrap();
        let taken = start.elapsed();
        let read = database.begin_read().unwrap();
        let written = read.open_table(ENTRIES).unwrap().len().unwrap();
        assert_eq!(written, self.entries.len() as u64);
        let written = read.open_table(HEADS).unwrap().len().unwrap();
        assert_eq!(written, self.heads.len() as u64);
        drop(read);
        drop(database);
        fs::remove_file(path).unwrap();
        taken
    }
}

/// The place of an entry among all, with which its value begins.
fn sequence(value: &[u8]) -> u64 {
    postcard::take_from_bytes(value).unwrap().0
}

fn posting(folder: &Path, sizes: Sizes) {
    for ids in [Ids::InOrder, Ids::Random] {
        let mut ratios = Vec::new();
        for _ in 0..sizes.posting_rounds {
            let one = posts(&folder.join("one.redb"), 1, sizes.posts_of_one, ids);
            let many = posts(&folder.join("many.redb"), WRITERS, sizes.posts_of_each, ids);
            println!("{ids:?}: postings a second of 1 writer {one:.0}, of {WRITERS} {many:.0}");
            ratios.push(many / one);
        }
        report(&format!("32 writers / 1 writer, ids {ids:?}"), ratios);
    }
}

/// What the callers' ids are like: each random one touches a page of its own.
#[derive(Clone, Copy, Debug)]
enum Ids {
    /// As from a clock or a counter.
    InOrder,
    /// As from dice.
    Random,
}

impl Ids {
    fn id(self, number: u64) -> String {
        match self {
            Ids::InOrder => format!("{number:016x}"),
            // An odd factor gives every number another.
            Ids::Random => format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }
}

/// Postings a second.
fn posts(path: &Path, writers: usize, each: usize, ids: Ids) -> f64 {
    let store = Store::create(path).unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    let next = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                for _ in 0..each {
                    let id = ids.id(next.fetch_add(1, Ordering::Relaxed));
                    store.post(Posting::usage("a", id, 1, 0)).unwrap();
                }
            });
        }
    });
    let taken = start.elapsed();
    drop(store);
    let posted = writers * each;
    let store = Store::open(path).unwrap();
    assert_eq!(store.balance_at("a", 0).unwrap().deficit, posted as u64);
    drop(store);
    fs::remove_file(path).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let posted = posted as f64;
    posted / taken.as_secs_f64()
}

fn report(what: &str, mut ratios: Vec<f64>) {
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let (least, greatest) = (ratios[0], ratios[ratios.len() - 1]);
    println!("{what}: {median:.2} [{least:.2}, {greatest:.2}]");
}
