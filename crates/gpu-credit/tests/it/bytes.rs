//! Accounts as bytes: damaged by chance, and made by hand.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gpu_credit::{BytesError, GpuCredit, Options, Overdraft};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Numbers};
use xxhash_rust::xxh3::xxh3_64;

use crate::ledger_count;
use crate::ledgers::{Ledgers, sizes};

/// Where the checksum stands, and what it is of begins.
const CHECKSUM: std::ops::Range<usize> = 10..18;

fn ledgers(seed: u64) -> Ledgers {
    let overdraft = [Overdraft::Carry, Overdraft::Forfeit][(seed % 2) as usize];
    let mut ledgers = Ledgers::new(sizes(overdraft, seed));
    let numbers = Numbers::ALL[(seed / 2) as usize % Numbers::ALL.len()];
    for operation in small::from_seed(seed, numbers).take(60) {
        ledgers.run(&operation);
    }
    ledgers
}

/// The account, its instants, and its bytes.
fn written(seed: u64) -> (Vec<i64>, Vec<u8>) {
    let ledgers = ledgers(seed);
    (ledgers.instants.clone(), ledgers.engine.to_bytes())
}

#[test]
fn every_damaged_byte_is_found() {
    let (_, bytes) = written(3);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(GpuCredit::from_bytes(&damaged).is_err(), "byte {at}");
        assert!(GpuCredit::from_bytes(&bytes[..at]).is_err(), "{at} bytes");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        GpuCredit::from_bytes(&longer).unwrap_err(),
        BytesError::Checksum
    );
    let mut later = bytes;
    later[9] = 200;
    assert_eq!(
        GpuCredit::from_bytes(&later).unwrap_err(),
        BytesError::Version(200)
    );
}

/// Bytes with a checksum that fits and anything wrong with them: what can be read can be asked,
/// written to and settled, and if it is verified, it is what its records say.
#[test]
fn bytes_made_by_hand_never_panic() {
    let mut accepted = 0;
    for seed in 0..ledger_count() {
        let (instants, bytes) = written(seed % 200);
        let forged = forge(bytes, seed);
        let used = catch_unwind(AssertUnwindSafe(|| use_forged(&forged, &instants, seed)));
        match used {
            Ok(is_read) => accepted += u64::from(is_read),
            Err(panic) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(accepted > 100, "{accepted} are read at all");
}

fn forge(mut bytes: Vec<u8>, seed: u64) -> Vec<u8> {
    let mut random = Random::new(!seed);
    for _ in 0..=random.below(3) {
        let at = CHECKSUM.end + random.below((bytes.len() - CHECKSUM.end) as u64) as usize;
        match random.below(4) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] = bytes[at].wrapping_add(1),
            2 => bytes[at] = bytes[at].wrapping_sub(1),
            _ => bytes[at] ^= 1 << random.below(8),
        }
    }
    let checksum = xxh3_64(&bytes[CHECKSUM.end..]);
    bytes[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn use_forged(bytes: &[u8], instants: &[i64], seed: u64) -> bool {
    let Ok(mut account) = GpuCredit::from_bytes(bytes) else {
        assert!(GpuCredit::from_bytes_verified(bytes).is_err());
        return false;
    };
    ask(&account, instants);
    let grants: Vec<_> = account.grants().map(|(grant, _)| grant).collect();
    let usage: Vec<_> = account.usage(..).map(|(usage, _)| usage).collect();
    let mut random = Random::new(seed);
    for _ in 0..10 {
        let time = instants[random.below(instants.len() as u64) as usize];
        let _ = account.subtract(random.below(20), time);
        let _ = account.add_credit("late", random.below(20), time, random.below(9));
    }
    for grant in grants.iter().step_by(3) {
        account.retract_grant(*grant).unwrap();
    }
    for usage in usage.iter().step_by(2) {
        account.retract_usage(*usage).unwrap();
    }
    ask(&account, instants);
    account.settle();
    ask(&account, instants);
    let verified = GpuCredit::from_bytes_verified(bytes).unwrap();
    verified.assert_invariants();
    assert_eq!(
        answers(&verified, instants),
        from_records(&verified, instants)
    );
    true
}

fn ask(account: &GpuCredit, instants: &[i64]) {
    for time in instants.iter().step_by(7) {
        let _ = (account.balance_at(*time), account.remainders_at(*time));
        let _ = account.statement(*time);
    }
    let _ = account.get_balances(instants);
    let _ = (account.lowest_balance(..), account.first_below(.., 3));
    let _ = (account.steps(..).count(), account.draws(..).count());
}

fn answers(account: &GpuCredit, instants: &[i64]) -> Vec<Option<u64>> {
    let balance = |time: &i64| account.get_balance(*time);
    instants.iter().map(balance).collect()
}

/// The answers of an account to which the same records are posted.
fn from_records(account: &GpuCredit, instants: &[i64]) -> Vec<Option<u64>> {
    let options = Options::default().overdraft(account.overdraft());
    let mut posted = GpuCredit::with_options(options);
    for (_, grant) in account.grants() {
        let expiration = grant.end.abs_diff(grant.start);
        let id = posted.add_credit(grant.credit_id, grant.amount, grant.start, expiration);
        if grant.revoked_from == Some(grant.start) {
            posted.revoke_grant(id.unwrap(), grant.start).unwrap();
        }
    }
    for (_, usage) in account.usage(..) {
        posted.subtract(usage.amount, usage.timestamp).unwrap();
    }
    answers(&posted, instants)
}
