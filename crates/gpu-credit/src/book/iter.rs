//! The accounts of a book in the order of their names.

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::vec::IntoIter;

use super::CreditBook;
use super::account::Account;
use super::directory::Shard;
use crate::account::GpuCredit;
use crate::options::Options;

impl CreditBook {
    /// The names of all accounts, in the order of their bytes. O(a log a)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("bob", Overdraft::Carry)?;
    /// book.open("ada", Overdraft::Carry)?;
    /// assert!(book.names().eq(["ada", "bob"]));
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    pub fn names(&self) -> Names<'_> {
        Names(self.accounts())
    }

    /// All accounts by name, in the order of the bytes of their names; of each packed one a copy is
    /// unpacked as it is reached. O(a log a)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft, Record};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Carry)?;
    /// book.ingest(&[("ada", Record::usage(4, 10))])?;
    /// for (name, account) in book.iter() {
    ///     assert_eq!((name, account.used()), ("ada", 4));
    /// }
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    pub fn iter(&self) -> Accounts<'_> {
        Accounts {
            accounts: self.accounts(),
            options: self.options,
        }
    }

    fn accounts(&self) -> IntoIter<(&str, &Account)> {
        let accounts = self.shards.iter().flat_map(Shard::iter);
        let mut accounts: Vec<_> = accounts.map(|account| (account.name(), account)).collect();
        accounts.sort_unstable_by_key(|(name, _)| *name);
        accounts.into_iter()
    }
}

impl<'a> IntoIterator for &'a CreditBook {
    type Item = (&'a str, Cow<'a, GpuCredit>);
    type IntoIter = Accounts<'a>;

    fn into_iter(self) -> Accounts<'a> {
        self.iter()
    }
}

/// The names of all accounts of a book in order: made by [`CreditBook::names`].
#[derive(Clone)]
#[must_use]
pub struct Names<'a>(IntoIter<(&'a str, &'a Account)>);

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0.next().map(|(name, _)| name)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Names<'_> {}
impl FusedIterator for Names<'_> {}

impl fmt::Debug for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Names")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The accounts of a book in the order of their names: made by [`CreditBook::iter`].
#[derive(Clone)]
#[must_use]
pub struct Accounts<'a> {
    accounts: IntoIter<(&'a str, &'a Account)>,
    options: Options,
}

impl<'a> Iterator for Accounts<'a> {
    type Item = (&'a str, Cow<'a, GpuCredit>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, account) = self.accounts.next()?;
        Some((name, account.read(self.options)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.accounts.size_hint()
    }
}

impl ExactSizeIterator for Accounts<'_> {}
impl FusedIterator for Accounts<'_> {}

impl fmt::Debug for Accounts<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Accounts")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
