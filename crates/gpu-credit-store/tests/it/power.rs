//! Power loss: the disk stops at any write, with any of what was not synced on it, and any of it torn.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gpu_credit_store::{Entry, Posting, RedbJournal, Sequence, Snapshots, StoreOptions};
use gpu_credit_workload::random::Random;

use crate::support::backend::{Disk, Operation, apply, place, tear};
use crate::support::hold_requests::HoldRequests;
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, everything, open_disk};

type Everything = BTreeMap<String, Vec<Entry>>;

/// What a run wrote, and what it was told.
struct Run {
    before: Vec<u8>,
    log: Vec<Operation>,
    /// After how many operations a state was acknowledged, and the state.
    acknowledged: Vec<(usize, Sequence)>,
    states: BTreeMap<Sequence, Everything>,
}

/// Opens a store, posts, and closes it, noting all of it.
fn run(seed: u64, batches: usize) -> Run {
    let disk = Disk::default();
    drop(open_disk(disk.clone()));
    let before = disk.bytes();
    let grows = seed % 8 < 4;
    let disk = Disk::holding(before.clone());
    // Half of them write snapshots all the time, beside what is posted.
    let writes_snapshots = seed % 4 < 2;
    let options = StoreOptions::default();
    let options = match writes_snapshots {
        true => options.snapshot_after(8).snapshot_at_end(1).segment_rows(8),
        false => options.without_snapshots(),
    };
    let journal = RedbJournal::with_backend(disk.clone(), place()).unwrap();
    let store = options.with_journal(journal).unwrap();
    let (mut workload, mut holds) = (Workload::new(seed, 3), HoldRequests::new(seed, 3));
    let (mut acknowledged, mut states) = (Vec::new(), BTreeMap::new());
    states.insert(store.last_sequence(), everything(&store));
    for number in 0..batches {
        let mut batch = workload.batch();
        if grows && let Some(last) = batch.last() {
            // Large enough for the file to grow.
            let (id, credit_id) = (format!("large {number}"), "x".repeat(20_000));
            batch.push(Posting::grant(&*last.account, id, credit_id, 1, 200, 1));
        }
        // What is refused is not written; the rest of the test does not care.
        if store.post_all(batch).is_ok() {
            acknowledged.push((disk.operations(), store.last_sequence()));
            states.insert(store.last_sequence(), everything(&store));
        }
        if holds.next().perform(&store).is_ok() {
            acknowledged.push((disk.operations(), store.last_sequence()));
            states.insert(store.last_sequence(), everything(&store));
        }
    }
    drop(store);
    assert!(acknowledged.len() > batches / 2, "most are posted");
    let grew = disk.bytes().len() > before.len();
    match writes_snapshots {
        true => assert!(has_snapshots(&disk), "snapshots are written"),
        false => assert_eq!(grew, grows, "some files grow"),
    }
    Run {
        before,
        log: disk.log(),
        acknowledged,
        states,
    }
}

fn has_snapshots(disk: &Disk) -> bool {
    let store = open_disk(Disk::holding(disk.bytes()));
    let accounts = store.accounts().unwrap();
    let has_one = |account| !store.journal().snapshots(account).unwrap().is_empty();
    accounts.iter().any(has_one)
}

impl Run {
    /// The disk if the power fails before operation `cut`.
    fn disk(&self, cut: usize, syncs_lie: bool, random: &mut Random) -> Vec<u8> {
        let is_sync = |operation: &Operation| matches!(operation, Operation::Sync);
        let synced = match syncs_lie {
            true => 0,
            false => self.log[..cut].iter().rposition(is_sync).unwrap_or(0),
        };
        let mut bytes = self.before.clone();
        for operation in &self.log[..synced] {
            apply(&mut bytes, operation);
        }
        tear(&mut bytes, &self.log[synced..cut], random);
        bytes
    }

    /// What is found after a cut must be what was acknowledged before it, or that and what was being
    /// written.
    fn check(&self, cut: usize, bytes: Vec<u8>, goes_on: bool) {
        let store = open_disk(Disk::holding(bytes));
        let before = self.acknowledged.iter().rev().find(|(at, _)| *at <= cut);
        let least = before.map_or(Sequence::START, |(_, sequence)| *sequence);
        let found = store.last_sequence();
        assert!(found >= least, "{least} was acknowledged, {found} is there");
        let expected = self.states.get(&found);
        let expected = expected.expect("what is there was posted by one call, whole");
        assert_eq!(&everything(&store), expected);
        if goes_on {
            for account in store.accounts().unwrap() {
                // Read from its snapshot, if it has one; the check compares it with its entries.
                let held = store.with_account(&account.name, |account| account.held(i64::MAX));
                assert_eq!(held.unwrap(), Ok(0), "every hold has ended");
            }
            assert_eq!(store.snapshot_statistics().refused, 0);
            assert_sound(&store);
            store
                .open_account("after", gpu_credit::Overdraft::Carry)
                .unwrap();
        }
    }
}

/// Cuts the power so many times; returns how often something was lost.
fn cut(seed: u64, cuts: u64, syncs_lie: bool) -> u64 {
    let run = run(seed, 60);
    let mut random = Random::new(seed ^ 0xc07);
    let mut lost = 0;
    for number in 0..cuts {
        let cut = random.below(run.log.len() as u64 + 1) as usize;
        let bytes = run.disk(cut, syncs_lie, &mut random);
        let check = AssertUnwindSafe(|| run.check(cut, bytes, number % 16 == 0));
        if let Err(panic) = catch_unwind(check) {
            lost += 1;
            if !syncs_lie {
                eprintln!("seed {seed}, cut {number} before operation {cut}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    lost
}

#[test]
fn no_cut_loses_what_was_acknowledged() {
    const RUNS: u64 = 20;
    let default = if cfg!(debug_assertions) {
        1_000
    } else {
        20_000
    };
    let cuts = count("GPU_CREDIT_STORE_CUTS", default);
    for seed in 0..RUNS {
        cut(seed, cuts.div_ceil(RUNS), false);
    }
}

/// The control: were a sync to do nothing, the test above would see it.
#[test]
fn syncs_that_lie_are_caught() {
    let lost = cut(1, 40, true);
    assert!(lost > 20, "of 40 cuts {lost} were noticed");
}
