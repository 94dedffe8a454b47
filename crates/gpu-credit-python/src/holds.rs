//! Holds of the store: credit that is kept for usage to come.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Decision, Funds, HeldUsage, Hold, Settle, TimeUnit};
use jiff::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::instant::{Instant, Length};
use crate::integer::Amount;
use crate::store::DurableStore;
use crate::words;

#[pymethods]
impl DurableStore {
    /// May this be spent, and will it be kept? The hold is given on all accounts or on none: an Authorised.
    /// It is given if and only if it is at most what spendable answers for each. It is open from start until until,
    /// or for a length of time, and then keeps nothing: no sweep is needed, and it can still be settled. With rate it is
    /// for a job that runs for that length. With up_to it takes less, if not all fits; nothing is a refusal.
    /// The same id gets the same answer for ever; start is now if it is not given, and a retry is not compared in it.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).hold.amount
    /// ...     store.authorise("ada", "req-2", amount=70, start=6, length=10).refused["ada"]
    /// ...     store.settle("ada", "req-1/end", "req-1", 50)
    /// ...     store.get_balance("ada", 5), store.held("ada", 5)
    /// True
    /// 70
    /// Funds(balance=100, held=70, available=30, spendable=30)
    /// True
    /// (50, 0)
    #[pyo3(signature = (accounts, id, *, amount = None, rate = None, start = None, until = None, length = None, up_to = false))]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn authorise<'py>(
        &self,
        py: Python<'py>,
        accounts: &Bound<'py, PyAny>,
        id: &str,
        amount: Option<Amount>,
        rate: Option<Amount>,
        start: Option<Instant>,
        until: Option<Instant>,
        length: Option<Length>,
        up_to: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let accounts: Vec<String> = match accounts.extract::<String>() {
            Ok(name) => vec![name],
            Err(_) => accounts
                .try_iter()?
                .map(|name| name?.extract())
                .collect::<PyResult<_>>()?,
        };
        let (is_default, has_length) = (start.is_none(), length.is_some());
        let start = match self.at(py, start)? {
            Some(start) => start,
            None => now(self.unit(py)?)?,
        };
        let end = match self.at(py, length)? {
            Some(length) => Some(start.checked_add_unsigned(length).ok_or_else(|| {
                PyValueError::new_err("start and length are later than any timestamp")
            })?),
            None => None,
        };
        let until = self.at(py, until)?;
        let authorise = match (amount, rate) {
            (Some(Amount(amount)), None) if end.is_some() != until.is_some() => {
                let until = end.or(until).unwrap_or(start);
                Authorise::new(id, accounts, amount, start..until)
            }
            (Some(_), None) => {
                return Err(PyValueError::new_err(
                    "a hold of an amount takes length or until, one of them",
                ));
            }
            (None, Some(Amount(rate))) => {
                let Some(end) = end else {
                    return Err(PyValueError::new_err(
                        "a hold of a rate takes length: how long the job runs",
                    ));
                };
                let job = MeteredUsage {
                    rate,
                    from: start,
                    until: end,
                };
                Authorise::metered(id, accounts, job, until.unwrap_or(end))
            }
            _ => {
                return Err(PyValueError::new_err(
                    "a hold takes amount or rate, one of them",
                ));
            }
        };
        let authorise = match up_to {
            true => authorise.up_to(),
            false => authorise,
        };
        let authorise = match (is_default, has_length) {
            (true, true) => authorise.default_start().default_end(),
            (true, false) => authorise.default_start(),
            (false, _) => authorise,
        };
        let authorised = self.ask(py, move |store| store.authorise(authorise))?;
        let refused = PyDict::new(py);
        let hold = match &authorised.decision {
            Decision::Held(held) => Some(hold(py, held)?),
            Decision::Refused(accounts) => {
                for (account, hold) in accounts {
                    refused.set_item(account, funds(py, hold.funds)?)?;
                }
                None
            }
        };
        words::authorised_class(py)?.call1((authorised.is_new, hold, refused))
    }

    /// Settle a hold: what was used is posted in full in its place, on all its accounts, and what it kept
    /// besides is free. With an amount it takes effect at the start of the hold, or at timestamp; without one
    /// it is a job, of the hold's rate and from its start until its end unless others are given. What comes after the
    /// end of the hold, or after it was released, is recorded too. It is corrected by change_usage under its id.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.authorise("ada", "job-1", rate=2, start=5, length=20).is_new
    /// ...     store.settle("ada", "job-1/end", "job-1", until=15)
    /// ...     store.get_balance("ada", 30)
    /// True
    /// True
    /// True
    /// 80
    #[pyo3(signature = (account, id, hold, amount = None, *, timestamp = None, rate = None, until = None))]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn settle(
        &self,
        py: Python<'_>,
        account: &str,
        id: &str,
        hold: &str,
        amount: Option<Amount>,
        timestamp: Option<Instant>,
        rate: Option<Amount>,
        until: Option<Instant>,
    ) -> PyResult<bool> {
        if amount.is_some() && (rate.is_some() || until.is_some()) {
            return Err(PyValueError::new_err(
                "a settlement takes amount, or rate and until",
            ));
        }
        let mut settle = match amount {
            Some(Amount(amount)) => Settle::new(account, id, hold, amount),
            None => Settle::metered(account, id, hold),
        };
        if let Some(at) = self.at(py, timestamp)? {
            settle = settle.at(at);
        }
        if let Some(Amount(rate)) = rate {
            settle = settle.rate(rate);
        }
        if let Some(until) = self.at(py, until)? {
            settle = settle.until(until);
        }
        Ok(self.ask(py, move |store| store.settle(settle))?.is_new)
    }

    /// Release a hold: nothing is posted in its place, on all its accounts. It can still be settled.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).is_new
    /// ...     store.release("ada", "req-1/end", "req-1"), store.available("ada", 5)
    /// True
    /// True
    /// (True, 100)
    fn release(&self, py: Python<'_>, account: String, id: String, hold: String) -> PyResult<bool> {
        Ok(self
            .ask(py, move |store| store.release(&account, id, hold))?
            .is_new)
    }

    /// The sum of the holds that are open at an instant: of jobs, all of their ticks.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).is_new
    /// ...     store.held("ada", 4), store.held("ada", 5), store.held("ada", 15)
    /// True
    /// True
    /// (0, 70, 0)
    fn held(&self, py: Python<'_>, account: String, timestamp: Instant) -> PyResult<u64> {
        let timestamp = self.at(py, timestamp)?;
        self.ask(py, move |store| {
            Ok(store.with_account(&account, |account| account.held(timestamp))??)
        })
    }

    /// The balance with the holds that are open at an instant as usage at their starts, never below 0. Credit
    /// that has lapsed since a hold began pays for it first: it may be more than the balance less what is held.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "short", "trial", amount=100, timestamp=0, expiration=10)
    /// ...     store.add_credit("ada", "long", "march", amount=50, timestamp=0, expiration=100)
    /// ...     store.authorise("ada", "req-1", amount=60, start=5, length=45).is_new
    /// ...     store.get_balance("ada", 20), store.held("ada", 20), store.available("ada", 20)
    /// True
    /// True
    /// True
    /// (50, 60, 50)
    fn available(&self, py: Python<'_>, account: String, timestamp: Instant) -> PyResult<u64> {
        let timestamp = self.at(py, timestamp)?;
        self.ask(py, move |store| {
            Ok(store.with_account(&account, |account| account.available(timestamp))??)
        })
    }

    /// The holds of an account that are neither settled nor released, those that have ended too: a Hold for each
    /// id.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.add_credit("ada", "invoice-1", "march", amount=100, timestamp=0, expiration=30)
    /// ...     store.authorise("ada", "req-1", amount=70, start=5, length=10).is_new
    /// ...     store.holds("ada")["req-1"].until
    /// True
    /// True
    /// 15
    fn holds<'py>(&self, py: Python<'py>, account: String) -> PyResult<Bound<'py, PyDict>> {
        let holds = self.ask(py, move |store| {
            store.with_account(&account, |account| {
                let holds = account.holds();
                let holds = holds.map(|(_, id, hold)| (id.to_string(), hold.clone()));
                holds.collect::<Vec<_>>()
            })
        })?;
        let by_id = PyDict::new(py);
        for (id, held) in holds {
            by_id.set_item(id, hold(py, &held)?)?;
        }
        Ok(by_id)
    }
}

