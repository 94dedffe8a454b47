//! Metered usage: jobs that use the same amount at each tick for as long as they run.

use gpu_credit::{GpuCredit, MeteredUsage};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::account::Account;
use crate::array::Integers;
use crate::error::{refused, refused_record};
use crate::instant::{Instant, Instants, Last};
use crate::integer::{Amount, Job};
use crate::{records, tables, words};

#[pymethods]
impl Account {
    /// Post metered usage, a job: rate units at each tick of [start, until), and return its identity, a
    /// MeteredId. Within a tick it comes after usage at that instant; under "forfeit" the metered usage
    /// of a tick is drawn whole, or it forfeits what is left and is dropped whole.
    ///
    /// A job that still runs is posted with the end that is planned; when it has ended, change_metered
    /// says so. If until is not later than start, it is nothing, but can be changed into something.
    ///
    /// Raises ValueError for a negative rate, TypeError for what is no integer, and OverflowError if the
    /// usage of the account would add up to more than 2**63 - 1. After an error the account is as before.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("today", 100, 0, 9)
    /// >>> account.add_credit("tomorrow", 100, 10, 9)
    /// >>> account.post_metered(rate=8, start=5, until=12)
    /// MeteredId(number=0)
    /// >>> [account.get_balance(t) for t in (5, 9, 11, 12)]  # two ticks are paid by tomorrow's credit
    /// [92, 60, 84, 84]
    #[pyo3(signature = (*, rate, start, until))]
    fn post_metered<'py>(
        &self,
        py: Python<'py>,
        rate: Amount,
        start: Instant,
        until: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let start = self.at(start)?;
        let until = self.at(until)?;
        let usage = MeteredUsage {
            rate: rate.0,
            from: start,
            until,
        };
        let posted = (self.0).change(py, |account| account.post_metered(usage))?;
        words::metered_id(py, posted.map_err(refused)?)
    }

    /// Post much metered usage from three columns, in their order, all or nothing.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.post_metered_many(rates=[8, 1], starts=[5, 0], untils=[12, 100])
    /// >>> account.metered_count, account.used
    /// (2, 156)
    #[pyo3(signature = (*, rates, starts, untils))]
    fn post_metered_many<'py>(
        &self,
        py: Python<'py>,
        rates: Integers<'py>,
        starts: Instants<'py>,
        untils: Instants<'py>,
    ) -> PyResult<()> {
        let unit = self.0.unit();
        let (starts, untils) = (starts.at(unit)?, untils.at(unit)?);
        let usage = records::of_metered_columns(py, &rates, &starts, &untils)?;
        self.0.extend(py, usage)?.map_err(refused_record)
    }

    /// Give metered usage another rate, first tick or end, by its MeteredId; what is not given stays. It
    /// keeps its identity and its place in posting order.
    ///
    /// Raises LookupError if it was never posted or is taken back, ValueError if nothing is given, and
    /// OverflowError if usage would add up to too much. After an error the account is as before.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> job = account.post_metered(rate=8, start=5, until=12)
    /// >>> account.change_metered(job, until=7)  # it has ended early
    /// >>> account.get_balance(30)
    /// 84
    #[pyo3(signature = (job, *, rate = None, start = None, until = None))]
    fn change_metered(
        &self,
        py: Python<'_>,
        job: Job,
        rate: Option<Amount>,
        start: Option<Instant>,
        until: Option<Instant>,
    ) -> PyResult<()> {
        check_something_changes(rate, start, until)?;
        let start = self.at(start)?;
        let until = self.at(until)?;
        let changed = (self.0).change(py, |account| {
            let Some(old) = account.metered_usage(job.0) else {
                return Err(gpu_credit::Error::NoSuchMeteredUsage(job.0));
            };
            let new = MeteredUsage {
                rate: rate.map_or(old.rate, |rate| rate.0),
                from: start.unwrap_or(old.from),
                until: until.unwrap_or(old.until),
            };
            account.change_metered(job.0, new)
        })?;
        changed.map_err(refused)
    }

    /// Take metered usage back, by its MeteredId, as if it had never been posted, and return the
    /// MeteredUsage. Raises LookupError if it never was, or is taken back already.
    ///
    /// >>> account = GPUCredit()
    /// >>> job = account.post_metered(rate=8, start=5, until=12)
    /// >>> account.retract_metered(job)
    /// MeteredUsage(rate=8, start=5, until=12)
    fn retract_metered<'py>(&self, py: Python<'py>, job: Job) -> PyResult<Bound<'py, PyAny>> {
        let retracted = (self.0).change(py, |account| account.retract_metered(job.0))?;
        words::metered_usage(py, retracted.map_err(refused)?)
    }

    /// Metered usage by its identity: a MeteredUsage(rate, start, until); None if it was never posted, or
    /// is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.metered_usage(account.post_metered(rate=8, start=5, until=12))
    /// MeteredUsage(rate=8, start=5, until=12)
    fn metered_usage<'py>(&self, py: Python<'py>, job: Job) -> PyResult<Option<Bound<'py, PyAny>>> {
        let usage = (self.0).ask(py, |account| account.metered_usage(job.0))?;
        usage
            .map(|usage| words::metered_usage(py, usage))
            .transpose()
    }

    /// The metered usage that starts from one tick to another, both included, or all of it, by when it
    /// starts, and at one tick in posting order: a Table of number, rate, start and until. A number makes a
    /// MeteredId.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.post_metered_many(rates=[8, 1], starts=[5, 0], untils=[12, 100])
    /// >>> [tuple(job) for job in account.metered()]
    /// [(1, 1, 0, 100), (0, 8, 5, 12)]
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn metered<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
    ) -> PyResult<Bound<'py, PyAny>> {
        let range = self.at(first)?..=self.at(last)?;
        self.table(py, tables::METERED, |account, rows, interrupt| {
            tables::metered(account, range, rows, interrupt)
        })
    }

    /// What a job has cost and which grants paid for it, now or later, by its MeteredId: a UsageStatement.
    /// None if it was never posted, or is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("today", 20, 0, 9)
    /// >>> job = account.post_metered(rate=8, start=6, until=10)
    /// >>> account.metered_statement(job)
    /// UsageStatement(amount=32, draws=[Draw(usage=MeteredId(number=0), grant=0, amount=20, first=6, last=8, drawn_at=6)], deficit=12, dropped=0)
    fn metered_statement<'py>(
        &self,
        py: Python<'py>,
        job: Job,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let statement =
            (self.0).ask_at_length(py, |account, _| account.metered_statement(job.0))?;
        statement
            .map(|statement| words::usage_statement(py, &statement))
            .transpose()
    }

    /// The number of jobs that are not taken back.
    #[getter]
    fn metered_count(&self, py: Python<'_>) -> PyResult<usize> {
        (self.0).ask(py, GpuCredit::metered_count)
    }
}

/// A change that says nothing is a mistake.
pub(crate) fn check_something_changes(
    rate: Option<Amount>,
    start: Option<Instant>,
    until: Option<Instant>,
) -> PyResult<()> {
    if rate.is_none() && start.is_none() && until.is_none() {
        let message = "a change of metered usage says a rate, a start or an until";
        return Err(PyValueError::new_err(message));
    }
    Ok(())
}
