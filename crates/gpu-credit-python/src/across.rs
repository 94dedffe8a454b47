//! Questions to many accounts of a book at once, on all cores, none of them copied: a table each.

use std::borrow::Cow;

use gpu_credit::{CreditBook, GpuCredit};
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::answers::Columns;
use crate::book::{Book, QUESTIONS_AT_A_TIME, no_such_account, settle_for_many};
use crate::columns::{Cell, Field, Rows, answer_cells};
use crate::instant::{Instant, Instants, Last, Length};
use crate::integer::Amount;
use crate::periods::{self, Period};
use crate::progress::Progress;
use crate::records;
use crate::shared::Interrupt;
use crate::tables::{self, Every};

/// The accounts are asked in so many parts, a thread each at a time.
const PARTS: usize = 64;

impl Book {
    /// A table of these accounts, or of all, in the order of their names.
    pub(crate) fn table<'py>(
        &self,
        py: Python<'py>,
        fields: &'static [Field],
        accounts: Option<Vec<String>>,
        write: impl Fn(&GpuCredit, &mut Rows<'_>, &Interrupt) -> PyResult<()> + Send + Sync,
    ) -> PyResult<Bound<'py, PyAny>> {
        let batches = self.accounts.work_interruptibly(py, |book, interrupt| {
            settle(book, accounts.as_deref());
            let names: Vec<&str> = match &accounts {
                Some(names) => names.iter().map(String::as_str).collect(),
                None => book.names().collect(),
            };
            let part = names.len().div_ceil(PARTS).max(1);
            let parts = names.par_chunks(part).map(|names| {
                let mut rows = Rows::of_accounts(fields);
                for name in interrupt.until(names) {
                    let account = book.get(name).ok_or_else(|| no_such_account(name))?;
                    rows.enter(name);
                    write(&account, &mut rows, interrupt)?;
                }
                rows.finish()
            });
            parts.collect::<PyResult<Vec<_>>>()
        })?;
        Columns::table(py, fields, true, batches?, self.unit.get())
    }
}

/// One instant for all names, or one beside each.
pub(crate) enum OneOrEach<'py> {
    One(Instant),
    Each(Instants<'py>),
}

impl<'py> FromPyObject<'_, 'py> for OneOrEach<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract() {
            Ok(instant) => Ok(OneOrEach::One(instant)),
            Err(_) => object.extract().map(OneOrEach::Each),
        }
    }
}

impl Book {
    /// The names and the instants of questions, of one length.
    pub(crate) fn beside_each_other<'a>(
        &self,
        names: &Bound<'_, PyAny>,
        timestamps: &'a OneOrEach<'_>,
    ) -> PyResult<(Vec<String>, Cow<'a, [i64]>)> {
        match timestamps {
            OneOrEach::One(instant) => {
                let timestamp = self.at(*instant)?;
                let names = records::all_texts(names)?;
                let timestamps = vec![timestamp; names.len()];
                Ok((names, timestamps.into()))
            }
            OneOrEach::Each(timestamps) => {
                let timestamps = timestamps.at(self.unit.get())?;
                let names = records::texts(names, timestamps.len(), &Progress::none())?;
                Ok((names, timestamps))
            }
        }
    }
}

/// Settles what is asked: else each row would replay what is not. Most accounts are settled, and stay packed.
fn settle(book: &mut CreditBook, accounts: Option<&[String]>) {
    let Some(names) = accounts else {
        return book.pack();
    };
    for name in names {
        let is_settled = book.get(name).is_none_or(|account| account.is_settled());
        if !is_settled && let Some(account) = book.get_mut(name) {
            account.settle();
        }
    }
}

/// The names of the accounts to be asked; `None` for all.
pub(crate) fn names(accounts: Option<Bound<'_, PyAny>>) -> PyResult<Option<Vec<String>>> {
    accounts
        .map(|accounts| records::all_texts(&accounts))
        .transpose()
}

