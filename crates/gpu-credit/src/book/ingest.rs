//! Records of many accounts at once, each shard on its own, and no shard that has none.

use super::CreditBook;
use super::directory::{Hash, Place, SHARDS, Shard};
use crate::error::Error;
use crate::parallel;
use crate::record::Record;

/// Why a book refused. It is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// There is an account of this name.
    #[error("an account {account:?} is open already")]
    AlreadyOpen {
        /// The name.
        account: String,
    },
    /// A record is of an account that is not there.
    #[error("record {index} is of {account:?}, and no such account is open")]
    NoSuchAccount {
        /// The place of the record among those that were handed over, from 0 on.
        index: usize,
        /// The name.
        account: String,
    },
    /// A record would be refused by its account.
    #[error("record {index}, of {account:?}, is refused: {error}")]
    Refused {
        /// The place of the record among those that were handed over, from 0 on.
        index: usize,
        /// The name of the account.
        account: String,
        /// Why.
        #[source]
        error: Error,
    },
    /// An account refused what was asked of it by itself, after [`CreditBook::get`] or
    /// [`CreditBook::get_mut`]: `?` makes this of its error. The book's own methods never return it.
    #[error(transparent)]
    Account(#[from] Error),
}

impl BookError {
    /// The place of the record that was refused, if it was a record. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Record};
    ///
    /// let mut book = CreditBook::new();
    /// let error = book.ingest(&[("eve", Record::usage(4, 10))]).unwrap_err();
    /// assert_eq!(error.index(), Some(0));
    /// ```
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        match *self {
            BookError::AlreadyOpen { .. } | BookError::Account(_) => None,
            BookError::NoSuchAccount { index, .. } | BookError::Refused { index, .. } => {
                Some(index)
            }
        }
    }
}

impl CreditBook {
    /// Posts records of many accounts, those of one account in their order, and settles and packs
    /// each account that has some. All or nothing. With the `rayon` feature, on all cores.
    ///
    /// It returns no ids. To correct a record later, post it through [`get_mut`](Self::get_mut), which
    /// returns its id, or find it in the account: by [`GpuCredit::find_usage`](crate::GpuCredit::find_usage)
    /// or among [`GpuCredit::grants`](crate::GpuCredit::grants).
    ///
    /// O(k log k) for `k` records, and for each account that has some as
    /// [`GpuCredit::extend`](crate::GpuCredit::extend), or as building it anew if it is packed. One usage
    /// record is put into a packed account as it is; other records by themselves are cheaper the more
    /// of them come in one call.
    ///
    /// # Errors
    /// If an account is not open, or would refuse a record: for the first such record. The book is
    /// as before.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft, Record};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Carry)?;
    /// book.open("bob", Overdraft::Carry)?;
    /// book.ingest(&[
    ///     ("bob", Record::usage(60, 10)),
    ///     ("ada", Record::grant("march", 100, 0, 30)),
    /// ])?;
    /// assert_eq!(book.balance_at("ada", 10).unwrap().balance, Some(100));
    ///
    /// let refused = book.ingest(&[("ada", Record::usage(1, 5)), ("eve", Record::usage(1, 5))]);
    /// assert_eq!(refused.unwrap_err().index(), Some(1));
    /// assert_eq!(book.get("ada").unwrap().used(), 0);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    pub fn ingest<N: AsRef<str> + Sync>(
        &mut self,
        records: &[(N, Record)],
    ) -> Result<(), BookError> {
        if let [(name, record)] = records {
            return self.ingest_one(name.as_ref(), record);
        }
        let hash = |(name, _): &(N, Record)| self.hash(name.as_ref());
        let hashes = parallel::map_many(16 * 1_024, records, hash);
        let parts = partition(&hashes);
        let located = parallel::map(records.len(), parts.len(), |at| {
            let (shard, indexes) = &parts[at];
            locate(&self.shards[*shard], records, &hashes, indexes)
        });
        // Of each shard the first; of these the first.
        let refused = located.iter().filter_map(|located| located.as_ref().err());
        if let Some(error) = refused.min_by_key(|error| error.index()) {
            return Err(error.clone());
        }
        let shards = parts.iter().map(|(shard, _)| *shard);
        let parts = shards.zip(located.into_iter().flatten()).collect();
        let options = self.options;
        parallel::map_parts(records.len(), &mut self.shards, parts, |shard, located| {
            for records_of_one in located.chunk_by(|one, other| one.0 == other.0) {
                let more = records_of_one.iter().map(|(_, index)| &records[*index].1);
                shard.at_mut(records_of_one[0].0).post(more, options);
            }
        });
        Ok(())
    }

    /// Posts a record by itself, of which there is nothing to divide.
    fn ingest_one(&mut self, name: &str, record: &Record) -> Result<(), BookError> {
        let hash = self.hash(name);
        let shard = &mut self.shards[hash.shard()];
        let Some(place) = shard.find(name, hash.tag()) else {
            let account = name.to_owned();
            return Err(BookError::NoSuchAccount { index: 0, account });
        };
        let account = shard.at_mut(place);
        account.check(record).map_err(|error| {
            let account = name.to_owned();
            BookError::Refused {
                index: 0,
                account,
                error,
            }
        })?;
        account.post(std::iter::once(record), self.options);
        Ok(())
    }

    /// Brings all small accounts back into as few bytes as they need, and settles all others. O(a),
    /// and for each account that was taken out as [`GpuCredit::settle`](crate::GpuCredit::settle).
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Carry)?;
    /// book.get_mut("ada").unwrap().subtract(4, 10).unwrap();
    /// let unpacked = book.memory_used();
    /// book.pack();
    /// assert!(book.memory_used() < unpacked);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    pub fn pack(&mut self) {
        let options = self.options;
        let parts = (0..SHARDS).map(|shard| (shard, ())).collect();
        parallel::map_parts(self.len(), &mut self.shards, parts, |shard, ()| {
            shard.iter_mut().for_each(|account| account.pack(options));
        });
    }
}

