//! Accounts as bytes, whose checksum fits: any body, and that of a ledger that the input spells, as
//! it is and after some changes. What is read takes memory for what is there, and survives.
#![no_main]

use std::alloc::System;

use gpu_credit::GpuCredit;
use gpu_credit_workload::small::{self, Operation};
use libfuzzer_sys::fuzz_target;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "../../crates/gpu-credit/tests/it/ledgers/mod.rs"]
#[allow(dead_code, reason = "a target uses a part of it")]
mod ledgers;

use ledgers::forged::{self, TAKEN_EACH, TAKEN_FIRST};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fuzz_target!(|bytes: &[u8]| {
    let [kind, seed, bytes @ ..] = bytes else {
        return;
    };
    let seed = u64::from(*seed);
    if kind % 4 == 0 {
        survive(&forged::sealed(bytes), seed);
        return;
    }
    let overdraft = ledgers::policy(u64::from(kind / 4));
    let mut all = ledgers::Ledgers::new(ledgers::sizes(overdraft, seed));
    // A quarter spells changes, the rest operations.
    let (changes, operations) = bytes.split_at(bytes.len() / 4);
    for operation in small::from_bytes(operations).take(200) {
        all.run(&operation);
    }
    all.run(&Operation::GoOnWithBytes);
    all.ask_all();
    survive(&forged::forge(&all.engine.to_bytes(), changes), seed);
});

fn survive(bytes: &[u8], seed: u64) {
    let region = Region::new(ALLOCATOR);
    drop(GpuCredit::from_bytes(bytes));
    let taken = region.change().bytes_allocated;
    let most = TAKEN_FIRST + TAKEN_EACH * bytes.len();
    assert!(taken <= most, "{} bytes take {taken}", bytes.len());
    forged::is_survived(bytes, seed);
}
