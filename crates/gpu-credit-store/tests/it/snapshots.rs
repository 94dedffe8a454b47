//! Snapshots: whatever becomes of them, no answer changes.

use std::sync::atomic::{AtomicU64, Ordering};

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{
    Account, AccountKey, Authorise, Posting, RedbJournal, Revision, SegmentNumber, Settle,
    SnapshotChange, Snapshots, Store, StoreOptions,
};
use gpu_credit_workload::random::Random;

use crate::support::backend::{Disk, place};
use crate::support::journal::{Hooked, Step, kept};
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, store_in_memory};

/// Snapshots all the time, of few rows a segment.
fn often(random: &mut Random) -> StoreOptions {
    StoreOptions::default()
        .snapshot_after(random.between(1, 20) as u64)
        .snapshot_at_end(random.between(1, 4) as u64)
        .segment_rows(random.between(1, 9) as u32)
}

fn open(disk: &Disk, options: StoreOptions) -> Store {
    let journal = RedbJournal::with_backend(disk.clone(), place()).unwrap();
    options.with_journal(journal).unwrap()
}

/// All that is asked of an account.
fn answers(account: &Account) -> String {
    let ledger = account.ledger();
    let open = account.closed_until().unwrap_or(-1).max(-1);
    let instants = (open..140).step_by(7);
    let balances: Vec<_> = instants.map(|at| account.balance_at(at).unwrap()).collect();
    let grants: Vec<_> = ledger.grants().collect();
    let usage: Vec<_> = ledger.usage(..).collect();
    let metered: Vec<_> = ledger.metered(..).collect();
    let draws: Vec<_> = account.draws(open..).unwrap().collect();
    let (used, remainders) = (ledger.used(), ledger.remainders_at(70));
    format!(
        "{:?} {:?} {balances:?} {grants:?} {usage:?} {metered:?} {draws:?} {used} {remainders:?}",
        account.revision(),
        account.policy()
    )
}

fn key(store: &Store, name: &str) -> AccountKey {
    store.head(name).unwrap().account
}

/// The bytes of a snapshot: header and segments.
type Bytes = (Vec<u8>, Vec<(SegmentNumber, Vec<u8>)>);

fn bytes(store: &Store, key: &AccountKey, revision: Revision) -> Bytes {
    let journal = store.journal();
    let (at, header) = journal.snapshot(key, revision).unwrap().unwrap();
    assert_eq!(at, revision);
    let numbers = journal.segment_numbers(key).unwrap();
    let segments = journal.segments(key, &numbers).unwrap();
    let segments = segments.into_iter().map(Option::unwrap);
    (header, numbers.into_iter().zip(segments).collect())
}

#[test]
fn an_account_is_the_same_from_a_snapshot_and_goes_on_alike() {
    let mut all_answered = 0;
    for seed in 0..12 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let (disk, options) = (Disk::default(), often(&mut random));
        let (_twin_disk, twin) = store_in_memory();
        let mut workload = Workload::new(seed, 3);
        let (mut read, mut answered) = (0, 0);
        for _ in 0..12 {
            let store = open(&disk, options);
            for _ in 0..random.below(30) {
                let batch = workload.batch();
                let posted = store.post_all(batch.clone()).ok();
                assert_eq!(posted, twin.post_all(batch).ok());
            }
            drop(store);
            let store = open(&disk, options);
            for account in twin.accounts().unwrap() {
                let name = &account.name;
                // The first of these are answered without loading it.
                for _ in 0..6 {
                    let at = random.between(-5, 150);
                    let asked = [&store, &twin].map(|store| store.balance_at(name, at));
                    let asked = asked.map(|asked| format!("{asked:?}"));
                    assert_eq!(asked[0], asked[1], "{name} at {at}");
                }
                let expected = twin.with_account(name, answers).unwrap();
                assert_eq!(store.with_account(name, answers).unwrap(), expected);
                let last = twin.head(name).unwrap().revision.get();
                let some = Revision::new(1 + random.below(last));
                let expected = twin.as_recorded(name, some).unwrap();
                let recorded = store.as_recorded(name, some).unwrap();
                assert_eq!(answers(&recorded), answers(&expected), "{name} at {some}");
            }
            let statistics = store.snapshot_statistics();
            assert_eq!(statistics.refused, 0);
            read += statistics.read;
            answered += statistics.answered;
            if random.chance(1, 4) {
                assert_sound(&store);
            }
        }
        assert!(read > 20, "{read} were read");
        all_answered += answered;
        assert_sound(&open(&disk, options));
    }
    assert!(all_answered > 100, "{all_answered} from snapshots alone");
}