#[pymethods]
impl Book {
    /// The balance, its status and the deficit of each account at the instant beside it, or at one instant: a
    /// Table of account, timestamp, balance, status and deficit. Status and deficit are null if there is no such
    /// account. balances(book, now) has all accounts.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.balances(["ada", "eve"], [5, 5])["status"]
    /// ['inactive', None]
    fn balances<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
        timestamps: OneOrEach<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (names, timestamps) = self.beside_each_other(names, &timestamps)?;
        let fields = tables::BALANCES_IF_OPEN;
        let batch = self.accounts.work_interruptibly(py, |book, interrupt| {
            settle_for_many(book, names.len());
            let mut rows = Rows::of_accounts(fields);
            let questions: Vec<(&str, i64)> = names
                .iter()
                .map(String::as_str)
                .zip(timestamps.iter().copied())
                .collect();
            for some in interrupt.until(questions.chunks(QUESTIONS_AT_A_TIME)) {
                for (answer, (name, timestamp)) in book.balances_at(some).iter().zip(some) {
                    let cells = answer.as_ref().map_or([Cell::Null; 3], answer_cells);
                    let [balance, status, deficit] = cells;
                    rows.enter(name);
                    rows.push([(*timestamp).into(), balance, status, deficit])?;
                }
            }
            rows.finish()
        })?;
        Columns::table(py, fields, true, vec![batch?], self.unit.get())
    }

    /// GPUCredit.series of all accounts, or of some: a Table of account, timestamp, balance, status and
    /// deficit.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.series(first=0, last=60, step=30)["balance"].tolist()
    /// [100, 100, None]
    #[pyo3(signature = (*, first, last, step, accounts = None))]
    fn series<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        step: Length,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let every = Every::new(self.at(first)?, self.at(last)?, self.at(step)?)?;
        self.table(
            py,
            tables::BALANCES,
            names(accounts)?,
            move |account, rows, interrupt| tables::series(account, every, rows, interrupt),
        )
    }

    /// GPUCredit.steps of all accounts, or of some: a Table of account, first, last, balance, status, deficit and
    /// rate.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> [(row.account, row.first, row.balance) for row in book.steps(first=0, last=60)]
    /// [('ada', 0, 100), ('ada', 31, None)]
    #[pyo3(signature = (*, first, last, accounts = None))]
    fn steps<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::STEPS,
            names(accounts)?,
            move |account, rows, interrupt| tables::steps(account, first..=last, rows, interrupt),
        )
    }

    /// GPUCredit.first_below of all accounts, or of some: a Table of account and timestamp, which is null
    /// if the balance never is below the amount.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> job = book.subtract("ada", amount=70, timestamp=10)
    /// >>> book.first_below(first=0, last=30, amount=50)[0]
    /// Row(account='ada', timestamp=10)
    #[pyo3(signature = (*, first, last, amount, accounts = None))]
    fn first_below<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        amount: Amount,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::FIRST,
            names(accounts)?,
            move |account, rows, _| rows.push([account.first_below(first..=last, amount.0).into()]),
        )
    }

    /// GPUCredit.lowest_balance of all accounts, or of some: a Table of account, timestamp, balance, status
    /// and deficit, which are null if no grant ever is live.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> job = book.subtract("ada", amount=70, timestamp=10)
    /// >>> book.lowest_balance(first=0, last=60)["balance"].tolist()
    /// [30]
    #[pyo3(signature = (*, first, last, accounts = None))]
    fn lowest_balance<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::LOWEST,
            names(accounts)?,
            move |account, rows, _| tables::lowest(account, first..=last, rows),
        )
    }

    /// GPUCredit.lapsing of all accounts, or of some: a Table of account, grant, credit_id, amount and
    /// timestamp, the instant after the window: what ends with March lapses at the first instant of April.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.lapsing(after=0, by=60)[0]
    /// Row(account='ada', grant=0, credit_id='march', amount=100, timestamp=31)
    #[pyo3(signature = (*, after, by, accounts = None))]
    fn lapsing<'py>(
        &self,
        py: Python<'py>,
        after: Instant,
        by: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (after, by) = (self.at(after)?, self.at(by)?);
        self.table(
            py,
            tables::LAPSES,
            names(accounts)?,
            move |account, rows, interrupt| tables::lapsing(account, after..=by, rows, interrupt),
        )
    }

    /// GPUCredit.draws of all accounts, or of some: which grant paid what, a Table of account, first, last,
    /// nth, job, grant, credit_id, amount and drawn_at.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> job = book.subtract("ada", amount=70, timestamp=10)
    /// >>> draws = book.draws()
    /// >>> draws["account"], draws["credit_id"], draws["amount"].tolist()
    /// (['ada'], ['march'], [70])
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX, accounts = None),
           text_signature = "($self, *, first=-2**63, last=2**63 - 1, accounts=None)")]
    fn draws<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::DRAWS,
            names(accounts)?,
            move |account, rows, interrupt| tables::draws(account, first..=last, rows, interrupt),
        )
    }

    /// GPUCredit.usage of all accounts, or of some: a Table of account, timestamp, nth and amount.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> job = book.subtract("ada", amount=70, timestamp=10)
    /// >>> book.usage()[0]
    /// Row(account='ada', timestamp=10, nth=0, amount=70)
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX, accounts = None),
           text_signature = "($self, *, first=-2**63, last=2**63 - 1, accounts=None)")]
    fn usage<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::USAGE,
            names(accounts)?,
            move |account, rows, interrupt| tables::usage(account, first..=last, rows, interrupt),
        )
    }

    /// GPUCredit.metered of all accounts, or of some: a Table of account, number, rate, start and until.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> job = book["ada"].post_metered(rate=8, start=5, until=45)
    /// >>> book.metered()[0]
    /// Row(account='ada', number=0, rate=8, start=5, until=45)
    #[pyo3(signature = (*, first = Instant::MIN, last = Last::MAX, accounts = None),
           text_signature = "($self, *, first=-2**63, last=2**63 - 1, accounts=None)")]
    fn metered<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (first, last) = (self.at(first)?, self.at(last)?);
        self.table(
            py,
            tables::METERED,
            names(accounts)?,
            move |account, rows, interrupt| tables::metered(account, first..=last, rows, interrupt),
        )
    }

    /// GPUCredit.grants of all accounts, or of some: a Table of account, number, credit_id, amount, start,
    /// end, revoked_from and priority.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> book.grants()["end"].tolist()
    /// [30]
    #[pyo3(signature = (*, accounts = None))]
    fn grants<'py>(
        &self,
        py: Python<'py>,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.table(py, tables::GRANTS, names(accounts)?, tables::grants)
    }

    /// What happened to each account from one instant to another, both included: a Table of a row for each,
    /// of remaining_before and granted, which add up to drawn, lapsed, forfeited, revoked and remaining, and of
    /// deficit_before and used, which add up to drawn, dropped and deficit. A grant whose last instant is in the
    /// period, or is its end, has lapsed in it, so that two months add up to both. A date is a whole day.
    /// Raises ValueError if first is later than last.
    ///
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> job = book.subtract("ada", amount=60, timestamp=10)
    /// >>> statement = book.statements(first=5, last=40)[0]
    /// >>> statement.remaining_before, statement.used, statement.drawn, statement.lapsed, statement.remaining
    /// (100, 60, 60, 40, 0)
    #[pyo3(signature = (*, first, last, accounts = None))]
    fn statements<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let period = Period::new(self.at(first)?, self.at(last)?)?;
        self.table(
            py,
            periods::STATEMENTS,
            names(accounts)?,
            move |account, rows, _| periods::statements(account, period, rows),
        )
    }

    /// GPUCredit.grant_statements of all accounts, or of some: where each grant went from one instant to
    /// another, both included. A Table of account, grant, credit_id, remaining_before, granted, drawn, lapsed,
    /// forfeited, revoked and remaining.
    ///
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> grant = book.add_credit("ada", "march", amount=100, timestamp=0, expiration=30)
    /// >>> statement = book.grant_statements(first=0, last=60)[0]
    /// >>> statement.credit_id, statement.granted, statement.lapsed
    /// ('march', 100, 100)
    #[pyo3(signature = (*, first, last, accounts = None))]
    fn grant_statements<'py>(
        &self,
        py: Python<'py>,
        first: Instant,
        last: Last,
        accounts: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let period = Period::new(self.at(first)?, self.at(last)?)?;
        self.table(
            py,
            periods::GRANT_STATEMENTS,
            names(accounts)?,
            move |account, rows, _| periods::grant_statements(account, period, rows),
        )
    }
}
