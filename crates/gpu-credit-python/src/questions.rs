//! Questions beyond the balance: who paid what, what becomes of it, and when it runs low.

use gpu_credit::GpuCredit;
use pyo3::prelude::*;

use crate::account::Account;
use crate::answers::Columns;
use crate::columns::{Field, Rows};
use crate::error::refused;
use crate::instant::{Instant, Instants, Last, Length};
use crate::integer::{Amount, Number, Usage, grant_id};
use crate::periods::{self, Period};
use crate::shared::Interrupt;
use crate::tables::{self, Every};
use crate::{records, words};

impl Account {
    /// A table whose rows are few, if the records are.
    pub(crate) fn table<'py>(
        &self,
        py: Python<'py>,
        fields: &'static [Field],
        write: impl FnOnce(&GpuCredit, &mut Rows<'_>, &Interrupt) -> PyResult<()> + Send,
    ) -> PyResult<Bound<'py, PyAny>> {
        let batch = self.0.ask_at_length(py, |account, interrupt| {
            let mut rows = Rows::new(fields);
            write(account, &mut rows, interrupt)?;
            rows.finish()
        })?;
        Columns::table(py, fields, false, vec![batch?], self.0.unit())
    }

    /// A table that may be long, of balances up to an instant.
    fn long_table<'py>(
        &self,
        py: Python<'py>,
        fields: &'static [Field],
        last: i64,
        write: impl FnOnce(&GpuCredit, &mut Rows<'_>, &Interrupt) -> PyResult<()> + Send,
    ) -> PyResult<Bound<'py, PyAny>> {
        let batch = self.0.ask_up_to(py, last, |account, interrupt| {
            let mut rows = Rows::new(fields);
            write(account, &mut rows, interrupt)?;
            rows.finish()
        })?;
        Columns::table(py, fields, false, vec![batch?], self.0.unit())
    }
}