/// What was posted after the snapshot counts in a balance that is answered from it: usage, late usage too, and
/// grants after all of that; anything else, and the account is loaded.
#[test]
fn a_cold_balance_takes_in_what_follows_the_snapshot() {
    let disk = Disk::default();
    let options = StoreOptions::default().snapshot_at_end(1).segment_rows(4);
    let name = "a";
    {
        let store = open(&disk, options);
        store.open_account(name, Overdraft::Carry).unwrap();
        store
            .post(Posting::grant(name, "g1", "x", 100, 0, 50))
            .unwrap();
        for number in 0..40_i64 {
            store
                .post(Posting::usage(name, format!("u{number}"), 1, number))
                .unwrap();
        }
    }
    let cases: [(Posting, i64, u64, bool); 5] = [
        (Posting::usage(name, "late", 10, 5), 20, 100 - 21 - 10, true),
        (Posting::usage(name, "next", 5, 45), 48, 100 - 40 - 15, true),
        (
            Posting::grant(name, "g2", "y", 7, 44, 100),
            48,
            107 - 40 - 15,
            true,
        ),
        // It parts an epoch that has usage.
        (
            Posting::grant(name, "g3", "z", 9, 30, 100),
            35,
            109 - 36 - 10,
            false,
        ),
        (Posting::retract(name, "r", "u0"), 35, 109 - 35 - 10, false),
    ];
    for (posting, at, expected, is_cold) in cases {
        let store = open(&disk, options.without_snapshots());
        let what = format!("{posting:?}");
        store.post(posting).unwrap();
        drop(store);
        let store = open(&disk, options.without_snapshots());
        assert_eq!(
            store.get_balance(name, at).unwrap(),
            Some(expected),
            "{what}"
        );
        let statistics = store.snapshot_statistics();
        assert_eq!(statistics.answered, u64::from(is_cold), "{what}");
        assert_eq!(statistics.read, u64::from(!is_cold), "{what}");
    }
    // Once it was asked so often, it is loaded.
    let store = open(&disk, options);
    store.with_account(name, |_| ()).unwrap();
    drop(store);
    let store = open(&disk, options);
    for at in 0..40 {
        store.get_balance(name, at).unwrap();
    }
    let statistics = store.snapshot_statistics();
    assert_eq!(
        (statistics.answered, statistics.read),
        (11, 1),
        "{statistics:?}"
    );
}

/// The thread that writes snapshots drops old ones while others read them.
#[test]
fn a_snapshot_that_is_dropped_while_it_is_read_is_not_refused() {
    let disk = Disk::default();
    let store = open(&disk, StoreOptions::default().snapshot_at_end(1));
    store.open_account("a", Overdraft::Carry).unwrap();
    store.post(Posting::usage("a", "u", 7, 5)).unwrap();
    drop(store);
    let dropped = kept(AtomicU64::new(0));
    let hook = |step: Step<'_>| {
        if let Step::Segments(journal, account) = step {
            dropped.fetch_add(1, Ordering::Relaxed);
            let change = SnapshotChange {
                dropped: journal.snapshots(account)?,
                dropped_segments: journal.segment_numbers(account)?,
                ..SnapshotChange::default()
            };
            assert!(journal.change_snapshots(account, &change)?);
        }
        Ok(())
    };
    let options = StoreOptions::default().without_snapshots();
    let store = options.with_journal(Hooked::on(disk, hook)).unwrap();
    assert_eq!(store.balance_at("a", 9).unwrap().deficit, 7);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    let statistics = store.snapshot_statistics();
    assert_eq!((statistics.read, statistics.refused), (0, 0));
}

