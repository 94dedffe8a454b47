//! Copies that are taken while others post.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gpu_credit::Overdraft;
use gpu_credit_store::{Change, Posting, RecordId, Sequence, Store};
use gpu_credit_workload::random::Random;
use redb::{AccessGuard, ReadableDatabase, ReadableTable, TableDefinition};

use crate::support::workload::Workload;
use crate::support::{assert_sound, count, everything, store_in_memory};

/// Several pages of entries.
const ENTRIES: u64 = 30_000;

/// What was posted, by its place in the journal.
type Posted = BTreeMap<Sequence, Posting>;

/// What was deleted: a digest of the account's name, the id of the deletion, and where that is.
const DELETIONS: TableDefinition<'_, (&[u8; 32], &str), u64> = TableDefinition::new("deletions");

/// Entries are read after the heads they belong to: later ones are left out, and if an account is deleted
/// in between, the copy starts over.
#[test]
fn a_copy_taken_while_postings_go_on_is_of_one_moment() {
    let first = count("GPU_CREDIT_STORE_COPY_SEED", 1);
    for seed in first..first + count("GPU_CREDIT_STORE_COPY_SEEDS", 1) {
        println!("seed {seed}");
        copies_are_of_one_moment(seed);
    }
}

fn copies_are_of_one_moment(seed: u64) {
    let (_disk, store) = store_in_memory();
    let mut posted = Posted::new();
    post(&store, vec![Workload::opening("many")], &mut posted);
    post(&store, usage("many", 0..ENTRIES), &mut posted);
    let is_done = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    // An account is deleted now and then; again and again, so that in the end it is copied in one read;
    // and never.
    let pauses = [Some(150), Some(1), None].map(|pause| pause.map(Duration::from_millis));
    let mut copies = Vec::new();
    for (round, pause) in pauses.into_iter().enumerate() {
        is_done.store(false, Ordering::SeqCst);
        thread::scope(|scope| {
            let (store, is_done) = (&store, &is_done);
            let seed = 10 * seed + round as u64;
            let write = |seed| scope.spawn(move || write(store, is_done, seed));
            let mut writers = vec![write(seed), write(1_000 + seed)];
            if let Some(pause) = pause {
                writers.push(scope.spawn(move || churn(store, is_done, pause, seed)));
            }
            thread::sleep(Duration::from_millis(20));
            for number in 0..2 {
                let path = folder.path().join(format!("{round} {number}.redb"));
                let before = store.last_sequence();
                store.copy_to(&path).unwrap();
                copies.push((path, before..store.last_sequence()));
            }
            is_done.store(true, Ordering::SeqCst);
            for writer in writers {
                posted.append(&mut writer.join().unwrap());
            }
        });
    }
    assert_sound(&store);
    posted.append(&mut deletions(&store, &folder.path().join("last.redb")));
    for (path, moments) in copies {
        let copy = Store::open_read_only(&path).unwrap();
        assert_sound(&copy);
        let last = copy.last_sequence();
        assert!((moments.start..=moments.end).contains(&last));
        assert!(moments.start < moments.end, "they posted meanwhile");
        assert_eq!(records(&copy), prefix(&posted, last));
    }
}

/// All deletions, of which only one account has any.
fn deletions(store: &Store, path: &Path) -> Posted {
    store.copy_to(path).unwrap();
    let database = redb::Database::open(path).unwrap();
    let read = database.begin_read().unwrap();
    let rows = read.open_table(DELETIONS).unwrap();
    let deletion = |row: Result<(AccessGuard<'_, _>, AccessGuard<'_, u64>), _>| {
        let (key, sequence) = row.unwrap();
        let (_, id): (&[u8; 32], &str) = key.value();
        let deletion = Posting::delete_account("gone", id);
        (Sequence::new(sequence.value()), deletion)
    };
    rows.iter().unwrap().map(deletion).collect()
}

/// An account's records, in order.
type Records = BTreeMap<String, Vec<(Sequence, RecordId, Change)>>;

fn records(store: &Store) -> Records {
    let record = |(name, entries): (String, Vec<gpu_credit_store::Entry>)| {
        let entries = entries.into_iter();
        let entries = entries.map(|entry| (entry.sequence, entry.id, entry.change));
        (name, entries.collect())
    };
    everything(store).into_iter().map(record).collect()
}

/// What is there after everything up to a sequence.
fn prefix(posted: &Posted, last: Sequence) -> Records {
    let mut records = Records::new();
    for (&sequence, posting) in posted.range(..=last) {
        let Posting {
            account,
            id,
            change,
        } = posting.clone();
        if change == Change::DeleteAccount {
            records.remove(&account);
        } else {
            let of_account = records.entry(account).or_default();
            of_account.push((sequence, id, change));
        }
    }
    records
}

fn usage(account: &str, numbers: Range<u64>) -> Vec<Posting> {
    let usage = |number: u64| Posting::usage(account, format!("{number}"), 1, 0);
    numbers.map(usage).collect()
}

/// Posts a batch, unless it is refused.
fn post(store: &Store, batch: Vec<Posting>, posted: &mut Posted) {
    let Ok(outcomes) = store.post_all(batch.clone()) else {
        return;
    };
    for (outcome, posting) in outcomes.iter().zip(batch) {
        if outcome.is_new() && posting.change != Change::DeleteAccount {
            let entry = store.entry(&posting.account, &posting.id).unwrap().unwrap();
            posted.insert(entry.sequence, posting);
        }
    }
}

fn write(store: &Store, is_done: &AtomicBool, seed: u64) -> Posted {
    let mut workload = Workload::open_ended(seed, 3);
    let mut posted = Posted::new();
    while !is_done.load(Ordering::SeqCst) {
        post(store, workload.batch(), &mut posted);
        let id = format!("{seed} {}", posted.len());
        let usage = Posting::usage("many", id, 1, 0);
        post(store, vec![usage], &mut posted);
        thread::sleep(Duration::from_micros(500));
    }
    posted
}

/// Opens an account, posts to it and deletes it, again and again.
fn churn(store: &Store, is_done: &AtomicBool, pause: Duration, seed: u64) -> Posted {
    let mut random = Random::new(seed);
    let mut posted = Posted::new();
    for round in 0.. {
        if is_done.load(Ordering::SeqCst) {
            break;
        }
        let of = |what: &str| format!("{what} {seed} {round}");
        let opening = Posting::open_account("gone", of("open"), Overdraft::Carry);
        post(store, vec![opening], &mut posted);
        let size = 1 + random.below(50);
        post(store, usage("gone", 0..size), &mut posted);
        thread::sleep(pause);
        let deletion = Posting::delete_account("gone", of("delete"));
        post(store, vec![deletion], &mut posted);
    }
    posted
}
