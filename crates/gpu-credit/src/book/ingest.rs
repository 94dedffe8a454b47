//! Records of many accounts at once, each shard on its own.

use super::{Account, CreditBook, SHARDS, Shard, shard_of};
use crate::error::{Error, RecordError};
use crate::limits::Sums;
use crate::options::Options;
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
            BookError::AlreadyOpen { .. } => None,
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
    /// O(k log k) for `k` records, and for each account that has some as
    /// [`GpuCredit::extend`](crate::GpuCredit::extend), or as building it anew if it is packed: so post
    /// many records in one call.
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
        let parts = partition(records);
        let checked = parallel::map_parts(records.len(), &mut self.shards, parts, |shard, part| {
            let groups = by_account(records, &part);
            check(shard, records, &groups).map_or(Ok(groups), Err)
        });
        // Of each shard the first; of these the first.
        let refused = checked.iter().filter_map(|checked| checked.as_ref().err());
        if let Some(error) = refused.min_by_key(|error| error.index()) {
            return Err(error.clone());
        }
        let groups = checked.into_iter().flatten().collect();
        let options = self.options;
        parallel::map_parts(records.len(), &mut self.shards, groups, |shard, groups| {
            post(shard, records, groups, options);
        });
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
        parallel::map_parts(
            self.len(),
            &mut self.shards,
            vec![(); SHARDS],
            |shard, ()| {
                for account in shard.values_mut() {
                    account.pack();
                }
            },
        );
    }
}

/// The places of the records of each shard: by account, and of one account in order.
fn partition<N: AsRef<str> + Sync>(records: &[(N, Record)]) -> Vec<Vec<usize>> {
    let shards = shards_of(records);
    let mut parts = vec![Vec::new(); SHARDS];
    for (index, shard) in shards.into_iter().enumerate() {
        parts[shard].push(index);
    }
    parts
}

fn shards_of<N: AsRef<str> + Sync>(records: &[(N, Record)]) -> Vec<usize> {
    parallel::map_many(16 * 1_024, records, |(name, _)| shard_of(name.as_ref()))
}

/// The name of an account, and the places of its records in order.
type Group<'a> = (&'a str, Vec<usize>);

/// The records of a shard, account by account.
fn by_account<'a, N: AsRef<str>>(records: &'a [(N, Record)], part: &[usize]) -> Vec<Group<'a>> {
    let mut named: Vec<(&str, usize)> = (part.iter())
        .map(|index| (records[*index].0.as_ref(), *index))
        .collect();
    named.sort_unstable();
    let groups = named.chunk_by(|one, other| one.0 == other.0);
    groups
        .map(|group| (group[0].0, group.iter().map(|(_, index)| *index).collect()))
        .collect()
}

/// The first record of a shard that would be refused.
fn check<N: AsRef<str>>(
    shard: &Shard,
    records: &[(N, Record)],
    groups: &[Group<'_>],
) -> Option<BookError> {
    let refused = groups.iter().filter_map(|(name, indexes)| {
        let Some(present) = shard.get(*name) else {
            let (index, account) = (*indexes.first()?, (*name).to_owned());
            return Some(BookError::NoSuchAccount { index, account });
        };
        let mut sums = present.sums();
        indexes.iter().find_map(|index| {
            let error = sums.add(&records[*index].1).err()?;
            let (index, account) = (*index, (*name).to_owned());
            Some(BookError::Refused {
                index,
                account,
                error,
            })
        })
    });
    refused.min_by_key(BookError::index)
}

/// Posts the records of a shard, which have been checked.
fn post<N: AsRef<str>>(
    shard: &mut Shard,
    records: &[(N, Record)],
    groups: Vec<Group<'_>>,
    options: Options,
) {
    for (name, indexes) in groups {
        if let Some(account) = shard.get_mut(name) {
            let more = indexes.into_iter().map(|index| records[index].1.clone());
            account
                .post(more, options)
                .expect("every record has been checked against the limits");
        }
    }
}

impl Account {
    /// Posts records, settles, and packs the account if it is small.
    fn post(
        &mut self,
        more: impl Iterator<Item = Record>,
        options: Options,
    ) -> Result<(), RecordError> {
        match self {
            Account::Packed(packed) => {
                *self = Account::Whole(Box::new(packed.unpack_with(options, more)?));
            }
            Account::Whole(account) => account.extend(more)?,
        }
        self.pack();
        Ok(())
    }

    fn sums(&self) -> Sums {
        match self {
            Account::Packed(packed) => packed.sums(),
            Account::Whole(account) => account.sums(),
        }
    }
}