#[pymethods]
impl Account {
    /// The balance, its status and the deficit at each instant, in any order: a Table.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 60)
    /// >>> account.subtract(14, 30)
    /// >>> account.balances([30, 0])["deficit"].tolist()
    /// [4, 0]
    fn balances<'py>(
        &self,
        py: Python<'py>,
        timestamps: Instants<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamps = timestamps.at(self.0.unit())?;
        let last = timestamps.iter().max().copied().unwrap_or(i64::MIN);
        self.long_table(py, tables::BALANCES, last, |account, rows, interrupt| {
            rows.reserve(timestamps.len())?;
            tables::balances(account, timestamps.iter().copied(), rows, interrupt)
        })
    }

    /// The balance, its status and the deficit from one instant to another, both included: at the first, and
    /// every step after it. A Table. Raises ValueError for a step of 0.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("a", 10, 0, 60)
    /// >>> account.subtract(4, 30)
    /// >>> series = account.series(first=0, last=72, step=24)
    /// >>> series["timestamp"].tolist(), series["balance"].tolist()
    /// ([0, 24, 48, 72], [10, 10, 6, None])
    #[pyo3(signature = (*, first, last, step))]
    fn series<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        step: Length,
    ) -> PyResult<Bound<'py, PyAny>> {
        let every = Every::new(self.at(first)?, self.at(last)?, self.at(step)?)?;
        self.long_table(
            py,
            tables::BALANCES,
            every.last,
            |account, rows, interrupt| tables::series(account, every, rows, interrupt),
        )
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
        first: Instant,
        last: Last,
    ) -> PyResult<Option<(i64, Bound<'py, PyAny>)>> {
        let first = self.at(first)?;
        let last = self.at(last)?;
        let lowest = (self.0).ask_at(py, last, |account| account.lowest_balance(first..=last))?;
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
        first: Instant,
        last: Last,
        amount: Amount,
    ) -> PyResult<Option<i64>> {
        let first = self.at(first)?;
        let last = self.at(last)?;
        (self.0).ask_at(py, last, |account| {
            account.first_below(first..=last, amount.0)
        })
    }

    /// What will lapse after an instant and up to another if nothing is used after the first: a Table of
    /// grant, credit_id, amount and timestamp, the instant after the window: what ends with March lapses at the
    /// first instant of April.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 50, 0, 9)
    /// >>> account.subtract(20, 5)
    /// >>> account.lapsing(after=5, by=10)[0]
    /// Row(grant=0, credit_id='trial', amount=30, timestamp=10)
    #[pyo3(signature = (*, after, by))]
    fn lapsing<'py>(
        &self,
        py: Python<'py>,
        after: Instant,
        by: Last,
    ) -> PyResult<Bound<'py, PyAny>> {
        let range = self.at(after)?..=self.at(by)?;
        self.table(py, tables::LAPSES, |account, rows, interrupt| {
            tables::lapsing(account, range, rows, interrupt)
        })
    }

    /// The draws, each the part of one usage record that one grant paid, from one instant to another, both
    /// included, or all of them, in the order in which they happen: a Table. Of each row, either nth is
    /// null or job: UsageId(first, nth) and MeteredId(job) are the usage. One of metered usage has a first
    /// and a last tick, both perhaps drawn in part. drawn_at is when it was drawn.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("trial", 5, 0, 10)
    /// >>> account.subtract(8, 3)                   # 3 more than there is
    /// >>> account.add_credit("march", 100, 20, 30)
    /// >>> draws = account.draws()
    /// >>> draws["credit_id"], draws["amount"].tolist(), draws["drawn_at"].tolist()
    /// (['trial', 'march'], [5, 3], [3, 20])
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn draws<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
    ) -> PyResult<Bound<'py, PyAny>> {
        let range = self.at(first)?..=self.at(last)?;
        self.table(py, tables::DRAWS, |account, rows, interrupt| {
            tables::draws(account, range, rows, interrupt)
        })
    }

    /// What became of each grant from one instant to another, both included: a Table of grant, credit_id,
    /// remaining_before and granted, which add up to drawn, lapsed, forfeited, revoked and remaining. A grant
    /// whose last instant is in the period, or is its end, has lapsed in it. Grants that were over before are
    /// left out. Raises ValueError if first is later than last.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(60, 10)
    /// >>> account.grant_statements(first=20, last=40)[0]
    /// Row(grant=0, credit_id='march', remaining_before=40, granted=0, drawn=0, lapsed=40, forfeited=0, revoked=0, remaining=0)
    #[pyo3(signature = (*, first, last))]
    fn grant_statements<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
    ) -> PyResult<Bound<'py, PyAny>> {
        let period = Period::new(self.at(first)?, self.at(last)?)?;
        self.table(py, periods::GRANT_STATEMENTS, |account, rows, _| {
            periods::grant_statements(account, period, rows)
        })
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
    fn statement<'py>(&self, py: Python<'py>, timestamp: Instant) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let statement = (self.0).ask_at_length(py, |account, _| account.statement(timestamp))?;
        words::statement(py, &statement)
    }

    /// Where one grant went, as of an instant: a GrantStatement, whose parts add up to its amount.
    /// None if it has not started by then, was never posted, or is taken back.
    ///
    /// >>> account = GPUCredit()
    /// >>> march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
    /// >>> account.subtract(60, 10)
    /// >>> statement = account.grant_statement(march, timestamp=31)
    /// >>> statement.drawn, statement.lapsed
    /// (60, 40)
    #[pyo3(signature = (number, *, timestamp))]
    fn grant_statement<'py>(
        &self,
        py: Python<'py>,
        number: Number,
        timestamp: Instant,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timestamp = self.at(timestamp)?;
        let Ok(id) = grant_id(number) else {
            return Ok(None);
        };
        let statement = (self.0).ask_at(py, timestamp, |account| {
            account.grant_statement(id, timestamp)
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
    /// UsageStatement(amount=8, draws=[Draw(usage=UsageId(timestamp=3, nth=0), grant=0, amount=5, first=3, last=3, drawn_at=3)], deficit=3, dropped=0)
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
        timestamp: Instant,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timestamp = self.at(timestamp)?;
        let py = record.py();
        let record = records::of_tuple(record, self.0.unit())?;
        let answer =
            (self.0).ask_at_length(py, |account, _| account.balance_if(&record, timestamp))?;
        words::answer(py, &answer.map_err(refused)?)
    }
}
