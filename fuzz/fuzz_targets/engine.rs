//! The engine against both replays, after every operation that the bytes spell.
#![no_main]

use gpu_credit_workload::small;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gpu-credit/tests/it/ledgers/mod.rs"]
#[allow(dead_code, reason = "a target uses a part of it")]
mod ledgers;

fuzz_target!(|bytes: &[u8]| {
    let [policy, seed, operations @ ..] = bytes else {
        return;
    };
    let overdraft = ledgers::policy(u64::from(*policy));
    let mut all = ledgers::Ledgers::new(ledgers::sizes(overdraft, u64::from(*seed)));
    for operation in small::from_bytes(operations).take(300) {
        all.run(&operation);
        all.engine.assert_invariants();
    }
    all.ask_all();
    all.engine.settle();
    all.engine.assert_invariants();
    all.ask_all();
});