/// The same of a balance that is answered without loading the account: the snapshot before serves.
#[test]
fn a_snapshot_that_is_dropped_while_a_cold_balance_is_read_is_not_missed() {
    let disk = Disk::default();
    let options = StoreOptions::default().snapshot_at_end(1).segment_rows(1);
    let (mut account, mut older) = (None, Vec::new());
    for round in 0..2_i64 {
        let store = open(&disk, options);
        store.open_account("a", Overdraft::Carry).unwrap();
        account = Some(key(&store, "a"));
        older = store.journal().segment_numbers(&key(&store, "a")).unwrap();
        for number in 0..20 - 18 * round {
            let id = format!("{round}-{number}");
            store
                .post(Posting::usage("a", id, 1, 100 * round + number))
                .unwrap();
        }
    }
    let account = account.unwrap();
    let dropped = kept(AtomicU64::new(0));
    let hook = move |step: Step<'_>| {
        if let Step::Segments(journal, _) = step
            && dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            let (mut snapshots, mut segments) = (
                journal.snapshots(&account)?,
                journal.segment_numbers(&account)?,
            );
            segments.retain(|segment| !older.contains(segment));
            let change = SnapshotChange {
                dropped: snapshots.pop().into_iter().collect(),
                dropped_segments: segments,
                ..SnapshotChange::default()
            };
            assert!(journal.change_snapshots(&account, &change)?);
        }
        Ok(())
    };
    let options = options.without_snapshots();
    let store = options.with_journal(Hooked::on(disk, hook)).unwrap();
    assert_eq!(store.balance_at("a", 101).unwrap().deficit, 22);
    let statistics = store.snapshot_statistics();
    assert_eq!(
        (statistics.answered, statistics.read, statistics.refused),
        (1, 0, 0)
    );
}

/// At the end of a store one is written if a share of the entries is in none: a store that is opened for a few
/// postings and closed again, as by each command of the program, loaded the whole account each time.
#[test]
fn a_store_that_is_closed_often_loads_few_entries_for_each_that_is_written() {
    let disk = Disk::default();
    let options = StoreOptions::default().snapshot_at_end(8);
    let post = |store: &Store, round: i64, count: i64| {
        let usage =
            (0..count).map(|number| Posting::usage("a", format!("{round} {number}"), 1, number));
        store.post_all(usage.collect()).unwrap();
    };
    {
        let store = open(&disk, options);
        store.open_account("a", Overdraft::Carry).unwrap();
        post(&store, 0, 2_047);
    }
    let mut at = Vec::new();
    let (mut all, mut loaded) = (2_048, 0);
    for round in 1..100 {
        let count = 1 + round % 20;
        let store = open(&disk, options);
        let last = *store
            .journal()
            .snapshots(&key(&store, "a"))
            .unwrap()
            .last()
            .unwrap();
        assert!(all - last.get() < all / 64, "{last} of {all}");
        if at.last() != Some(&last.get()) {
            loaded += last.get();
            at.push(last.get());
        }
        post(&store, round, count);
        all += count.unsigned_abs();
    }
    assert!(at.len() > 10, "{at:?}");
    for pair in at.windows(2) {
        assert!(pair[1] - pair[0] >= pair[1] / 64, "{at:?}");
    }
    assert!(loaded <= 64 * all, "{loaded} of {all}");
}

/// What is read for balances without loading the account is no more than loading it takes: entries after the
/// snapshot count eightfold.
#[test]
fn a_cold_balance_reads_no_more_than_loading_the_account() {
    for (after, expected) in [(0, 100), (1, 11), (6, 2), (12, 1), (13, 0), (60, 0)] {
        let disk = Disk::default();
        let options = StoreOptions::default().snapshot_at_end(1).segment_rows(1);
        let post = |options: StoreOptions, numbers: std::ops::Range<i64>| {
            let store = open(&disk, options);
            store.open_account("a", Overdraft::Carry).unwrap();
            for number in numbers {
                store
                    .post(Posting::usage("a", number.to_string(), 1, number))
                    .unwrap();
            }
        };
        post(options, 0..99);
        post(options.without_snapshots(), 99..99 + after);
        let store = open(&disk, options.without_snapshots());
        for _ in 0..120 {
            let deficit = store.balance_at("a", 98 + after).unwrap().deficit;
            assert_eq!(deficit, 99 + after.unsigned_abs());
        }
        let statistics = store.snapshot_statistics();
        assert_eq!(
            (statistics.answered, statistics.read),
            (expected, 1),
            "{after} entries after it"
        );
    }
}

