//! The store on PostgreSQL: what is particular to it, and all that tests of the store on a file say of stores.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]

mod support;

mod confirming;
mod copies;
mod encrypted;
#[cfg(target_os = "linux")]
mod faults;
mod shared_imports;
mod sharing;
mod snapshots;
mod subset;

#[path = "../../../gpu-credit-store/tests/it/admission.rs"]
mod admission;
#[path = "../../../gpu-credit-store/tests/it/closing.rs"]
mod closing;
#[path = "../../../gpu-credit-store/tests/it/corrections.rs"]
mod corrections;
#[path = "../../../gpu-credit-store/tests/it/holds/mod.rs"]
mod holds;
#[path = "../../../gpu-credit-store/tests/it/importing.rs"]
mod importing;
#[path = "../../../gpu-credit-store/tests/it/memory.rs"]
mod memory;
#[path = "../../../gpu-credit-store/tests/it/metered.rs"]
mod metered;
#[path = "../../../gpu-credit-store/tests/it/period.rs"]
mod period;
#[path = "../../../gpu-credit-store/tests/it/posting.rs"]
mod posting;
#[path = "../../../gpu-credit-store/tests/it/priorities.rs"]
mod priorities;
#[path = "../../../gpu-credit-store/tests/it/sacct.rs"]
mod sacct;
#[path = "../../../gpu-credit-store/tests/it/soak.rs"]
mod soak;
#[path = "../../../gpu-credit-store/tests/it/usage_statement.rs"]
mod usage_statement;
