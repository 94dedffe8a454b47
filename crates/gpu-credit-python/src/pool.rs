//! The threads that share long work. A process that was forked off has none of its parent's, so
//! that a pool is good for one process only: without this, the first large batch in a child of
//! `multiprocessing` would wait forever.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::fork;

struct Pool {
    process: u32,
    threads: Arc<ThreadPool>,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

/// Starting threads takes less. In a forked child, perhaps nobody is there to let go.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `work` while other Python threads run, and a fork waits for it.
pub(crate) fn work<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
    py.detach(|| {
        let _working = fork::begin_work();
        run(work)
    })
}

/// Runs `work` on other threads if its parallel parts find some, and on this one alone if not. A
/// fork must wait for it, as the threads are found under a lock; and it calls no Python, as a thread
/// that waits for a part of one work may do another meanwhile.
pub(crate) fn run<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match threads() {
        Some(threads) => threads.install(work),
        None => work(),
    }
}

fn threads() -> Option<Arc<ThreadPool>> {
    let process = std::process::id();
    let mut pool = POOL.try_lock_for(PATIENCE)?;
    if let Some(pool) = &*pool
        && pool.process == process
    {
        return Some(Arc::clone(&pool.threads));
    }
    let threads = Arc::new(ThreadPoolBuilder::new().build().ok()?);
    let fresh = Pool {
        process,
        threads: Arc::clone(&threads),
    };
    // The parent's threads are not here to be told to end.
    std::mem::forget(pool.replace(fresh));
    Some(threads)
}
