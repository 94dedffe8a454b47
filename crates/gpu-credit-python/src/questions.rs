//! Questions beyond the balance: who paid what, what becomes of it, and when it runs low.

use gpu_credit::GpuCredit;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::account::Account;
use crate::array::integers;
use crate::error::refused;
use crate::integer::{Amount, Number, Timestamp, Usage, grant_id};
use crate::shared::Interrupt;
use crate::words::DrawColumns;
use crate::{batch, records, words};

/// A series of more instants than this is a long one.
const INSTANTS_FEW: u64 = 16 * 1024;

#[pymethods]
impl Account {
    /// The balance from one instant to another, both included: at the first, and every step after
    /// it. Two columns: timestamps, an int64 array, and balances, masked if there is none. Raises
    /// ValueError for a step of 0.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 60)
    /// >>> account.subtract(4, 30)
    /// >>> timestamps, balances = account.series(first=0, last=72, step=24)
    /// >>> timestamps.tolist(), balances.tolist()
    /// ([0, 24, 48, 72], [10, 10, 6, None])
    #[pyo3(signature = (*, first, last, step))]
    fn series<'py>(
        &self,
        py: Python<'py>,
        first: Timestamp,
        last: Timestamp,
        step: Amount,
    ) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyAny>)> {
        let series = |account: &GpuCredit, interrupt: &Interrupt| {
            let series = account.series(first.0..=last.0, step.0).map_err(refused)?;
            let count = series.size_hint().1.unwrap_or(usize::MAX);
            batch::over_time(count, interrupt.until(series))
        };
        let is_long = last.0.abs_diff(first.0) / step.0.max(1) > INSTANTS_FEW;
        let series = if is_long {
            self.0.ask_interruptibly(py, series)?
        } else {
            self.0.ask_at_length(py, series)?
        };
        let (timestamps, balances) = series?;
        Ok((integers(py, timestamps), balances.into_array(py)?))
    }

    /// The lowest balance from one instant to another, both included: the first instant at which it
    /// stands, and the Answer there. Instants at which no grant is live are skipped; None if
    /// none ever is.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(70, 10)
    /// >>> account.lowest_balance(first=0, last=1_000)
    /// (10, Answer(balance=30, status=<Status.AVAILABLE: 'available'>, deficit=0))
    #[pyo3(signature = (*, first, last))]
    fn lowest_balance<'py>(
        &self,
        py: Python<'py>,
        first: Timestamp,
        last: Timestamp,
    ) -> PyResult<Option<(i64, Bound<'py, PyAny>)>> {
        let lowest = (self.0).ask_at(py, last.0, |account| {
            account.lowest_balance(first.0..=last.0)
        })?;
        let lowest = lowest.map(|(timestamp, answer)| Ok((timestamp, words::answer(py, &answer)?)));
        lowest.transpose()
    }

    /// The first instant, from one to another, both included, at which the balance is below an
    /// amount; below 0 is overdrawn. Instants at which no grant is live are skipped; None if
    /// there is none.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(70, 10)
    /// >>> account.first_below(first=0, last=30, amount=50)
    /// 10
    #[pyo3(signature = (*, first, last, amount))]
    fn first_below(
        &self,
        py: Python<'_>,
        first: Timestamp,
        last: Timestamp,
        amount: Amount,
    ) -> PyResult<Option<i64>> {
        (self.0).ask_at(py, last.0, |account| {
            account.first_below(first.0..=last.0, amount.0)
        })
    }

    /// What will lapse after an instant and up to another if nothing is used after the first: a
    /// list of Lapse(grant, amount, timestamp).
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 50, 0, 9)
    /// >>> account.subtract(20, 5)
    /// >>> account.lapsing(after=5, by=10)
    /// [Lapse(grant=0, amount=30, timestamp=10)]
    #[pyo3(signature = (*, after, by))]
    fn lapsing<'py>(
        &self,
        py: Python<'py>,
        after: Timestamp,
        by: Timestamp,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let lapses = (self.0).ask_at_length(py, |account, _| account.lapsing(after.0..=by.0))?;
        lapses.iter().map(|lapse| words::lapse(py, lapse)).collect()
    }

    /// The draws, each the part of one usage record that one grant paid, from one instant to
    /// another, both included, or all of them, in the order in which they happen: Draws of seven
    /// columns, int64 arrays. One of metered usage has a first and a last tick, both perhaps paid in part.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 5, 0, 10)
    /// >>> account.subtract(8, 3)                   # 3 more than there is
    /// >>> account.add_credit("march", 100, 20, 30)
    /// >>> draws = account.draws()
    /// >>> draws.grants.tolist(), draws.amounts.tolist(), draws.paid_at.tolist()
    /// ([0, 1], [5, 3], [3, 20])
    #[pyo3(signature = (*, first = Timestamp(i64::MIN), last = Timestamp(i64::MAX)), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn draws<'py>(
        &self,
        py: Python<'py>,
        first: Timestamp,
        last: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let draws = self.0.ask_at_length(py, |account, interrupt| {
            let mut draws = DrawColumns::default();
            for draw in interrupt.until(account.draws(first.0..=last.0)) {
                draws.push(&draw)?;
            }
            Ok::<_, PyErr>(draws)
        })?;
        draws?.into_word(py)
    }

    /// Where everything went, as of an instant: every grant that has started by then, and all usage
    /// at or before it. A Statement.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 50, 10, 5)
    /// >>> account.subtract(60, 12)
    /// >>> statement = account.statement(12)
    /// >>> statement.used, statement.drawn, statement.deficit, statement.grants[0].drawn
    /// (60, 50, 10, 50)
    fn statement<'py>(&self, py: Python<'py>, timestamp: Timestamp) -> PyResult<Bound<'py, PyAny>> {
        let statement = (self.0).ask_at_length(py, |account, _| account.statement(timestamp.0))?;
        words::statement(py, &statement)
    }

    /// Where one grant went, as of an instant: a GrantStatement, whose parts add up to its amount.
    /// None if it has not started by then, was never posted, or is taken back.
    #[pyo3(signature = (number, *, timestamp))]
    fn grant_statement<'py>(
        &self,
        py: Python<'py>,
        number: Number,
        timestamp: Timestamp,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(id) = grant_id(number) else {
            return Ok(None);
        };
        let statement = (self.0).ask_at(py, timestamp.0, |account| {
            account.grant_statement(id, timestamp.0)
        })?;
        statement
            .map(|statement| words::grant_statement(py, &statement))
            .transpose()
    }

    /// Where the usage of one record went, by its UsageId: a UsageStatement. None if it was never
    /// posted, or is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 5, 0, 10)
    /// >>> job = account.post_usage(amount=8, timestamp=3)
    /// >>> account.usage_statement(job)
    /// UsageStatement(amount=8, draws=[Draw(usage=UsageId(timestamp=3, nth=0), grant=0, amount=5, first=3, last=3, paid_at=3)], unpaid=3, dropped=0)
    fn usage_statement<'py>(
        &self,
        py: Python<'py>,
        usage: Usage,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let statement = (self.0).ask_at(py, usage.0.timestamp, |account| {
            account.usage_statement(usage.0)
        })?;
        statement
            .map(|statement| words::usage_statement(py, &statement))
            .transpose()
    }

    /// What balance_at would answer if a record were posted, which is not done. A record is a tuple
    /// as extend takes it. Raises OverflowError if it would be refused.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.balance_if((120, 10), 20).deficit
    /// 20
    /// >>> account.balance_if(("refill", 50, 5, 30), 20).balance
    /// 150
    fn balance_if<'py>(
        &self,
        record: &Bound<'py, PyAny>,
        timestamp: Timestamp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = record.py();
        let record = records::of_tuple(record)?;
        let answer =
            (self.0).ask_at_length(py, |account, _| account.balance_if(&record, timestamp.0))?;
        words::answer(py, &answer.map_err(refused)?)
    }
}
