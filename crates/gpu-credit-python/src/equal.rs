//! Which accounts are one and the same, `==`, and which have the same contents, `equals`: one unit and policy, and the
//! same records under the same identities. How far they are settled does not matter.
//!
//! The classic class can be the key of a dictionary, and two empty accounts are two keys: `==` of contents could not
//! have that.

use std::hash::{DefaultHasher, Hash, Hasher};

use gpu_credit::GpuCredit;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::account::Account;
use crate::book::Book;
use crate::shared::Interrupt;

// One is copied, so that no thread ever holds two.

#[pymethods]
impl Account {
    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> bool {
        slf.is(other) || slf.get().0.is(&other.get().0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    /// Whether another account has the same contents: unit, policy, and all records under the same identities.
    /// How far they are settled does not matter. account == other is true only of one and the same account.
    ///
    /// >>> account, other = GPUCredit(), GPUCredit()
    /// >>> account.subtract(4, 30)
    /// >>> account.equals(other)
    /// False
    /// >>> other.subtract(4, 30)
    /// >>> account.equals(other), account == other
    /// (True, False)
    #[pyo3(signature = (other, /))]
    fn equals(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<bool> {
        let (py, this, that) = (slf.py(), &slf.get().0, &other.get().0);
        if slf.is(other) {
            return Ok(true);
        }
        if this.unit() != that.unit() || this.ask(py, totals)? != that.ask(py, totals)? {
            return Ok(false);
        }
        let copy = this.ask_at_length(py, |account, _| account.clone())?;
        that.ask_at_length(py, |account, interrupt| is_equal(&copy, account, interrupt))
    }
}

#[pymethods]
impl Book {
    /// Whether another book has the same unit and, under the same names, accounts of the same contents.
    ///
    /// >>> import copy
    /// >>> from gpu_credit import CreditBook
    /// >>> book = CreditBook()
    /// >>> book.open("ada")
    /// >>> book.equals(copy.copy(book))
    /// True
    #[pyo3(signature = (other, /))]
    fn equals(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<bool> {
        let (py, this, that) = (slf.py(), slf.get(), other.get());
        if slf.is(other) {
            return Ok(true);
        }
        let count = that.accounts.with(py, |book| book.len())?;
        let copy = this
            .accounts
            .work(py, |book| (book.len() == count).then(|| book.clone()))?;
        let Some(copy) = copy.filter(|_| this.unit.get() == that.unit.get()) else {
            return Ok(false);
        };
        that.accounts.work_interruptibly(py, |book, interrupt| {
            let names: Vec<&str> = book.names().collect();
            let is_equal = |name: &&str| match (copy.get(name), book.get(name)) {
                (Some(this), Some(that)) => is_equal(&this, &that, interrupt),
                _ => false,
            };
            copy.len() == names.len() && names.par_iter().all(is_equal)
        })
    }
}

/// What differs if accounts do, mostly.
fn totals(account: &GpuCredit) -> (gpu_credit::Overdraft, [usize; 3], [u64; 2]) {
    let counts = [
        account.grant_count(),
        account.usage_count(),
        account.metered_count(),
    ];
    (
        account.overdraft(),
        counts,
        [account.granted(), account.used()],
    )
}

fn is_equal(this: &GpuCredit, that: &GpuCredit, interrupt: &Interrupt) -> bool {
    const ALWAYS: std::ops::RangeInclusive<i64> = i64::MIN..=i64::MAX;
    totals(this) == totals(that)
        && interrupt.until(this.grants()).eq(that.grants())
        && interrupt.until(this.usage(ALWAYS)).eq(that.usage(ALWAYS))
        && interrupt
            .until(this.metered(ALWAYS))
            .eq(that.metered(ALWAYS))
}
