//! What may be spent, and when an account runs dry.

use pyo3::prelude::*;

use crate::account::Account;
use crate::error::refused;
use crate::integer::{Amount, Timestamp};

#[pymethods]
impl Account {
    /// The largest amount that may be used at an instant without taking from anything that is posted,
    /// planned usage included: posted last, usage of that amount fits the limits, is drawn whole, and
    /// leaves the deficit and what is dropped as they are, at every instant. 0 if no grant is live.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 100, 0, 30)
    /// >>> account.subtract(60, 20)                 # planned
    /// >>> account.get_balance(10), account.spendable(10)
    /// (100, 40)
    fn spendable(&self, py: Python<'_>, timestamp: Timestamp) -> PyResult<u64> {
        (self.0).ask_at_length(py, |account, _| account.spendable(timestamp.0))
    }

    /// The largest rate of a job at each tick of [start, until), posted last, in the sense of spendable:
    /// does a job of 40 hours fit, and of how many GPUs? Raises ValueError if there are no ticks.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("today", 100, 0, 9)
    /// >>> account.add_credit("march", 30, 0, 99)
    /// >>> account.spendable_rate(start=0, until=10), account.spendable_rate(start=0, until=20)
    /// (13, 3)
    #[pyo3(signature = (*, start, until))]
    fn spendable_rate(&self, py: Python<'_>, start: Timestamp, until: Timestamp) -> PyResult<u64> {
        let rate =
            (self.0).ask_at_length(py, |account, _| account.spendable_rate(start.0..until.0))?;
        rate.map_err(refused)
    }

    /// The first tick that a job of this rate could not pay for, in the sense of spendable: until then it
    /// fits, one tick longer it does not. None if there is no such tick, and for a rate of 0.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("today", 100, 0, 9)
    /// >>> account.add_credit("march", 30, 0, 99)
    /// >>> account.runs_dry(rate=4, start=0)
    /// 17
    #[pyo3(signature = (*, rate, start))]
    fn runs_dry(&self, py: Python<'_>, rate: Amount, start: Timestamp) -> PyResult<Option<i64>> {
        (self.0).ask_at_length(py, |account, _| account.runs_dry(rate.0, start.0))
    }

    /// The first tick, from one to another, both included, or of all, at which usage that is posted is not
    /// drawn whole as it falls: when the account runs dry. None if there is none.
    ///
    /// >>> account = GPUCredit()
    /// >>> account.add_credit("march", 70, 0, 30)
    /// >>> job = account.post_metered(rate=4, start=0, until=20)
    /// >>> account.first_unpaid()
    /// 17
    #[pyo3(signature = (*, first = Timestamp(i64::MIN), last = Timestamp(i64::MAX)), text_signature = "($self, *, first=-2**63, last=2**63 - 1)")]
    fn first_unpaid(
        &self,
        py: Python<'_>,
        first: Timestamp,
        last: Timestamp,
    ) -> PyResult<Option<i64>> {
        (self.0).ask_at(py, last.0, |account| account.first_unpaid(first.0..=last.0))
    }
}
