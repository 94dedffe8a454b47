//! What is posted, and what comes of it.

use gpu_credit::{MeteredUsage, Overdraft};

use crate::{Change, RecordId, Revision};

/// An entry to be: a change to an account, under an id of the caller's.
///
/// ```
/// use gpu_credit_store::{Change, Posting};
///
/// let posting = Posting::usage("acme", "job-17", 4, 30);
/// assert_eq!(posting.change, Change::Usage { amount: 4, timestamp: 30 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "nothing is posted until it is given to a store"]
pub struct Posting {
    /// The name of the account.
    pub account: String,
    /// The idempotency key.
    pub id: RecordId,
    /// What is to happen.
    pub change: Change,
}

/// What came of a posting: in all cases it is durable. Of a [dry run](crate::Store::dry_run), what would have
/// come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was written, as this revision of the account.
    Posted(Revision),
    /// It was there already as this revision, under the same id with the same content; nothing was done.
    AlreadyPosted(Revision),
    /// The account was deleted, with all its revisions.
    Deleted,
    /// The account was deleted already under the same id; nothing was done.
    AlreadyDeleted,
}

/// What of metered usage is to be changed; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeteredChange {
    /// What each tick uses, in the smallest unit.
    pub rate: Option<u64>,
    /// The first tick.
    pub from: Option<i64>,
    /// The first tick that is no longer used.
    pub until: Option<i64>,
}

impl Outcome {
    /// The revision of the account that the entry is; `None` if the account is deleted.
    pub fn revision(self) -> Option<Revision> {
        match self {
            Outcome::Posted(revision) | Outcome::AlreadyPosted(revision) => Some(revision),
            Outcome::Deleted | Outcome::AlreadyDeleted => None,
        }
    }

    /// Whether it was written only now.
    pub fn is_new(self) -> bool {
        matches!(self, Outcome::Posted(_) | Outcome::Deleted)
    }
}

impl Posting {
    /// A change to an account.
    pub fn new(account: impl Into<String>, id: impl Into<RecordId>, change: Change) -> Self {
        Posting {
            account: account.into(),
            id: id.into(),
            change,
        }
    }

    /// Opens an account.
    pub fn open_account(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        policy: Overdraft,
    ) -> Self {
        Self::new(account, id, Change::OpenAccount { policy })
    }

    /// A grant that is live in `[timestamp, timestamp + expiration]`; without end for `None`.
    pub fn grant(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        credit_id: impl Into<String>,
        amount: u64,
        timestamp: i64,
        expiration: impl Into<Option<u64>>,
    ) -> Self {
        let change = Change::Grant {
            credit_id: credit_id.into(),
            amount,
            timestamp,
            expiration: expiration.into(),
            priority: 0,
        };
        Self::new(account, id, change)
    }

    /// The same grant with a priority: lower is drawn first. What is no grant stays as it is.
    ///
    /// ```
    /// use gpu_credit_store::Posting;
    ///
    /// let bought = Posting::grant("acme", "invoice-1", "march", 100, 0, 30).priority(1);
    /// assert!(bought.change.to_string().ends_with("priority 1"));
    /// ```
    pub fn priority(mut self, priority: i16) -> Self {
        if let Change::Grant {
            priority: present, ..
        } = &mut self.change
        {
            *present = priority;
        }
        self
    }

    /// Usage at an instant.
    pub fn usage(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        amount: u64,
        timestamp: i64,
    ) -> Self {
        Self::new(account, id, Change::Usage { amount, timestamp })
    }

    /// Metered usage: a job that runs, or has run.
    ///
    /// ```
    /// use gpu_credit::MeteredUsage;
    /// use gpu_credit_store::{Change, Posting};
    ///
    /// let planned = MeteredUsage { rate: 8, from: 5, until: 12 };
    /// let posting = Posting::metered_usage("acme", "job-17", planned);
    /// assert_eq!(posting.change, Change::MeteredUsage { rate: 8, from: 5, until: 12 });
    /// ```
    pub fn metered_usage(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        usage: MeteredUsage,
    ) -> Self {
        Self::new(account, id, usage.into())
    }

    /// Takes a grant or usage back.
    pub fn retract(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        of: impl Into<RecordId>,
    ) -> Self {
        Self::new(account, id, Change::RetractRecord { of: of.into() })
    }

    /// Gives usage another amount.
    pub fn change_usage(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        of: impl Into<RecordId>,
        amount: u64,
    ) -> Self {
        let of = of.into();
        Self::new(account, id, Change::ChangeUsage { of, amount })
    }

    /// Gives metered usage another rate, beginning or end.
    ///
    /// ```
    /// use gpu_credit_store::{MeteredChange, Posting};
    ///
    /// let ended = MeteredChange { until: Some(9), ..MeteredChange::default() };
    /// let posting = Posting::change_metered_usage("acme", "job-17/end", "job-17", ended);
    /// assert_eq!(posting.change.to_string(), "the change of job-17 to until 9");
    /// ```
    pub fn change_metered_usage(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        of: impl Into<RecordId>,
        change: MeteredChange,
    ) -> Self {
        let of = of.into();
        let MeteredChange { rate, from, until } = change;
        let change = Change::ChangeMeteredUsage {
            of,
            rate,
            from,
            until,
        };
        Self::new(account, id, change)
    }

    /// Revokes a grant from an instant on.
    pub fn revoke(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        of: impl Into<RecordId>,
        from: i64,
    ) -> Self {
        let of = of.into();
        Self::new(account, id, Change::Revoke { of, from })
    }

    /// Gives a grant's window another end; none for `None`.
    pub fn change_expiration(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        of: impl Into<RecordId>,
        expiration: impl Into<Option<u64>>,
    ) -> Self {
        let change = Change::ChangeExpiration {
            of: of.into(),
            expiration: expiration.into(),
        };
        Self::new(account, id, change)
    }

    /// Gives a grant another priority.
    pub fn change_priority(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        of: impl Into<RecordId>,
        priority: i16,
    ) -> Self {
        let of = of.into();
        Self::new(account, id, Change::ChangePriority { of, priority })
    }

    /// Closes the books of an account up to an instant, `until`, which stays open. This cannot be undone:
    /// nothing before `until` can be posted, corrected or asked about any more, and no later posting opens
    /// it again. Any instant is accepted, also one that is far ahead.
    pub fn close_books(account: impl Into<String>, id: impl Into<RecordId>, until: i64) -> Self {
        Self::new(account, id, Change::CloseBooks { until })
    }

    /// Deletes an account.
    pub fn delete_account(account: impl Into<String>, id: impl Into<RecordId>) -> Self {
        Self::new(account, id, Change::DeleteAccount)
    }
}
