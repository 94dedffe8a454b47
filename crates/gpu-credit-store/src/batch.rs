//! Batches: who posts many wants to know which one is refused, and perhaps that the others are posted.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::draft::Request;
use crate::{Error, Outcome, Posting, Revision, Storage, Store};

/// Postings that are sent together, and on which condition.
///
/// ```
/// use gpu_credit::Overdraft;
/// use gpu_credit_store::{Batch, Error, Posting, Revision, Store};
///
/// let store = Store::in_memory()?;
/// store.open_account("acme", Overdraft::Carry)?;
/// let batch = Batch::new(vec![
///     Posting::usage("acme", "job-1", 20, 12),
///     Posting::usage("nobody", "job-1", 20, 12),
/// ]);
///
/// let refused = store.post_batch(batch.clone()).unwrap_err();
/// assert_eq!(refused.index, 1); // and nothing is posted
/// let outcomes = store.post_each(batch)?;
/// assert!(outcomes[0].is_ok() && outcomes[1].is_err());
///
/// let after = |revision| Batch::new(vec![Posting::usage("acme", "job-2", 1, 12)]).after(Revision::new(revision));
/// let refused = store.post_batch(after(1)).unwrap_err();
/// assert!(matches!(refused.error, Error::OtherRevision { .. }));
/// assert!(store.post_batch(after(2)).is_ok());
/// # Ok::<(), gpu_credit_store::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "nothing is posted until it is given to a store"]
pub struct Batch {
    postings: Vec<Posting>,
    expected: Option<Revision>,
    is_trial: bool,
}

/// Which posting of many was refused, and why: none is posted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub struct PostingError {
    /// The place of the first posting that was refused, from 0 on. If it is not known what became of the
    /// postings, 0.
    pub index: usize,
    /// Why.
    #[source]
    pub error: Error,
}

impl fmt::Display for PostingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "posting {}, counted from 0: {}",
            self.index, self.error
        )
    }
}

impl Batch {
    /// Postings, in their order.
    pub fn new(postings: Vec<Posting>) -> Self {
        Batch {
            postings,
            ..Batch::default()
        }
    }

    /// Only if the account of the first entry that would be written has this revision: otherwise
    /// [`Error::OtherRevision`]. A batch that was posted before is answered as a retry whatever the revision. It
    /// holds of [`Store::post_batch`] alone.
    pub fn after(mut self, revision: Revision) -> Self {
        self.expected = Some(revision);
        self
    }

    /// Only to learn what would come of it: nothing is posted.
    pub fn dry_run(mut self) -> Self {
        self.is_trial = true;
        self
    }

    fn request(self) -> Request {
        Request {
            postings: self.postings,
            is_trial: self.is_trial,
            expected: self.expected,
            ..Request::default()
        }
    }
}

impl<S: Storage> Store<S> {
    /// Posts a batch, all of it or nothing: [`post_all`](Self::post_all), with the place of the posting that is
    /// refused, and with a condition.
    ///
    /// # Errors
    /// As [`post`](Self::post), for the first that is refused; or if the condition does not hold.
    pub fn post_batch(&self, batch: Batch) -> Result<Vec<Outcome>, PostingError> {
        let answered = self.submit(batch.request());
        answered.map_err(|(index, error)| PostingError { index, error })
    }

    /// Posts each posting of a batch by itself, in their order: one that is refused has changed nothing, and the
    /// others are posted. What is posted is durable on return, and readers see all of it at once. One sync for all.
    ///
    /// # Errors
    /// If the storage fails: then it is not known which are posted, and posting all again settles it.
    pub fn post_each(&self, batch: Batch) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let count = batch.postings.len();
        let refused = Arc::new(Mutex::new(Vec::new()));
        let request = Request {
            refused: Some(Arc::clone(&refused)),
            expected: None,
            ..batch.request()
        };
        let outcomes = self.submit(request).map_err(|(_, error)| error)?;
        let refused = std::mem::take(&mut *refused.lock());
        assert_eq!(outcomes.len() + refused.len(), count, "each has an answer");
        let (mut outcomes, mut refused) = (outcomes.into_iter(), refused.into_iter().peekable());
        let answers =
            (0..count).filter_map(
                |index| match refused.next_if(|(place, _)| *place == index) {
                    Some((_, error)) => Some(Err(error)),
                    None => outcomes.next().map(Ok),
                },
            );
        Ok(answers.collect())
    }
}
