//! Asking for memory ahead of its use: the only `unsafe` of the crate.
//!
//! With four million entries it makes unsorted batches take half the time, and batches of late
//! entries 0.4 of it; without it the steps of a batch overlap only as far as the processor sees
//! ahead.

#![allow(unsafe_code)]

/// Bytes of a cache line on every processor this matters for.
pub(crate) const LINE: usize = 64;

/// Starts loading the cache lines of `value`, and does not wait. It changes no answer; on
/// processors without a stable intrinsic for it, it does nothing.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    prefetch_all(std::slice::from_ref(value));
}

/// [`prefetch`] for each of `values`.
#[inline]
pub(crate) fn prefetch_all<T>(values: &[T]) {
    let start = values.as_ptr().cast::<i8>();
    for offset in (0..size_of_val(values)).step_by(LINE) {
        prefetch_line(start.wrapping_add(offset));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 has SSE, and the instruction is a hint: it reads nothing into the
    // program and raises no fault at any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_line(_address: *const i8) {}
