//! What threads share: one at a time works on it, and no Python code runs meanwhile.
//!
//! Whatever Python runs (a finalizer, a signal handler, a tracer) may want the same object, and would
//! wait for itself. So work is a closure that could be sent to another thread: it can hold no
//! object of Python's, and the compiler sees to that. What it returns is made into objects later.

use std::ops::{ControlFlow, Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::{fork, pool};

/// So long a thread waits before it looks for signals: Ctrl-C is one.
const PATIENCE: Duration = Duration::from_millis(50);

/// A value behind a lock. If nobody else has it, taking it costs one atomic exchange.
#[derive(Default)]
pub(crate) struct Shared<T> {
    value: Mutex<Value<T>>,
    /// The process in which somebody last worked on it without the interpreter's lock.
    generation: AtomicU32,
}

struct Value<T> {
    value: T,
    /// Whether work on it has ended in a panic.
    is_broken: bool,
}

impl<T: Default> Default for Value<T> {
    fn default() -> Self {
        Value {
            value: T::default(),
            is_broken: false,
        }
    }
}

impl<T: Send> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Shared {
            value: Mutex::new(Value {
                value,
                is_broken: false,
            }),
            generation: AtomicU32::new(0),
        }
    }

    /// Short work, with the interpreter's lock held if nobody else has the value.
    #[inline]
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> PyResult<R> {
        match self.value.try_lock() {
            Some(value) => Ok(work(&mut *Whole::of(value)?)),
            None => self.work(py, work),
        }
    }

    /// Long work, while other Python threads run.
    pub(crate) fn work<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> PyResult<R> {
        let mut work = Some(work);
        loop {
            let done = py.detach(|| self.try_work(|value| work.take().map(|work| work(value))));
            match done? {
                Some(done) => return Ok(done),
                None => py.check_signals()?,
            }
        }
    }

    /// As [`work`](Self::work), on all cores.
    pub(crate) fn work_in_parallel<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T) -> R + Send,
    ) -> PyResult<R> {
        self.work(py, |value| pool::run(|| work(value)))
    }

    /// Long work that a signal may end, such as Ctrl-C, on all cores: see [`interruptibly`].
    pub(crate) fn work_interruptibly<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut T, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        let mut work = Some(work);
        let done = interruptibly(py, move |interrupt| {
            loop {
                let work = |value: &mut T| {
                    let work = work.take()?;
                    Some(pool::run(|| work(value, interrupt)))
                };
                match self.try_work(work) {
                    Ok(None) if !interrupt.is_set() => {}
                    done => return done,
                }
            }
        })?;
        done?.ok_or_else(broken)
    }

    /// Works on the value if it can be had soon. The interpreter's lock is not held.
    fn try_work<R>(&self, work: impl FnOnce(&mut T) -> Option<R>) -> PyResult<Option<R>> {
        let _working = fork::begin_work();
        let Some(value) = self.value.try_lock_for(PATIENCE) else {
            if self.generation.load(Ordering::Relaxed) == fork::generation() {
                return Ok(None);
            }
            return Err(left_behind());
        };
        self.generation.store(fork::generation(), Ordering::Relaxed);
        Ok(work(&mut *Whole::of(value)?))
    }
}

/// A value that is broken if the work on it ends in a panic.
struct Whole<'a, T>(MutexGuard<'a, Value<T>>);

impl<'a, T> Whole<'a, T> {
    #[inline]
    fn of(value: MutexGuard<'a, Value<T>>) -> PyResult<Self> {
        if value.is_broken {
            return Err(broken());
        }
        Ok(Whole(value))
    }
}

impl<T> Deref for Whole<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> DerefMut for Whole<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.value
    }
}

impl<T> Drop for Whole<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.is_broken |= thread::panicking();
    }
}

/// Does long work that a signal may end, such as Ctrl-C: it has to look at the interrupt now and then. Another
/// thread does it, so that the handler of the signal may ask for what it holds like anybody else.
pub(crate) fn interruptibly<R: Send>(
    py: Python<'_>,
    work: impl FnOnce(&Interrupt) -> R + Send,
) -> PyResult<R> {
    let interrupt = Interrupt::default();
    let (sender, mut receiver) = sync_channel(1);
    let mut raised = Ok(());
    let done = thread::scope(|scope| {
        let interrupt = &interrupt;
        let worker = thread::Builder::new().spawn_scoped(scope, move || {
            let _ = sender.send(work(interrupt));
        });
        if let Err(error) = worker {
            return Err(error.into());
        }
        loop {
            let receiver = &mut receiver;
            match py.detach(move || receiver.recv_timeout(PATIENCE)) {
                Ok(done) => return Ok(done),
                // The worker has panicked, and so will its scope.
                Err(RecvTimeoutError::Disconnected) => return Err(broken()),
                Err(RecvTimeoutError::Timeout) if raised.is_ok() => {
                    raised = py.check_signals();
                    if raised.is_err() {
                        interrupt.set();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    });
    raised?;
    done
}

/// Does work of which nobody knows how long it takes, such as asking a server, on a thread of its own, while other
/// Python threads run. If a signal raises an exception, such as Ctrl-C, nobody waits for it any more: it goes on
/// to its end, and what it returns is dropped.
pub(crate) fn abandonably<R: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> R + Send + 'static,
) -> PyResult<R> {
    let (sender, mut receiver) = sync_channel(1);
    thread::Builder::new().spawn(move || {
        let _ = sender.send(work());
    })?;
    loop {
        let receiver = &mut receiver;
        match py.detach(move || receiver.recv_timeout(PATIENCE)) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => return Err(broken()),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
        }
    }
}

/// Tells long work that nobody waits for it any more.
#[derive(Default)]
pub(crate) struct Interrupt(AtomicBool);

impl Interrupt {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether to go on.
    #[inline]
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        match self.is_set() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// The items until then.
    pub(crate) fn until<I: IntoIterator>(&self, items: I) -> impl Iterator<Item = I::Item> {
        items.into_iter().take_while(|_| !self.is_set())
    }
}

#[cold]
fn broken() -> PyErr {
    PyRuntimeError::new_err("an earlier call on this object failed half-way: it cannot be trusted")
}

#[cold]
fn left_behind() -> PyErr {
    PyRuntimeError::new_err(
        "another thread was at work on this object when this process was forked: it cannot be used here",
    )
}
