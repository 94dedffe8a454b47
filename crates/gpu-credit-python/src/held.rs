//! An account that is held, to be asked or changed: as it is, or as it would be under a plan.

use std::borrow::Cow;

use gpu_credit::{Change, ChangeError, CreditBook, GpuCredit};

use crate::ledger::Ledger;

/// More waiting records than this are posted while other Python threads run.
pub(crate) const WAITING_FEW: usize = 4 * 1024;

/// To visit more records than this, or to replay more grants, takes a millisecond or so.
pub(crate) const RECORDS_FEW: usize = 16 * 1024;

/// An account that nobody else works on.
pub(crate) struct Held<'a> {
    pub(crate) kept: Kept<'a>,
    /// It is as if these changes had been made.
    pub(crate) plan: Option<&'a [Change]>,
}

/// An account by itself, or one of a book.
pub(crate) enum Kept<'a> {
    Alone(&'a mut Ledger),
    InBook(&'a mut CreditBook, &'a str),
}

/// Why nothing is done to an account.
#[derive(Clone, Copy)]
pub(crate) enum NotDone {
    /// It has been taken out of its book.
    NotInBook,
    /// It is a plan, to be asked alone.
    IsPlan,
    /// A change of the plan is refused, as the account is now.
    Refused(ChangeError),
}

impl Held<'_> {
    #[inline]
    pub(crate) fn read<R>(&mut self, question: impl FnOnce(&GpuCredit) -> R) -> Result<R, NotDone> {
        match self.plan {
            Some(plan) => self.kept.plan(plan, question),
            None => self.kept.read(question),
        }
    }

    /// Reads what is to be copied.
    pub(crate) fn copy<R>(&mut self, copy: impl FnOnce(&GpuCredit) -> R) -> Result<R, NotDone> {
        self.check_no_plan()?;
        self.read(copy)
    }

    #[inline]
    pub(crate) fn write<R>(
        &mut self,
        change: impl FnOnce(&mut GpuCredit) -> R,
    ) -> Result<R, NotDone> {
        self.check_no_plan()?;
        self.kept.write(change)
    }

    /// Settles the account as far as an instant. In a book, most accounts are settled, and stay
    /// packed.
    #[inline]
    pub(crate) fn settle_to(&mut self, timestamp: i64) -> Result<(), NotDone> {
        if matches!(self.kept, Kept::Alone(_)) || !self.kept.read(GpuCredit::is_settled)? {
            self.kept.write(|account| account.settle_to(timestamp))?;
        }
        Ok(())
    }

    #[inline]
    fn check_no_plan(&self) -> Result<(), NotDone> {
        match self.plan {
            Some(_) => Err(NotDone::IsPlan),
            None => Ok(()),
        }
    }

    /// Whether nothing has to be done before it is asked or posted to that takes long.
    #[inline]
    pub(crate) fn is_ready(&mut self) -> Result<bool, NotDone> {
        let has_few_waiting = match &self.kept {
            Kept::Alone(ledger) => ledger.waiting() <= WAITING_FEW,
            Kept::InBook(..) => true,
        };
        // What a plan changes is repaired, or replayed.
        let is_small = |account: &GpuCredit| account.grant_count() <= RECORDS_FEW;
        Ok(has_few_waiting && (self.plan.is_none() || self.kept.read(is_small)?))
    }
}

impl Kept<'_> {
    #[inline]
    pub(crate) fn read<R>(&mut self, question: impl FnOnce(&GpuCredit) -> R) -> Result<R, NotDone> {
        match self {
            Kept::Alone(ledger) => Ok(question(ledger.account())),
            Kept::InBook(book, name) => {
                let account = book.get(name).ok_or(NotDone::NotInBook)?;
                Ok(question(&account))
            }
        }
    }

    #[inline]
    pub(crate) fn write<R>(
        &mut self,
        change: impl FnOnce(&mut GpuCredit) -> R,
    ) -> Result<R, NotDone> {
        match self {
            Kept::Alone(ledger) => Ok(change(ledger.account())),
            Kept::InBook(book, name) => {
                let account = book.get_mut(name).ok_or(NotDone::NotInBook)?;
                Ok(change(account))
            }
        }
    }

    /// Asks an account as it would be. One that is packed in its book stays so.
    fn plan<R>(
        &mut self,
        plan: &[Change],
        question: impl FnOnce(&GpuCredit) -> R,
    ) -> Result<R, NotDone> {
        let ask = |account: &mut GpuCredit| {
            let planned = account.what_if(plan).map_err(NotDone::Refused)?;
            Ok(question(&planned))
        };
        match self {
            Kept::Alone(ledger) => ask(ledger.account()),
            Kept::InBook(book, name) => {
                let unpacked = match book.get(name).ok_or(NotDone::NotInBook)? {
                    Cow::Owned(account) => Some(account),
                    Cow::Borrowed(_) => None,
                };
                match unpacked {
                    Some(mut account) => ask(&mut account),
                    None => ask(book.get_mut(name).ok_or(NotDone::NotInBook)?),
                }
            }
        }
    }
}
