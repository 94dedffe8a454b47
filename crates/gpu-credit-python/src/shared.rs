//! What threads share: one at a time works on it, and none waits with the interpreter's lock held.

use std::sync::{Mutex, MutexGuard};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use crate::pool;

/// A value behind a lock. If nobody else has it, taking it costs one atomic exchange.
#[derive(Default)]
pub(crate) struct Shared<T>(Mutex<T>);

impl<T: Send> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Shared(Mutex::new(value))
    }

    /// Takes the value, for short work with the interpreter's lock held.
    #[inline]
    pub(crate) fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, T>> {
        self.0.lock_py_attached(py).map_err(|_| broken())
    }

    /// Takes the value for long work, while other Python threads run.
    pub(crate) fn work<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> PyResult<R> {
        let mut guard = self.lock(py)?;
        let value = &mut *guard;
        Ok(py.detach(|| work(value)))
    }

    /// As [`work`](Self::work), on all cores.
    pub(crate) fn work_in_parallel<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> PyResult<R> {
        self.work(py, |value| pool::run(|| work(value)))
    }
}

#[cold]
fn broken() -> PyErr {
    PyRuntimeError::new_err("an earlier call on this object failed half-way: it cannot be trusted")
}
