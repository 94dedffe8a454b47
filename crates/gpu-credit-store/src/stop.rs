//! Stopping a job: its metered usage ends, however often somebody says so.

use crate::standing::Standing;
use crate::{Change, Error, Journal, MeteredChange, Outcome, Posting, RecordId, Revision, Store};

/// What came of stopping metered usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is stopped, by the entry that this posted as this revision of the account.
    Now(Revision),
    /// It was stopped before, by an entry that stays as it is.
    Before {
        /// The revision that the entry is.
        revision: Revision,
        /// The first tick that is no longer used, by that entry.
        until: i64,
    },
    /// It had ended by then, as planned or as changed: nothing was posted.
    Ended {
        /// The first tick that is no longer used; `None` if it ended before the books were closed.
        until: Option<i64>,
    },
}

impl<J: Journal> Store<J> {
    /// Ends metered usage at an instant, under an id that follows from that of the usage: with
    /// `/stop` after it. What was stopped before, or has ended by then, stays as it is, so that a retry
    /// never makes it use more, whatever instant it says. The end of a job can still be corrected, with
    /// [`Posting::change_metered_usage`]. O(log n), once the account is loaded.
    ///
    /// # Errors
    /// As [`post`](Self::post): if the id is not that of metered usage that stands, or the books are
    /// closed up to a later instant.
    ///
    /// ```
    /// # use gpu_credit::{MeteredUsage, Overdraft};
    /// # use gpu_credit_store::{Posting, Revision, Stopped, Store};
    /// # let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// let planned = MeteredUsage { rate: 8, from: 0, until: 40 };
    /// store.post(Posting::metered_usage("acme", "job-17", planned))?;
    /// let revision = Revision::new(3);
    /// assert_eq!(store.stop("acme", &"job-17".into(), 15)?, Stopped::Now(revision));
    /// let again = store.stop("acme", &"job-17".into(), 16)?;
    /// assert_eq!(again, Stopped::Before { revision, until: 15 });
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn stop(&self, account: &str, of: &RecordId, at: i64) -> Result<Stopped, Error> {
        let id = RecordId::from(format!("{of}/stop"));
        if let Some(entry) = self.entry(account, &id)?
            && let Some(until) = stops(&entry.change, of)
        {
            let revision = entry.revision;
            return Ok(Stopped::Before { revision, until });
        }
        if let Some(ended) = self.ended(account, of, at)? {
            return Ok(ended);
        }
        let change = MeteredChange {
            until: Some(at),
            ..MeteredChange::default()
        };
        match self.post(Posting::change_metered_usage(
            account,
            id,
            of.clone(),
            change,
        )) {
            Ok(Outcome::Posted(revision)) => Ok(Stopped::Now(revision)),
            // Another thread was faster.
            Ok(Outcome::AlreadyPosted(revision)) => Ok(Stopped::Before {
                revision,
                until: at,
            }),
            Ok(Outcome::Deleted | Outcome::AlreadyDeleted) => {
                unreachable!("a change deletes no account")
            }
            Err(error) => match &error {
                Error::DifferentContent {
                    revision, posted, ..
                } => {
                    let revision = *revision;
                    let until = stops(posted, of).ok_or(error)?;
                    Ok(Stopped::Before { revision, until })
                }
                _ => Err(error),
            },
        }
    }

    /// Whether metered usage has ended by an instant. What it is if it is something else, posting says.
    fn ended(&self, account: &str, of: &RecordId, at: i64) -> Result<Option<Stopped>, Error> {
        let Some(entry) = self.entry(account, of)? else {
            return Ok(None);
        };
        let standing = self.with_account(account, |account| {
            account.standing(entry.revision, &entry.change)
        })?;
        Ok(match (standing, entry.change) {
            (Some(Standing::Metered(usage)), _) if usage.until <= at => Some(Stopped::Ended {
                until: Some(usage.until),
            }),
            (Some(Standing::FoldedAway), Change::MeteredUsage { .. }) => {
                Some(Stopped::Ended { until: None })
            }
            _ => None,
        })
    }
}

/// The end that a change gives to metered usage, if it gives one to that.
fn stops(change: &Change, usage: &RecordId) -> Option<i64> {
    match change {
        Change::ChangeMeteredUsage { of, until, .. } if of == usage => *until,
        _ => None,
    }
}
