//! Where an account stands: on its own, with an inbox, or in a book; as it is, or as it would be under a
//! plan. The calls of `GPUCredit` do not know which.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use gpu_credit::{Change, Error, GpuCredit, GrantId, GrantRecord, Record, RecordError};
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::book::{Book, no_such_account};
use crate::held::{Held, Kept, NotDone, RECORDS_FEW};
use crate::instant::Unit;
use crate::ledger::Ledger;
use crate::shared::{Interrupt, Shared};
use crate::{error, pool};

pub(crate) struct Place {
    home: Home,
    /// It is as if these changes had been made, which nobody makes.
    plan: Option<Vec<Change>>,
    /// That of an account of its own; one of a book has the book's.
    unit: Unit,
}

enum Home {
    Alone(Arc<Shared<Ledger>>),
    InBook(Py<Book>, String),
}

/// By which account it is.
impl Hash for Place {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match &self.home {
            Home::Alone(ledger) => Arc::as_ptr(ledger).hash(hasher),
            Home::InBook(book, name) => (book.as_ptr(), name).hash(hasher),
        }
    }
}

impl From<GpuCredit> for Place {
    fn from(account: GpuCredit) -> Self {
        Place {
            home: Home::Alone(Arc::new(Shared::new(account.into()))),
            plan: None,
            unit: Unit::default(),
        }
    }
}

impl Place {
    pub(crate) fn in_book(book: Py<Book>, name: String) -> Self {
        Place {
            home: Home::InBook(book, name),
            plan: None,
            unit: Unit::default(),
        }
    }

    /// The same account as it would be if these changes had been made too.
    pub(crate) fn planned(&self, py: Python<'_>, changes: Vec<Change>) -> Self {
        let home = match &self.home {
            Home::Alone(ledger) => Home::Alone(Arc::clone(ledger)),
            Home::InBook(book, name) => Home::InBook(book.clone_ref(py), name.clone()),
        };
        let before = self.plan.iter().flatten().cloned();
        let plan = Some(before.chain(changes).collect());
        let unit = Unit::new(self.unit());
        Place { home, plan, unit }
    }

    /// Whether it is one and the same account. A plan is none.
    pub(crate) fn is(&self, other: &Place) -> bool {
        let is_same_home = match (&self.home, &other.home) {
            (Home::Alone(one), Home::Alone(other)) => Arc::ptr_eq(one, other),
            (Home::InBook(book, name), Home::InBook(other, other_name)) => {
                book.is(other) && name == other_name
            }
            _ => false,
        };
        is_same_home && self.plan.is_none() && other.plan.is_none()
    }

    /// The unit of its timestamps, if somebody has said it.
    #[inline]
    pub(crate) fn unit(&self) -> Option<TimeUnit> {
        match &self.home {
            Home::Alone(_) => self.unit.get(),
            Home::InBook(book, _) => book.get().unit.get(),
        }
    }

    /// The account with a unit of time.
    pub(crate) fn with_unit(self, unit: Option<TimeUnit>) -> Self {
        self.unit.set(unit);
        self
    }

    /// Begins anew, with this account.
    pub(crate) fn replace(
        &self,
        py: Python<'_>,
        account: GpuCredit,
        unit: Option<TimeUnit>,
    ) -> PyResult<()> {
        match &self.home {
            Home::Alone(ledger) if self.plan.is_none() => {
                ledger.with(py, |ledger| *ledger = account.into())?;
                self.unit.set(unit);
                Ok(())
            }
            Home::Alone(_) => Err(self.not_done(NotDone::IsPlan)),
            Home::InBook(_, name) => Err(PyTypeError::new_err(format!(
                "{name:?} is an account of a book, which cannot be initialised again"
            ))),
        }
    }

    #[cold]
    fn not_done(&self, why: NotDone) -> PyErr {
        match (why, &self.home) {
            (NotDone::Refused(refused), _) => error::refused_change(refused),
            (NotDone::NotInBook, Home::InBook(_, name)) => no_such_account(name),
            _ => PyTypeError::new_err(
                "this is a plan, made by what_if: it is asked, and neither posted to nor copied",
            ),
        }
    }

