//! What a long load does beside loading: it tells a caller how far it is, and lets others run.

use pyo3::prelude::*;

/// So many records pass between two reports.
pub(crate) const RECORDS_PER_REPORT: usize = 100_000;

/// So many items pass, some microseconds each at most, before other threads get a turn.
const ITEMS_PER_TURN: usize = 4 * 1024;

/// Lets other Python threads run now and then, and signals be seen, by how many items are done.
#[inline]
pub(crate) fn take_turns(py: Python<'_>, done: usize) -> PyResult<()> {
    if done.is_multiple_of(ITEMS_PER_TURN) {
        py.check_signals()?;
        py.detach(|| ());
    }
    Ok(())
}

/// A callback of two arguments: how many records are done, and how many there are, or `None`.
pub(crate) struct Progress<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Progress<'py> {
    pub(crate) fn new(callback: Option<Bound<'py, PyAny>>) -> Self {
        Progress(callback)
    }

    /// Nobody is told.
    pub(crate) fn none() -> Self {
        Progress(None)
    }

    /// Reports; an exception of the callback ends the load, and so does Ctrl-C.
    pub(crate) fn report(&self, py: Python<'py>, done: usize, of: Option<usize>) -> PyResult<()> {
        py.check_signals()?;
        if let Some(callback) = &self.0 {
            callback.call1((done, of))?;
        }
        Ok(())
    }
}
