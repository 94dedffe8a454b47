//! Snapshots of accounts on PostgreSQL: whatever becomes of them, and whoever writes them, no answer changes.

use std::thread;

use gpu_credit::Overdraft;
use gpu_credit_postgres::PostgresOptions;
use gpu_credit_store::{
    Account, Posting, Revision, SegmentNumber, SharedJournal, Snapshots, StoreOptions,
};
use gpu_credit_workload::random::Random;

use crate::support::workload::Workload;
use crate::support::{
    Database, assert_sound, count, execute, reopen_with, store_in_memory, store_with,
};

/// Snapshots all the time, of few rows a segment.
fn often(random: &mut Random) -> StoreOptions {
    StoreOptions::default()
        .snapshot_after(random.between(1, 20) as u64)
        .snapshot_at_end(random.between(1, 4) as u64)
        .segment_rows(random.between(1, 9) as u32)
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
    format!(
        "{:?} {:?} {balances:?} {grants:?} {usage:?} {metered:?} {draws:?} {}",
        account.revision(),
        account.policy(),
        ledger.used()
    )
}

/// What becomes of the snapshots of a database: dropped, damaged, or given to another account.
fn disturb(database: &Database, random: &mut Random) {
    let table = ["snapshot", "segment"][random.below(2) as usize];
    let (bytes, place) = match table {
        "snapshot" => ("header", "revision"),
        _ => ("body", "number"),
    };
    let some = format!(
        "(hashint8({place} # account) & 1023) % 3 = {}",
        random.below(3)
    );
    let sql = match random.below(4) {
        0 => format!("DELETE FROM {table} WHERE {some}"),
        1 => format!(
            "UPDATE {table} SET {bytes} = set_byte({bytes}, 5, get_byte({bytes}, 5) # 1) \
             WHERE {some} AND length({bytes}) > 5"
        ),
        2 => format!(
            "UPDATE {table} t SET {bytes} = o.{bytes} FROM {table} o \
             WHERE o.account <> t.account AND (hashint8(t.{place}) & 1023) % 3 = 1"
        ),
        _ => format!("UPDATE {table} SET {bytes} = '' WHERE {some}"),
    };
    execute(&database.url, &sql);
}

#[test]
fn whatever_becomes_of_snapshots_no_answer_changes() {
    let first = count("GPU_CREDIT_POSTGRES_SNAPSHOTS_SEED", 1);
    let (mut all_read, mut all_refused, mut all_answered) = (0, 0, 0);
    for seed in first..first + count("GPU_CREDIT_POSTGRES_SNAPSHOTS_SEEDS", 3) {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let options = often(&mut random);
        let database = Database::new();
        let (_twin_database, twin) = store_in_memory();
        let mut workload = Workload::new(seed, 3);
        for _ in 0..6 {
            let stores = [(); 2].map(|()| reopen_with(&database, options));
            for _ in 0..random.below(20) {
                let batch = workload.batch();
                let posted = stores[random.below(2) as usize].post_all(batch.clone());
                assert_eq!(posted.ok(), twin.post_all(batch).ok());
            }
            drop(stores);
            if random.chance(1, 2) {
                disturb(&database, &mut random);
            }
            let store = reopen_with(&database, options);
            for account in twin.accounts().unwrap() {
                let name = &account.name;
                // The first of these are answered without loading it.
                for _ in 0..4 {
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
            all_read += statistics.read;
            all_refused += statistics.refused;
            all_answered += statistics.answered;
        }
    }
    assert!(all_read > 10, "{all_read} were read");
    assert!(
        all_refused > 0 && all_answered > 10,
        "{all_refused} refused"
    );
}

/// Two that write them of one account at once, and one after the other, write the same bytes.
#[test]
fn whoever_writes_a_snapshot_writes_the_same() {
    let options = StoreOptions::default()
        .snapshot_at_end(1)
        .segment_rows(4)
        .snapshot_after(u64::MAX);
    let written = [1, 3].map(|stores| {
        let database = Database::new();
        let stores: Vec<_> = (0..stores)
            .map(|_| reopen_with(&database, options))
            .collect();
        stores[0].open_account("acme", Overdraft::Carry).unwrap();
        for number in 0..40 {
            let store = &stores[number as usize % stores.len()];
            let usage = Posting::usage("acme", number.to_string(), 1, 39 - number);
            store.post(usage).unwrap();
        }
        let key = stores[0].head("acme").unwrap().account;
        thread::scope(|scope| {
            for store in stores {
                scope.spawn(move || drop(store));
            }
        });
        let journal = PostgresOptions::default()
            .open_journal(&database.url)
            .unwrap();
        let numbers = journal.segment_numbers(&key).unwrap();
        assert_eq!(journal.snapshots(&key).unwrap(), [Revision::new(41)]);
        assert!(
            journal.claim_snapshots(&key).unwrap(),
            "nobody is writing any more"
        );
        let store = reopen_with(&database, options);
        assert_eq!(store.get_balance("acme", 39).unwrap(), None);
        store
            .with_account("acme", |account| {
                assert_eq!(account.revision(), Revision::new(41));
            })
            .unwrap();
        assert_eq!(store.snapshot_statistics().read, 1);
        assert_eq!(store.snapshot_statistics().refused, 0);
        assert_sound(&store);
        numbers
    });
    // The numbers of segments follow from what they hold; records have the revisions that they had.
    let usage: Vec<Vec<SegmentNumber>> = written.to_vec();
    assert_eq!(usage[0], usage[1]);
}

/// The snapshots of a deleted account go with it, and none is written under its number again.
#[test]
fn the_snapshots_of_a_deleted_account_go_with_it() {
    let options = StoreOptions::default().snapshot_at_end(1).segment_rows(4);
    let (database, store) = store_with(options);
    store.open_account("acme", Overdraft::Carry).unwrap();
    for number in 0..20 {
        store
            .post(Posting::usage("acme", number.to_string(), 1, number))
            .unwrap();
    }
    let key = store.head("acme").unwrap().account;
    drop(store);
    let store = reopen_with(&database, options);
    let journal = store.shared_journal();
    assert!(
        !journal.segment_numbers(&key).unwrap().is_empty(),
        "{}",
        journal.place()
    );
    let (_, header) = journal
        .snapshot(&key, Revision::new(u64::MAX))
        .unwrap()
        .unwrap();
    store.delete_account("acme", "gone").unwrap();
    let change = gpu_credit_store::SnapshotChange {
        header: Some((Revision::new(5), header)),
        segments: vec![(SegmentNumber(7), vec![1, 2, 3])],
        ..Default::default()
    };
    assert!(!journal.change_snapshots(&key, &change).unwrap());
    assert_eq!(journal.snapshots(&key).unwrap(), []);
    assert_eq!(journal.segment_numbers(&key).unwrap(), []);
}
