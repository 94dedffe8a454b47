//! What belongs to the process that made it.

use std::mem;
use std::ops::Deref;
use std::process;

use crate::Error;

/// A value that is of no use to a forked child: the threads it counts on are not there, and what it does
/// to a file its parent knows nothing of.
pub(crate) struct Owned<T> {
    /// There until it is dropped.
    value: Option<T>,
    process: u32,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Owned {
            value: Some(value),
            process: process::id(),
        }
    }

    /// The value, for the process that made it.
    pub(crate) fn get(&self) -> Result<&T, Error> {
        self.check()?;
        Ok(self.peek())
    }

    /// The value, to be changed by the process that made it.
    pub(crate) fn get_mut(&mut self) -> Result<&mut T, Error> {
        self.check()?;
        let value = self.value.as_mut();
        Ok(value.expect("it is there until it is dropped"))
    }

    fn check(&self) -> Result<(), Error> {
        let used_by = process::id();
        if used_by == self.process {
            return Ok(());
        }
        Err(Error::OtherProcess {
            opened_by: self.process,
            used_by,
        })
    }

    /// The value, to look at what does not change.
    pub(crate) fn peek(&self) -> &T {
        self
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let value = self.value.as_ref();
        value.expect("it is there until it is dropped")
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if process::id() != self.process {
            mem::forget(value);
        }
    }
}
