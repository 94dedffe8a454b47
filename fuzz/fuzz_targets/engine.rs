//! The engine against both replays, after every operation that the bytes spell.
#![no_main]

use gpu_credit::Overdraft;
use gpu_credit_workload::small;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gpu-credit/tests/it/ledgers/mod.rs"]
mod ledgers;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let overdraft = if first % 2 == 0 {
        Overdraft::Carry
    } else {
        Overdraft::Forfeit
    };
    let mut all = ledgers::Ledgers::new(ledgers::tiny(overdraft, u64::from(first / 2)));
    for operation in small::from_bytes(rest).take(300) {
        all.run(operation);
        all.engine.assert_invariants();
    }
    all.ask_all();
    all.engine.settle();
    all.engine.assert_invariants();
    all.ask_all();
});
