//! What may be spent in many accounts of a book at once, and when each runs dry.

use gpu_credit::GpuCredit;
use pyo3::prelude::*;

use crate::across::names;
use crate::book::Book;
use crate::error::refused;
use crate::instant::{Instant, Last};
use crate::integer::Amount;
use crate::tables;

#[pymethods]
impl Book {
    /// GPUCredit.spendable of all accounts, or of some: a Table of account and amount.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> planned = book.subtract("ada", amount=60, timestamp=20)
    /// >>> book.spendable(10)[0]
    /// Row(account='ada', amount=40)
    #[pyo3(signature = (timestamp, *, accounts = None))]
    fn spendable<'py>(
        &self,
        py: Python<'py>,
        timestamp: Instant,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        self.table(
            py,
            tables::SPENDABLE,
            names(accounts)?,
            move |account, rows, _| rows.push([account.spendable(timestamp).into()]),
        )
    }

    /// GPUCredit.spendable_rate of all accounts, or of some: how many GPUs a job may have that runs in [start,
    /// until), a Table of account and rate. Raises ValueError if there are no ticks.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.spendable_rate(start=0, until=20)[0]
    /// Row(account='ada', rate=5)
    #[pyo3(signature = (*, start, until, accounts = None))]
    fn spendable_rate<'py>(
        &self,
        py: Python<'py>,
        start: Instant,
        until: Instant,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (start, until) = (self.at(start)?, self.at(until)?);
        // Of a book without accounts too.
        GpuCredit::new()
            .spendable_rate(start..until)
            .map_err(refused)?;
        self.table(
            py,
            tables::SPENDABLE_RATE,
            names(accounts)?,
            move |account, rows, _| {
                let rate = account.spendable_rate(start..until).map_err(refused)?;
                rows.push([rate.into()])
            },
        )
    }

    /// GPUCredit.runs_dry of all accounts, or of some: the first tick that a job of this rate could not pay for,
    /// a Table of account and timestamp, which is null if there is no such tick.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.runs_dry(rate=8, start=0)[0]
    /// Row(account='ada', timestamp=12)
    #[pyo3(signature = (*, rate, start, accounts = None))]
    fn runs_dry<'py>(
        &self,
        py: Python<'py>,
        rate: Amount,
        start: Instant,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let start = self.at(start)?;
        self.table(
            py,
            tables::FIRST,
            names(accounts)?,
            move |account, rows, _| rows.push([account.runs_dry(rate.0, start).into()]),
        )
    }

    /// GPUCredit.first_uncovered of all accounts, or of some: a Table of account and timestamp, which is null
    /// if all usage is drawn whole as it falls.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> job = book.subtract("ada", amount=4, timestamp=10)
    /// >>> book.first_uncovered()[0]
    /// Row(account='ada', timestamp=10)
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX, accounts = None),
           text_signature = "($self, *, first=-2**63, last=2**63 - 1, accounts=None)")]
    fn first_uncovered<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::FIRST,
            names(accounts)?,
            move |account, rows, _| rows.push([account.first_uncovered(first..=last).into()]),
        )
    }
}