/// A grant that is revoked and then from its start on keeps the end of the first revocation: from a snapshot it had
/// the end that was posted.
#[test]
fn a_grant_that_was_revoked_twice_is_the_same_from_a_snapshot() {
    let disk = Disk::default();
    let (_twin_disk, twin) = store_in_memory();
    {
        let store = open(&disk, StoreOptions::default().snapshot_at_end(1));
        for store in [&store, &twin] {
            store.open_account("a", Overdraft::Carry).unwrap();
            for (grant, end) in [("g", None), ("h", Some(60))] {
                store
                    .post_all(vec![
                        Posting::grant("a", grant, "x", 100, 10, end),
                        Posting::revoke("a", format!("{grant} 1"), grant, 40),
                        Posting::revoke("a", format!("{grant} 2"), grant, 10),
                    ])
                    .unwrap();
            }
        }
    }
    let store = open(&disk, StoreOptions::default());
    let expected = twin.with_account("a", answers).unwrap();
    assert!(
        expected.contains("end: 39, revoked_from: Some(10)"),
        "{expected}"
    );
    assert_eq!(store.with_account("a", answers).unwrap(), expected);
    assert_eq!(store.snapshot_statistics().read, 1);
    assert_sound(&store);
}

/// Whoever writes a snapshot of the same entries writes the same bytes, whatever snapshots were there before.
#[test]
fn a_snapshot_is_a_function_of_the_entries() {
    let mut compared = 0;
    for seed in 100..110 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let options = often(&mut random);
        let disks = [Disk::default(), Disk::default()];
        let mut workload = Workload::new(seed, 2);
        for _ in 0..9 {
            let store = open(&disks[0], options);
            for _ in 0..10 {
                let _ = store.post_all(workload.batch());
            }
        }
        // The same entries, all at once.
        let mut journal = Vec::new();
        let store = open(&disks[0], options);
        store.export_journal(&mut journal, |_| ()).unwrap();
        drop(store);
        let store = open(&disks[1], options);
        let imported = store.import_journal(journal.as_slice(), &Default::default(), |_| {
            std::ops::ControlFlow::Continue(())
        });
        assert!(imported.unwrap().posted > 0);
        drop(store);
        let stores = disks.map(|disk| open(&disk, options.without_snapshots()));
        for account in stores[0].accounts().unwrap() {
            let head = stores[0].head(&account.name).unwrap();
            let of = [&stores[0], &stores[1]].map(|store| {
                let key = key(store, &account.name);
                let last = store.journal().snapshots(&key).unwrap().pop()?;
                Some((last, key.opened, bytes(store, &key, last)))
            });
            let [
                Some((one, opened, one_bytes)),
                Some((other, other_opened, other_bytes)),
            ] = of
            else {
                continue;
            };
            // Their numbers differ if accounts were deleted before, and so do checksums.
            if one == other && opened == other_opened {
                assert_eq!(one, head.revision);
                assert_eq!(one_bytes.0, other_bytes.0, "the headers");
                let segments = &one_bytes.1;
                assert!(
                    other_bytes
                        .1
                        .iter()
                        .all(|segment| segments.contains(segment))
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 5, "{compared} were compared");
}

/// Snapshots are at most twelve; segments that none names are gone; those of a deleted account too.
#[test]
fn old_snapshots_go_and_so_do_those_of_a_deleted_account() {
    let disk = Disk::default();
    let options = StoreOptions::default()
        .snapshot_after(4)
        .snapshot_at_end(1)
        .segment_rows(4);
    let mut most = 0;
    for round in 0..40_i64 {
        let store = open(&disk, options);
        store.open_account("a", Overdraft::Carry).unwrap();
        for number in 0..10 {
            let id = format!("{round}-{number}");
            let usage = Posting::usage("a", id, 1, 10 * round + number);
            store.post(usage).unwrap();
        }
        let snapshots = store.journal().snapshots(&key(&store, "a")).unwrap();
        assert!(snapshots.len() <= 12, "{snapshots:?}");
        most = most.max(snapshots.len());
    }
    assert!(most >= 5, "{most} snapshots");
    let store = open(&disk, options);
    let account = key(&store, "a");
    let segments = store.journal().segment_numbers(&account).unwrap();
    // 400 usage records in segments of 4, with their revisions, and the last ones of each snapshot.
    assert!(
        segments.len() < 2 * (100 + 2 * 12) + 24,
        "{}",
        segments.len()
    );
    store.delete_account("a", "d").unwrap();
    assert_eq!(store.journal().snapshots(&account).unwrap(), []);
    assert_eq!(store.journal().segment_numbers(&account).unwrap(), []);
    // A snapshot that was on its way is not written.
    let late = SnapshotChange {
        header: Some((Revision::new(3), vec![1, 2, 3])),
        ..SnapshotChange::default()
    };
    assert!(!store.journal().change_snapshots(&account, &late).unwrap());
    assert_eq!(store.journal().snapshots(&account).unwrap(), []);
}

/// A copy has the snapshots; an export has none, and neither changes an answer.
#[test]
fn a_copy_has_snapshots_and_an_export_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::default().snapshot_after(4).snapshot_at_end(1);
    let path = folder.path().join("credit.redb");
    let store = options.create(&path).unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    for number in 0..50_i64 {
        store
            .post(Posting::usage("a", number.to_string(), 1, number))
            .unwrap();
    }
    drop(store);
    let store = options.open(&path).unwrap();
    let copy = folder.path().join("copy.redb");
    store.copy_to(&copy).unwrap();
    let copied = options.open(&copy).unwrap();
    let account = key(&store, "a");
    let snapshots = store.journal().snapshots(&account).unwrap();
    assert!(!snapshots.is_empty());
    assert_eq!(copied.journal().snapshots(&account).unwrap(), snapshots);
    let last = snapshots[snapshots.len() - 1];
    assert_eq!(
        bytes(&copied, &account, last),
        bytes(&store, &account, last)
    );
    assert_eq!(copied.balance_at("a", 60).unwrap().deficit, 50);
    assert!(copied.snapshot_statistics().read > 0);
    assert_sound(&copied);
    let mut exported = Vec::new();
    store.export_journal(&mut exported, |_| ()).unwrap();
    let (_disk, imported) = store_in_memory();
    let import = imported.import_journal(exported.as_slice(), &Default::default(), |_| {
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(import.unwrap().posted, 51);
    assert_eq!(
        imported.journal().snapshots(&key(&imported, "a")).unwrap(),
        []
    );
}

/// A check folds from the first entry on and finds a snapshot that says something else, with checksums that fit.
#[test]
fn a_check_finds_a_snapshot_of_another_history() {
    let disks = [Disk::default(), Disk::default()];
    let options = StoreOptions::default().snapshot_after(4).snapshot_at_end(1);
    for (disk, amount) in disks.iter().zip([1, 2]) {
        let store = open(disk, options);
        store.open_account("a", Overdraft::Carry).unwrap();
        let grant = Posting::grant("a", "g", "", amount, 0, 9);
        store.post(grant).unwrap();
        store.post(Posting::usage("a", "u", 1, 5)).unwrap();
    }
    let [store, other] = disks.map(|disk| open(&disk, options));
    let (account, last) = (key(&store, "a"), Revision::new(3));
    assert_sound(&store);
    // The last entry is the same but for the time at which it was recorded, which may be the same too.
    let (header, segments) = bytes(&other, &account, last);
    let change = SnapshotChange {
        segments,
        header: Some((last, header)),
        ..SnapshotChange::default()
    };
    assert!(store.journal().change_snapshots(&account, &change).unwrap());
    let problems = store.check(3, |_| ()).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("its snapshot at revision 3 is of no use"),
        "{problems:?}"
    );
}

/// Snapshots that were there once, with all segments of their account.
type Once = Vec<(AccountKey, SnapshotChange)>;

/// Does something to a snapshot that no program of ours does.
fn disturb(store: &Store, once: &mut Once, random: &mut Random) {
    let journal = store.journal();
    let accounts = store.accounts().unwrap();
    let Some(account) = some(&accounts, random) else {
        return;
    };
    let (snapshots, segments) = (
        journal.snapshots(account).unwrap(),
        journal.segment_numbers(account).unwrap(),
    );
    let mut change = SnapshotChange::default();
    // One may be dropped meanwhile, as the store goes on writing them.
    let header = |revision: &Revision| {
        let found = journal.snapshot(account, *revision).unwrap();
        found.map_or(vec![0], |(_, header)| header)
    };
    let segment = |number: &SegmentNumber| {
        let segment = journal.segments(account, &[*number]).unwrap().pop();
        segment.unwrap().unwrap_or(vec![0])
    };
    match random.below(11) {
        0 => change.dropped.extend(some(&snapshots, random)),
        1 => change.dropped.extend(snapshots),
        2 => change.dropped_segments.extend(some(&segments, random)),
        3 => change.dropped_segments.extend(segments),
        4 => {
            let Some(revision) = some(&snapshots, random) else {
                return;
            };
            change.header = Some((*revision, damaged(header(revision), random)));
        }
        5 => {
            let Some(number) = some(&segments, random) else {
                return;
            };
            change
                .segments
                .push((*number, damaged(segment(number), random)));
        }
        6 => {
            // Under another revision, which may be that of no entry.
            let Some(revision) = some(&snapshots, random) else {
                return;
            };
            let other = Revision::new(revision.get() + random.below(4));
            change.header = Some((other, header(revision)));
        }
        7 => {
            let (Some(one), Some(other)) = (some(&segments, random), some(&segments, random))
            else {
                return;
            };
            change.segments.push((*one, segment(other)));
            change.segments.push((*other, segment(one)));
        }
        8 => {
            // It is kept, whatever becomes of it.
            let Some(revision) = some(&snapshots, random) else {
                return;
            };
            change.header = Some((*revision, header(revision)));
            change.segments = segments
                .iter()
                .map(|number| (*number, segment(number)))
                .collect();
            once.push((account.clone(), change));
            return;
        }
        9 => {
            let Some((account, change)) = some(once, random) else {
                return;
            };
            journal.change_snapshots(account, change).unwrap();
            return;
        }
        _ => {
            // All of it goes to another account.
            let Some(other) = some(&accounts, random) else {
                return;
            };
            change.segments = segments
                .iter()
                .map(|number| (*number, segment(number)))
                .collect();
            let Some(revision) = snapshots.last() else {
                return;
            };
            change.header = Some((*revision, header(revision)));
            journal.change_snapshots(other, &change).unwrap();
            return;
        }
    }
    journal.change_snapshots(account, &change).unwrap();
}

fn some<'s, T>(all: &'s [T], random: &mut Random) -> Option<&'s T> {
    let count = all.len() as u64;
    (count > 0).then(|| &all[random.below(count) as usize])
}