fn hold<'py>(py: Python<'py>, hold: &Hold) -> PyResult<Bound<'py, PyAny>> {
    let (amount, rate, end) = match hold.usage {
        HeldUsage::Amount(amount) => (Some(amount), None, None),
        HeldUsage::Metered { rate, end } => (None, Some(rate), Some(end)),
    };
    let accounts = PyTuple::new(py, &hold.accounts)?;
    words::hold_class(py)?.call1((accounts, amount, rate, hold.at, end, hold.until))
}

fn funds(py: Python<'_>, funds: Funds) -> PyResult<Bound<'_, PyAny>> {
    let Funds {
        balance,
        held,
        available,
        spendable,
    } = funds;
    words::funds_class(py)?.call1((balance, held, available, spendable))
}

/// The present in the unit of a store.
fn now(unit: Option<TimeUnit>) -> PyResult<i64> {
    let now = Timestamp::now();
    match unit {
        Some(TimeUnit::Seconds) => Ok(now.as_second()),
        Some(TimeUnit::Milliseconds) => Ok(now.as_millisecond()),
        Some(TimeUnit::Microseconds) => Ok(now.as_microsecond()),
        Some(TimeUnit::Nanoseconds) => i64::try_from(now.as_nanosecond())
            .map_err(|_| PyValueError::new_err("the present does not fit into 64 bits")),
        None => Err(PyValueError::new_err(
            "nobody has said in which unit the timestamps of this store count: give start, or open it with one",
        )),
    }
}
