//! Accounts as bytes: damaged by chance, and made by hand.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gpu_credit::{BytesError, GpuCredit};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Numbers};

use crate::ledger_count;
use crate::ledgers::forged::{forge, is_survived};
use crate::ledgers::{Ledgers, policy, sizes};

fn ledgers(seed: u64) -> Ledgers {
    let mut ledgers = Ledgers::new(sizes(policy(seed), seed));
    let numbers = Numbers::ALL[(seed / 4) as usize % Numbers::ALL.len()];
    for operation in small::from_seed(seed, numbers).take(60) {
        ledgers.run(&operation);
    }
    ledgers
}

fn written(seed: u64) -> Vec<u8> {
    ledgers(seed).engine.to_bytes()
}

#[test]
fn every_damaged_byte_is_found() {
    let bytes = written(3);
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
        let bytes = forged(seed);
        let used = catch_unwind(AssertUnwindSafe(|| is_survived(&bytes, seed)));
        match used {
            Ok(is_read) => accepted += u64::from(is_read),
            Err(panic) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(accepted > ledger_count() / 40, "{accepted} are read at all");
}

/// A level below zero, as a number that wraps, made a repair land in no deficit.
#[test]
fn a_level_below_zero_is_refused_or_survived() {
    is_survived(&forged(76_156), 76_156);
}

/// An account to which up to eight things have been done.
fn forged(seed: u64) -> Vec<u8> {
    let mut random = Random::new(!seed);
    let changes = 4 * random.between(1, 8);
    let changes: Vec<u8> = (0..changes).map(|_| random.below(256) as u8).collect();
    forge(&written(seed % 200), &changes)
}