fn damaged(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    if bytes.is_empty() {
        // It was truncated before.
        return vec![0];
    }
    let place = random.below(bytes.len() as u64) as usize;
    match random.chance(1, 3) {
        true => bytes.truncate(place),
        false => bytes[place] ^= 1 << random.below(8),
    }
    bytes
}

/// Snapshots are deleted, kept, damaged and swapped between accounts while accounts are posted to, asked, loaded
/// again and evicted: a store without snapshots answers the same. The long form is a million operations:
/// `GPU_CREDIT_STORE_SNAPSHOT_STEPS=1000000 cargo test --release -p gpu-credit-store --test it disturbed_snapshots`.
#[test]
fn disturbed_snapshots_change_no_answer() {
    let steps = count("GPU_CREDIT_STORE_SNAPSHOT_STEPS", 4_000);
    let first = count("GPU_CREDIT_STORE_SNAPSHOT_SEED", 1);
    let (mut done, mut seed, mut refused, mut read) = (0, first, 0, 0);
    let (mut answered, mut evicted) = (0, 0);
    while done < steps {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let (disk, mut options) = (Disk::default(), often(&mut random));
        if seed % 2 == 0 {
            options = options.memory(random.between(1, 20_000) as usize);
        }
        let mut once = Once::new();
        let (_twin_disk, twin) = store_in_memory();
        let mut workload = Workload::new(seed, 3);
        for _ in 0..20 {
            let store = open(&disk, options);
            for _ in 0..random.below(100) {
                done += 1;
                match random.below(10) {
                    0..4 => {
                        let batch = workload.batch();
                        let posted = store.post_all(batch.clone()).ok();
                        assert_eq!(posted, twin.post_all(batch).ok());
                    }
                    4 | 5 => disturb(&store, &mut once, &mut random),
                    kind => {
                        let accounts = twin.accounts().unwrap();
                        let Some(account) = some(&accounts, &mut random) else {
                            continue;
                        };
                        let name = &account.name;
                        let at = random.between(-5, 150);
                        let asked = [&store, &twin].map(|store| match kind {
                            6 | 7 => format!("{:?}", store.balance_at(name, at)),
                            8 => store.with_account(name, answers).unwrap(),
                            _ => {
                                let last = store.head(name).unwrap().revision.get();
                                let some = Revision::new(1 + at.unsigned_abs() % last);
                                answers(&store.as_recorded(name, some).unwrap())
                            }
                        });
                        assert_eq!(asked[0], asked[1], "{name} at {at}");
                    }
                }
            }
            let statistics = store.snapshot_statistics();
            refused += statistics.refused;
            read += statistics.read;
            answered += statistics.answered;
            evicted += store.memory_statistics().evicted;
        }
        seed += 1;
    }
    println!(
        "{done} operations, {read} snapshots read, {refused} refused; {answered} balances from them alone, \
         {evicted} accounts left memory"
    );
    for count in [refused, read, answered, evicted] {
        assert!(count > 50, "too few of something");
    }
}