/// The shards that have records, and the places of these.
fn partition(hashes: &[Hash]) -> Vec<(usize, Vec<usize>)> {
    let mut parts = vec![Vec::new(); SHARDS];
    for (index, hash) in hashes.iter().enumerate() {
        parts[hash.shard()].push(index);
    }
    let parts = parts.into_iter().enumerate();
    parts.filter(|(_, part)| !part.is_empty()).collect()
}

/// A record of an account: where the account is, and the place of the record.
type Located = (Place, usize);

/// The records of a shard, account by account, those of one account in order; or the first that would be
/// refused.
fn locate<N: AsRef<str>>(
    shard: &Shard,
    records: &[(N, Record)],
    hashes: &[Hash],
    indexes: &[usize],
) -> Result<Vec<Located>, BookError> {
    let mut located = Vec::with_capacity(indexes.len());
    let mut missing = None;
    for index in indexes.iter().copied() {
        let name = records[index].0.as_ref();
        match shard.find(name, hashes[index].tag()) {
            Some(place) => located.push((place, index)),
            None => {
                let account = name.to_owned();
                missing = Some(BookError::NoSuchAccount { index, account });
                break;
            }
        }
    }
    located.sort_unstable();
    let accounts = located.chunk_by(|one, other| one.0 == other.0);
    let refused = accounts.filter_map(|located| refused(shard, records, located));
    match refused.chain(missing).min_by_key(BookError::index) {
        Some(error) => Err(error),
        None => Ok(located),
    }
}

/// The first of the records of an account that would be refused.
fn refused<N: AsRef<str>>(
    shard: &Shard,
    records: &[(N, Record)],
    located: &[Located],
) -> Option<BookError> {
    let mut sums = shard.at(located[0].0).sums();
    located.iter().find_map(|(_, index)| {
        let (name, record) = &records[*index];
        let error = sums.add(record).err()?;
        Some(BookError::Refused {
            index: *index,
            account: name.as_ref().to_owned(),
            error,
        })
    })
}
