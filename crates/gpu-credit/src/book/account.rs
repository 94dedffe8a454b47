//! An account of a book: small and packed, or whole.

use std::borrow::Cow;

use super::directory::Tag;
use super::packed::{Limits, Packed, Question};
use crate::account::GpuCredit;
use crate::answer::Answer;
use crate::error::Error;
use crate::limits::Sums;
use crate::options::{Options, Overdraft};
use crate::record::Record;
use crate::usage::prefetch::prefetch;

/// An account with its name, and what finds it by that.
#[derive(Clone, Debug)]
pub(super) enum Account {
    Packed(Tag, Packed),
    Whole(Tag, Box<Whole>),
}

/// An account that is not packed.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    name: Box<str>,
    account: GpuCredit,
}

impl Account {
    /// An account without records.
    pub(super) fn open(tag: Tag, name: &str, options: Options) -> Self {
        match Packed::empty(name, options.overdraft) {
            Some(packed) => Account::Packed(tag, packed),
            None => Self::whole(tag, name, GpuCredit::with_options(options)),
        }
    }

    fn whole(tag: Tag, name: &str, account: GpuCredit) -> Self {
        let name = name.into();
        Account::Whole(tag, Box::new(Whole { name, account }))
    }

    #[inline]
    pub(super) fn tag(&self) -> Tag {
        match self {
            Account::Packed(tag, _) | Account::Whole(tag, _) => *tag,
        }
    }

    #[inline]
    pub(super) fn is_named(&self, name: &str) -> bool {
        match self {
            Account::Packed(_, packed) => packed.name_bytes() == name.as_bytes(),
            Account::Whole(_, whole) => *whole.name == *name,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Account::Packed(_, packed) => packed.name(),
            Account::Whole(_, whole) => &whole.name,
        }
    }

    pub(super) fn overdraft(&self) -> Overdraft {
        match self {
            Account::Packed(_, packed) => packed.overdraft(),
            Account::Whole(_, whole) => whole.account.overdraft(),
        }
    }

    #[inline]
    pub(super) fn balance_at(&self, timestamp: i64) -> Answer {
        match self {
            Account::Packed(_, packed) => packed.balance_at(timestamp),
            Account::Whole(_, whole) => whole.account.balance_at(timestamp),
        }
    }

    /// Starts loading what a question reads first.
    #[inline]
    pub(super) fn prefetch(&self) {
        match self {
            Account::Packed(_, packed) => packed.prefetch(),
            Account::Whole(_, whole) => prefetch(&**whole),
        }
    }

    /// The question for a balance, if it is asked step by step.
    #[inline]
    pub(super) fn question(&self, timestamp: i64) -> Option<Question<'_>> {
        match self {
            Account::Packed(_, packed) => Some(Question::new(packed, timestamp)),
            Account::Whole(..) => None,
        }
    }

    /// What the records add up to.
    pub(super) fn sums(&self) -> Sums {
        match self {
            Account::Packed(_, packed) => packed.sums(),
            Account::Whole(_, whole) => whole.account.sums(),
        }
    }

    /// Checks that a record fits.
    pub(super) fn check(&self, record: &Record) -> Result<(), Error> {
        match (self, record) {
            // Usage is checked without a pass over the grants.
            (Account::Packed(_, packed), Record::Usage(usage)) => {
                packed.usage_sums().add(usage.amount)
            }
            _ => self.sums().add(record),
        }
    }

    pub(super) fn read(&self, options: Options) -> Cow<'_, GpuCredit> {
        match self {
            Account::Packed(_, packed) => Cow::Owned(packed.unpack(options)),
            Account::Whole(_, whole) => Cow::Borrowed(&whole.account),
        }
    }

    /// The account to be changed: it is unpacked, and stays so.
    pub(super) fn unpacked(&mut self, options: Options) -> &mut GpuCredit {
        if let Account::Packed(tag, packed) = self {
            *self = Self::whole(*tag, packed.name(), packed.unpack(options));
        }
        match self {
            Account::Whole(_, whole) => &mut whole.account,
            Account::Packed(..) => unreachable!("it has been unpacked"),
        }
    }

    pub(super) fn into_unpacked(self, options: Options) -> GpuCredit {
        match self {
            Account::Packed(_, packed) => packed.unpack(options),
            Account::Whole(_, whole) => whole.account,
        }
    }

    /// Settles it, and packs it if it is small.
    pub(super) fn pack(&mut self, options: Options) {
        if let Account::Whole(tag, whole) = self {
            whole.account.settle();
            if let Some(packed) = Packed::of(&whole.name, &whole.account, Limits::new(&options)) {
                *self = Account::Packed(*tag, packed);
            }
        }
    }

    /// Posts records, which have been checked, settles, and packs the account if it is small.
    pub(super) fn post<'a>(
        &mut self,
        more: impl ExactSizeIterator<Item = &'a Record> + Clone,
        options: Options,
    ) {
        if let Account::Packed(_, packed) = self
            && packed.post(more.clone(), Limits::new(&options))
        {
            return;
        }
        self.unpacked(options)
            .extend(more.cloned())
            .expect("every record has been checked against the limits");
        self.pack(options);
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        match self {
            Account::Packed(_, packed) => packed.memory_used(),
            Account::Whole(_, whole) => {
                size_of::<Box<str>>() + whole.name.len() + whole.account.memory_used()
            }
        }
    }
}