/// What the entries of an account were kept for beside its answers: corrections find their records.
#[test]
fn records_that_are_in_a_snapshot_can_be_corrected() {
    let disk = Disk::default();
    let options = StoreOptions::default().snapshot_after(1).snapshot_at_end(1);
    {
        let store = open(&disk, options);
        store.open_account("a", Overdraft::Carry).unwrap();
        let job = MeteredUsage {
            rate: 2,
            from: 10,
            until: 20,
        };
        store
            .post_all(vec![
                Posting::grant("a", "g1", "x", 100, 0, 50),
                Posting::grant("a", "g2", "y", 100, 0, 90),
                Posting::usage("a", "u1", 5, 7),
                Posting::usage("a", "u2", 6, 7),
                Posting::usage("a", "u3", 7, 7),
                Posting::metered_usage("a", "j1", job),
                Posting::metered_usage("a", "j2", job),
                Posting::retract("a", "r1", "u1"),
                Posting::retract("a", "r2", "g1"),
                Posting::retract("a", "r3", "j1"),
            ])
            .unwrap();
    }
    let store = open(&disk, options);
    assert_eq!(store.get_balance("a", 30).unwrap(), Some(100 - 13 - 20));
    store
        .post(Posting::change_usage("a", "c1", "u3", 1))
        .unwrap();
    store.post(Posting::retract("a", "r4", "u2")).unwrap();
    store.post(Posting::retract("a", "r5", "j2")).unwrap();
    assert_eq!(store.get_balance("a", 30).unwrap(), Some(99));
    store.post(Posting::revoke("a", "v1", "g2", 40)).unwrap();
    assert_eq!(store.get_balance("a", 40).unwrap(), None);
    assert!(store.snapshot_statistics().read > 0);
    assert_sound(&store);
}

