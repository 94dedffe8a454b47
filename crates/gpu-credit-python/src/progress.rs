//! Telling a caller how far a long load is.

use pyo3::prelude::*;

/// So many records pass between two reports.
pub(crate) const RECORDS_PER_REPORT: usize = 100_000;

/// A callback of two arguments: how many records are done, and how many there are, or `None`.
pub(crate) struct Progress<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Progress<'py> {
    pub(crate) fn new(callback: Option<Bound<'py, PyAny>>) -> Self {
        Progress(callback)
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
