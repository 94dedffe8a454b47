//! A fork waits for the work in progress, so that the child finds every account whole and no lock
//! taken. The child has none of its parent's threads: what they had begun, nobody would finish.
//!
//! Work with the interpreter's lock held needs no care: the thread that forks holds it itself.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// How many threads work without the interpreter's lock, and whether one is about to fork.
static WORKING: AtomicUsize = AtomicUsize::new(0);
const FORKING: usize = 1 << (usize::BITS - 1);

/// How many forks this process is away from the first.
static GENERATION: AtomicU32 = AtomicU32::new(0);

const PAUSE: Duration = Duration::from_micros(200);

/// So long new work waits for a fork. It may hold what the fork waits for, such as a lock of the
/// `logging` module: then it goes on, and what it works on is lost to the child.
const FORK_MAX: Duration = Duration::from_secs(1);

/// Held by who works without the interpreter's lock.
pub(crate) struct Working(());

/// Waits for a fork, if there is one.
pub(crate) fn begin_work() -> Working {
    let begun = Instant::now();
    let next = |working: usize| {
        let is_free = working & FORKING == 0 || begun.elapsed() > FORK_MAX;
        is_free.then_some(working + 1)
    };
    while WORKING
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
        .is_err()
    {
        sleep(PAUSE);
    }
    Working(())
}

impl Drop for Working {
    fn drop(&mut self) {
        WORKING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// It differs between a process and its forked child.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Has every fork of `os.fork` wait.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let os = module.py().import("os")?;
    let Some(register) = os.getattr_opt(intern!(module.py(), "register_at_fork"))? else {
        return Ok(()); // This system has no forks.
    };
    let handlers = PyDict::new(module.py());
    handlers.set_item("before", wrap_pyfunction!(before_fork, module)?)?;
    handlers.set_item(
        "after_in_parent",
        wrap_pyfunction!(after_in_parent, module)?,
    )?;
    handlers.set_item("after_in_child", wrap_pyfunction!(after_in_child, module)?)?;
    register.call((), Some(&handlers))?;
    Ok(())
}

#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(|| {
        let claim = |working: usize| (working & FORKING == 0).then_some(working | FORKING);
        while WORKING
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, claim)
            .is_err()
        {
            sleep(PAUSE); // Another thread forks.
        }
        while WORKING.load(Ordering::Acquire) != FORKING {
            sleep(PAUSE);
        }
    });
}

#[pyfunction]
fn after_in_parent() {
    WORKING.fetch_and(!FORKING, Ordering::AcqRel);
}

#[pyfunction]
fn after_in_child() {
    WORKING.store(0, Ordering::Release);
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
