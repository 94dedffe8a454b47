//! The thread that writes snapshots.

use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::Keeper;

/// A thread that writes snapshots, or has.
#[derive(Default)]
pub(crate) struct Aside(Mutex<Option<JoinHandle<()>>>);

impl Aside {
    /// Makes the thread if snapshots are wanted and there is none. `prepare` gives what it is to do.
    pub(crate) fn write<W>(&self, keeper: &Keeper, prepare: impl FnOnce() -> W)
    where
        W: FnOnce() + Send + 'static,
    {
        if !keeper.begin() {
            return;
        }
        match thread::Builder::new().spawn(prepare()) {
            Ok(thread) => *self.0.lock() = Some(thread),
            Err(_) => keeper.give_up(),
        }
    }

    /// Ends the thread, if there is one, after the snapshot that it is at.
    pub(crate) fn end(&self, keeper: &Keeper) {
        keeper.stop();
        if let Some(thread) = self.0.lock().take() {
            // If it panicked, that was reported, and a snapshot is missing.
            let _ = thread.join();
        }
    }
}