    /// Asks what is looked up.
    #[inline]
    pub(crate) fn ask<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.with_or_work(py, |_| Ok(true), |held| held.read(question))
    }

    /// Asks what is looked up in an account that is settled at an instant. After a load, or after
    /// many late records at once, it is not: then the first question settles it, so that the next
    /// one does not replay the same again.
    #[inline]
    pub(crate) fn ask_at<R: Send>(
        &self,
        py: Python<'_>,
        timestamp: i64,
        question: impl FnOnce(&GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        let is_quick =
            |account: &GpuCredit| account.is_settled() || account.grant_count() <= RECORDS_FEW;
        self.with_or_work(
            py,
            |held| held.kept.read(is_quick),
            |held| {
                held.settle_to(timestamp)?;
                held.read(question)
            },
        )
    }

    /// Asks what visits the records. If they are many, a signal may end it: what it answers
    /// then is not used.
    pub(crate) fn ask_at_length<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        let records = |account: &GpuCredit| {
            account.grant_count() + account.usage_count() + account.metered_count()
        };
        let is_quick = |account: &GpuCredit| records(account) <= RECORDS_FEW;
        let asked = self.with(py, |mut held| {
            if !held.is_ready()? || !held.kept.read(is_quick)? {
                return Ok(Err(question));
            }
            held.read(|account| question(account, &Interrupt::default()))
                .map(Ok)
        });
        match asked? {
            Ok(answer) => Ok(answer),
            Err(question) => self.ask_interruptibly(py, question),
        }
    }

    /// Asks, while other Python threads run, until it is answered or a signal raises an exception.
    pub(crate) fn ask_interruptibly<R: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        self.work_interruptibly(py, |mut held, interrupt| {
            held.read(|account| question(account, interrupt))
        })
    }

    /// As [`ask_interruptibly`](Self::ask_interruptibly), for many instants up to one. The account is settled
    /// as far first: else each of them would replay what is not. Nobody can post in between.
    pub(crate) fn ask_up_to<R: Send>(
        &self,
        py: Python<'_>,
        last: i64,
        question: impl FnOnce(&GpuCredit, &Interrupt) -> R + Send,
    ) -> PyResult<R> {
        self.work_interruptibly(py, |mut held, interrupt| {
            held.settle_to(last)?;
            // A plan is settled no further than without its changes: a copy of it is.
            let is_settled = held.plan.is_none() || held.read(GpuCredit::is_settled)?;
            if is_settled {
                return held.read(|account| question(account, interrupt));
            }
            let mut copy = held.read(GpuCredit::clone)?;
            copy.settle_to(last);
            Ok(question(&copy, interrupt))
        })
    }

    /// Corrects the account, or posts to it at once.
    pub(crate) fn change<R: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.with_or_work(py, |_| Ok(true), |held| held.write(change))
    }

    /// As [`change`](Self::change), for many records.
    pub(crate) fn change_at_length<R: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut GpuCredit) -> R + Send,
    ) -> PyResult<R> {
        self.work_in_parallel(py, |mut held| held.write(change))
    }

    #[inline]
    pub(crate) fn add_credit(
        &self,
        py: Python<'_>,
        credit_id: &str,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    ) -> PyResult<Result<(), Error>> {
        self.with(py, |mut held| match &mut held {
            Held {
                kept: Kept::Alone(ledger),
                plan: None,
            } => Ok(ledger.add_credit(credit_id, amount, timestamp, expiration)),
            held => held.write(|account| {
                let posted = account.add_credit(credit_id, amount, timestamp, expiration);
                posted.map(drop)
            }),
        })
    }

    #[inline]
    pub(crate) fn subtract(
        &self,
        py: Python<'_>,
        amount: u64,
        timestamp: i64,
    ) -> PyResult<Result<(), Error>> {
        self.with(py, |mut held| match &mut held {
            Held {
                kept: Kept::Alone(ledger),
                plan: None,
            } => Ok(ledger.subtract(amount, timestamp)),
            held => held.write(|account| account.subtract(amount, timestamp)),
        })
    }

    pub(crate) fn post_grant(
        &self,
        py: Python<'_>,
        grant: GrantRecord,
    ) -> PyResult<Result<GrantId, Error>> {
        self.with(py, |mut held| match &mut held {
            Held {
                kept: Kept::Alone(ledger),
                plan: None,
            } => Ok(ledger.post_grant(grant)),
            held => held.write(|account| account.post_grant(grant)),
        })
    }

    pub(crate) fn extend(
        &self,
        py: Python<'_>,
        records: Vec<Record>,
    ) -> PyResult<Result<(), RecordError>> {
        self.work_in_parallel(py, |mut held| match &mut held {
            Held {
                kept: Kept::Alone(ledger),
                plan: None,
            } => Ok(ledger.extend(records)),
            held => held.write(|account| account.extend(records)),
        })
    }

    /// Settles the account as far as an instant, which changes cost alone.
    pub(crate) fn settle_to(&self, py: Python<'_>, timestamp: i64) -> PyResult<()> {
        self.work_in_parallel(py, |mut held| held.settle_to(timestamp))
    }

    /// Bytes of the account, and of its inbox.
    pub(crate) fn memory_used(&self, py: Python<'_>) -> PyResult<usize> {
        self.work_in_parallel(py, |mut held| match &mut held {
            Held {
                kept: Kept::Alone(ledger),
                plan: None,
            } => Ok(ledger.memory_used()),
            held => held.read(GpuCredit::memory_used),
        })
    }

    /// Short work on the account.
    #[inline]
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Result<R, NotDone> + Send,
    ) -> PyResult<R> {
        let plan = self.plan.as_deref();
        let done = match &self.home {
            Home::Alone(ledger) => ledger.with(py, |ledger| {
                let kept = Kept::Alone(ledger);
                work(Held { kept, plan })
            }),
            Home::InBook(book, name) => book.get().accounts.with(py, |book| {
                let kept = Kept::InBook(book, name);
                work(Held { kept, plan })
            }),
        };
        done?.map_err(|why| self.not_done(why))
    }

    /// Work that is short or not: if not, other Python threads run meanwhile.
    #[inline]
    fn with_or_work<R: Send>(
        &self,
        py: Python<'_>,
        is_quick: impl FnOnce(&mut Held<'_>) -> Result<bool, NotDone> + Send,
        work: impl FnOnce(&mut Held<'_>) -> Result<R, NotDone> + Send,
    ) -> PyResult<R> {
        let done = self.with(py, |mut held| {
            if held.is_ready()? && is_quick(&mut held)? {
                work(&mut held).map(Ok)
            } else {
                Ok(Err(work))
            }
        });
        match done? {
            Ok(done) => Ok(done),
            Err(work) => self.work(py, |mut held| work(&mut held)),
        }
    }

    /// Long work on the account, while other Python threads run.
    fn work<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Result<R, NotDone> + Send,
    ) -> PyResult<R> {
        let plan = self.plan.as_deref();
        let done = match &self.home {
            Home::Alone(ledger) => ledger.work(py, |ledger| {
                let kept = Kept::Alone(ledger);
                work(Held { kept, plan })
            }),
            Home::InBook(book, name) => book.get().accounts.work(py, |book| {
                let kept = Kept::InBook(book, name);
                work(Held { kept, plan })
            }),
        };
        done?.map_err(|why| self.not_done(why))
    }

    /// As [`work`](Self::work), on all cores, until a signal raises an exception.
    fn work_interruptibly<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>, &Interrupt) -> Result<R, NotDone> + Send,
    ) -> PyResult<R> {
        let plan = self.plan.as_deref();
        let done = match &self.home {
            Home::Alone(ledger) => ledger.work_interruptibly(py, |ledger, interrupt| {
                let kept = Kept::Alone(ledger);
                work(Held { kept, plan }, interrupt)
            }),
            Home::InBook(book, name) => {
                let accounts = &book.get().accounts;
                accounts.work_interruptibly(py, |book, interrupt| {
                    let kept = Kept::InBook(book, name);
                    work(Held { kept, plan }, interrupt)
                })
            }
        };
        done?.map_err(|why| self.not_done(why))
    }

    /// As [`work`](Self::work), on all cores.
    pub(crate) fn work_in_parallel<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Held<'_>) -> Result<R, NotDone> + Send,
    ) -> PyResult<R> {
        self.work(py, |held| pool::run(|| work(held)))
    }
}
