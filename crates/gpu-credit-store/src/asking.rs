//! Which stores this thread is asking: within a question its store cannot be used.
//!
//! A question holds its account, and so may wait for a thread that waits for it, if it asks the same
//! account again or posts to it.

use std::cell::RefCell;

thread_local! {
    /// The addresses of the stores that questions of this thread are about, the innermost last.
    static ASKED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A question of this thread to a store, until it is dropped.
pub(crate) struct Asking;

impl Asking {
    /// Begins a question to the store at an address.
    pub(crate) fn begin(store: usize) -> Self {
        ASKED.with_borrow_mut(|asked| asked.push(store));
        Asking
    }

    /// Whether this thread is within a question to the store at an address.
    pub(crate) fn is_asking(store: usize) -> bool {
        ASKED.with_borrow(|asked| asked.contains(&store))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKED.with_borrow_mut(Vec::pop);
    }
}
