//! The words of the journal: entries, and their names.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Change;

/// The place of an entry among those of its account: 1 is its opening, then 2, 3 and so on, without
/// gaps. It names a state of the account: as it was when this entry was the last one.
///
/// ```
/// use gpu_credit_store::Revision;
///
/// assert!(Revision::new(2) > Revision::new(1));
/// assert_eq!(Revision::new(7).to_string(), "7");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before the first entry: no entry has it.
    pub const START: Revision = Revision(0);
    /// After every entry there can be.
    pub(crate) const END: Revision = Revision(u64::MAX);

    /// The revision with this number.
    pub const fn new(number: u64) -> Self {
        Revision(number)
    }

    /// The number. That of the last entry is how many the account has.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next one; the last one is never reached by counting.
    pub(crate) const fn next(self) -> Self {
        Revision(self.0.saturating_add(1))
    }

    /// The one before; `None` of that before the first entry.
    pub(crate) fn before(self) -> Option<Self> {
        self.0.checked_sub(1).map(Revision)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The place of an entry among those of all accounts, in the order in which they were written: 1, 2, 3
/// and so on, never used twice. It is for those who write a [`Journal`](crate::Journal); everybody else
/// names an entry by its account and its [`Revision`].
///
/// ```
/// use gpu_credit_store::Sequence;
///
/// assert!(Sequence::START < Sequence::new(1));
/// assert_eq!(Sequence::new(7).to_string(), "7");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first entry.
    pub const START: Sequence = Sequence(0);
    /// After every entry there can be.
    pub const END: Sequence = Sequence(u64::MAX);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Sequence(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next place; the last one is never reached by counting.
    pub(crate) const fn next(self) -> Self {
        Sequence(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The caller's name of a record, unique within its account: the idempotency key of a retry, and what
/// a correction names. 1 to [`TEXT_BYTES_MAX`] bytes, which is checked when
/// it is posted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RecordId(Arc<str>);

/// Bytes of a record id or of the name of an account, at most.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Bytes of a credit id, at most.
pub const CREDIT_ID_BYTES_MAX: usize = 65_536;

impl RecordId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RecordId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for RecordId {
    fn from(text: &str) -> Self {
        RecordId(text.into())
    }
}

impl From<String> for RecordId {
    fn from(text: String) -> Self {
        RecordId(text.into())
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An account that is, or was: a name may be given again once its account is deleted, so the place of
/// the opening belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// The sequence of its opening: no other account has this number.
    pub opened: Sequence,
    /// The name. 1 to [`TEXT_BYTES_MAX`] bytes.
    pub name: Arc<str>,
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub account: AccountKey,
    /// Its place among the entries of the account.
    pub revision: Revision,
    /// Its place among those of all accounts.
    pub sequence: Sequence,
    /// When it was recorded, in milliseconds since 1970 by the clock of the machine that did. Within an
    /// account it never goes back: if the clock did, it is that of the entry before. It is for people,
    /// and affects no answer.
    pub recorded_at: i64,
    /// The caller's name for it.
    pub id: RecordId,
    /// What it does.
    pub change: Change,
}

impl Entry {
    /// A CRC-32 of everything that identifies and makes up the entry, but for its sequence: a storage keeps
    /// it beside the entry, to know one that was changed or stands in another's place. O(its bytes).
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::Store;
    /// # let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// let entry = store.history("acme")?.remove(0);
    /// let mut changed = entry.clone();
    /// changed.recorded_at += 1;
    /// assert_ne!(changed.checksum(), entry.checksum());
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn checksum(&self) -> u32 {
        let Entry {
            account,
            revision,
            recorded_at,
            id,
            change,
            ..
        } = self;
        let whole = (
            &*account.name,
            account.opened,
            revision,
            recorded_at,
            id,
            change,
        );
        let bytes = postcard::to_allocvec(&whole);
        crc32fast::hash(&bytes.expect("memory can be written to"))
    }
}
