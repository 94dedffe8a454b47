//! A book of several accounts against a replay of each, after the operations that the bytes spell.
#![no_main]

use gpu_credit_workload::small;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gpu-credit/tests/it/ledgers/mod.rs"]
#[allow(dead_code, reason = "a target uses a part of it")]
mod ledgers;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, bytes)) = bytes.split_first() else {
        return;
    };
    // A quarter says what is done to the book and to which account, the rest spells operations.
    let (choices, operations) = bytes.split_at(bytes.len() / 4);
    let mut books = ledgers::books::Books::new(u64::from(*seed));
    for (choice, operation) in choices.iter().zip(small::from_bytes(operations)).take(300) {
        books.run(*choice, &operation);
    }
    books.ask_all();
});
