//! Stopping a job: its metered usage ends, however often somebody says so.

use crate::standing::Standing;
use crate::{
    Change, Entry, Error, MeteredChange, Outcome, Posting, RecordId, Refusal, Revision, Storage,
    Store,
};

/// What came of stopping metered usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it may have ended at another instant, or before"]
pub enum Stopped {
    /// It is stopped, by the entry that this posted as this revision of the account.
    Now(Revision),
    /// It was stopped before, by an entry that stays as it is: this call posted nothing. If its end was
    /// corrected since, it may still run.
    Before {
        /// The revision that the entry is.
        revision: Revision,
        /// The first tick that is no longer used, as the usage stands now.
        until: i64,
    },
    /// It had ended by then, as planned or as changed: nothing was posted.
    Ended {
        /// The first tick that is no longer used; `None` if it ended before the books were closed.
        until: Option<i64>,
    },
}

impl<S: Storage> Store<S> {
    /// Ends metered usage at an instant, once. What was stopped before, or has ended by then, stays as it
    /// is, so that a retry changes nothing, whatever instant it says. The end of a job that was stopped
    /// can still be corrected, with [`Posting::change_metered_usage`]; such a job is not stopped again,
    /// and [`Stopped::Before`] has the end that stands. O(log n), once the account is loaded.
    ///
    /// It posts a change under the id of the usage with `/stop` after it. So an id of more than
    /// [`TEXT_BYTES_MAX`](crate::TEXT_BYTES_MAX) - 5 bytes is too long to be stopped, and no other record
    /// can have that id: end such a job with [`Posting::change_metered_usage`], under an id of your own.
    ///
    /// # Errors
    /// As [`post`](Self::post): if the id is not that of metered usage that stands, if it is
    /// retracted, also if it was stopped before, if the books are closed up to a later instant, or
    /// if something else was posted under the id with `/stop`.
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
        let id = stop_id(of);
        if let Some(entry) = self.entry(account, &id)?
            && stops(&entry.change, of)
        {
            return self.stopped_before(account, of, entry.revision);
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
            Ok(Outcome::AlreadyPosted(revision)) => self.stopped_before(account, of, revision),
            Ok(Outcome::Deleted | Outcome::AlreadyDeleted) => {
                unreachable!("a change deletes no account")
            }
            Err(Error::DifferentContent {
                revision, posted, ..
            }) if stops(&posted, of) => self.stopped_before(account, of, revision),
            Err(error) => Err(error),
        }
    }

    /// How metered usage stands that this revision has stopped.
    fn stopped_before(
        &self,
        account: &str,
        of: &RecordId,
        revision: Revision,
    ) -> Result<Stopped, Error> {
        match self.metered_standing(account, of)? {
            Some(Standing::Metered(usage)) => Ok(Stopped::Before {
                revision,
                until: usage.until,
            }),
            Some(Standing::FoldedAway) => Ok(Stopped::Ended { until: None }),
            _ => Err(Error::Refused {
                account: account.to_owned(),
                id: stop_id(of),
                refusal: Refusal::Retracted(of.clone()),
            }),
        }
    }

    /// Whether metered usage has ended by an instant. What it is if it is something else, posting says.
    fn ended(&self, account: &str, of: &RecordId, at: i64) -> Result<Option<Stopped>, Error> {
        Ok(match self.metered_standing(account, of)? {
            Some(Standing::Metered(usage)) if usage.until <= at => Some(Stopped::Ended {
                until: Some(usage.until),
            }),
            Some(Standing::FoldedAway) => Some(Stopped::Ended { until: None }),
            _ => None,
        })
    }

    /// How metered usage stands; `None` if the id is not that of any.
    fn metered_standing(&self, account: &str, of: &RecordId) -> Result<Option<Standing>, Error> {
        let entry = self.entry(account, of)?;
        let is_metered = |entry: &Entry| matches!(entry.change, Change::MeteredUsage { .. });
        let Some(entry) = entry.filter(is_metered) else {
            return Ok(None);
        };
        self.with_account(account, |account| {
            account.standing(entry.revision, &entry.change)
        })
    }
}

fn stop_id(of: &RecordId) -> RecordId {
    RecordId::from(format!("{of}/stop"))
}

/// Whether a change gives metered usage an end.
fn stops(change: &Change, usage: &RecordId) -> bool {
    matches!(change, Change::ChangeMeteredUsage { of, until: Some(_), .. } if of == usage)
}