/// With those that are neither settled nor released, and with what closed the others.
#[test]
fn holds_are_in_a_snapshot() {
    let disk = Disk::default();
    let options = StoreOptions::default().snapshot_after(1).snapshot_at_end(1);
    let ask = |account: &Account| {
        let holds = account
            .holds()
            .map(|(_, id, hold)| (id.clone(), hold.clone()));
        let numbers = [5, 12, 25, 45].map(|at| {
            let (held, available) = (account.held(at).unwrap(), account.available(at).unwrap());
            (held, available, account.spendable(at).unwrap())
        });
        (holds.collect::<Vec<_>>(), numbers)
    };
    let before = {
        let store = open(&disk, options);
        store.open_account("a", Overdraft::Forfeit).unwrap();
        store
            .post(Posting::grant("a", "g", "", 100, 0, 99))
            .unwrap();
        let job = MeteredUsage {
            rate: 2,
            from: 10,
            until: 20,
        };
        let asked = [
            Authorise::new("ended", ["a"], 10, 5..9),
            Authorise::new("now", ["a"], 20, 10..30),
            Authorise::metered("job", ["a"], job, 40),
            Authorise::new("settled", ["a"], 10, 10..30),
            Authorise::new("released", ["a"], 10, 10..30),
        ];
        for asked in asked {
            assert!(store.authorise(asked).unwrap().hold().is_some());
        }
        store.settle(Settle::new("a", "s", "settled", 7)).unwrap();
        store.release("a", "r", "released").unwrap();
        store.with_account("a", ask).unwrap()
    };
    let store = open(&disk, options);
    assert_eq!(store.with_account("a", ask).unwrap(), before);
    let statistics = store.snapshot_statistics();
    assert_eq!((statistics.read, statistics.refused), (1, 0));
    assert_sound(&store);
    // Each is closed as if it had never been in a snapshot.
    assert!(store.release("a", "x", "settled").is_err());
    store.settle(Settle::new("a", "y", "released", 1)).unwrap();
    store.settle(Settle::new("a", "z", "ended", 1)).unwrap();
    store
        .settle(Settle::metered("a", "end", "job").until(15))
        .unwrap();
    let balance = store.get_balance("a", 50).unwrap();
    assert_eq!(balance, Some(100 - 7 - 1 - 1 - 10));
    assert_sound(&store);
}
