//! The book: many accounts by name.

mod batch;
mod column;
mod ingest;
mod iter;
mod packed;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::account::GpuCredit;
use crate::answer::Answer;
use crate::options::{Options, Overdraft};
pub use batch::Total;
pub use ingest::BookError;
pub use iter::{Accounts, Names};
use packed::Packed;

/// How many parts a book has: one thread at a time works on one.
const SHARDS: usize = 64;

/// Accounts by name, each with its own policy: small ones in less than a kilobyte each.
///
/// An account of at most 64 grants and 255 usage records and without metered usage, if nothing was ever
/// retracted or revoked, is *packed*: its records and levels stand in as few bytes as they need, without an index. It
/// answers [`balance_at`](Self::balance_at) as it is; for any other question [`get`](Self::get)
/// unpacks a copy, which costs a pass over its records. What is taken out to be changed, with
/// [`get_mut`](Self::get_mut), stays as it is taken out until [`pack`](Self::pack), or until records
/// of it are next [ingested](Self::ingest). Packing changes cost, never an answer.
///
/// In the costs below, `a` is the number of accounts; those of looking a name up are expected costs.
///
/// ```
/// use gpu_credit::{CreditBook, Overdraft, Record};
///
/// let mut book = CreditBook::new();
/// book.open("ada", Overdraft::Carry)?;
/// book.open("bob", Overdraft::Forfeit)?;
/// book.ingest(&[
///     ("bob", Record::grant("trial", 50, 0, 30)),
///     ("ada", Record::grant("march", 100, 0, 30)),
///     ("bob", Record::usage(60, 10)),
///     ("ada", Record::usage(40, 10)),
/// ])?;
/// assert_eq!(book.balance_at("ada", 10).unwrap().balance, Some(60));
/// assert_eq!(book.balance_at("bob", 10).unwrap().balance, None);
/// assert_eq!(book.balance_at("eve", 10), None);
/// assert_eq!(book.total_at(9).balance, 150);
/// # Ok::<(), gpu_credit::BookError>(())
/// ```
#[derive(Clone)]
pub struct CreditBook {
    /// Accounts by the hash of their name, always [`SHARDS`] of them.
    shards: Box<[Shard]>,
    options: Options,
}

type Shard = HashMap<Box<str>, Account>;

#[derive(Clone, Debug)]
enum Account {
    Packed(Packed),
    Whole(Box<GpuCredit>),
}

/// A summary: how many accounts there are. O(1)
impl fmt::Debug for CreditBook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CreditBook")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Default for CreditBook {
    fn default() -> Self {
        Self::new()
    }
}

impl CreditBook {
    /// An empty book. O(1)
    ///
    /// ```
    /// use gpu_credit::CreditBook;
    ///
    /// assert!(CreditBook::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// An empty book whose accounts have sizes of their own. The policy among the options is not
    /// used: each account is opened with one. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Options, Overdraft};
    ///
    /// let mut book = CreditBook::with_options(Options::default().checkpoint_spacing(64));
    /// book.open("ada", Overdraft::Carry)?;
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        CreditBook {
            shards: (0..SHARDS).map(|_| Shard::new()).collect(),
            options,
        }
    }

    /// Opens an account, without records. O(1)
    ///
    /// # Errors
    /// If an account of this name is open. The book is as before.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// assert!(book.open("ada", Overdraft::Carry).is_err());
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    pub fn open(&mut self, name: &str, overdraft: Overdraft) -> Result<(), BookError> {
        let shard = self.shard_mut(name);
        if shard.contains_key(name) {
            return Err(BookError::AlreadyOpen {
                account: name.to_owned(),
            });
        }
        shard.insert(name.into(), Account::Packed(Packed::empty(overdraft)));
        Ok(())
    }

    /// The number of accounts. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// assert_eq!(book.len(), 1);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Whether there is no account. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// assert!(!book.is_empty());
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(Shard::is_empty)
    }

    /// Whether there is an account of this name. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// assert!(book.contains("ada") && !book.contains("eve"));
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.shard(name).contains_key(name)
    }

    /// The policy of an account; `None` if there is no account of this name. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// assert_eq!(book.overdraft("ada"), Some(Overdraft::Forfeit));
    /// assert_eq!(book.overdraft("eve"), None);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn overdraft(&self, name: &str) -> Option<Overdraft> {
        Some(match self.shard(name).get(name)? {
            Account::Packed(packed) => packed.overdraft(),
            Account::Whole(account) => account.overdraft(),
        })
    }

    /// The balance of an account at an instant, and why it is what it is; `None` if there is no
    /// account of this name. O(1), and as [`GpuCredit::balance_at`]; if the account is packed, a
    /// pass over its usage.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// book.get_mut("ada").unwrap().add_credit("march", 100, 0, 30).unwrap();
    /// assert_eq!(book.balance_at("ada", 5).unwrap().balance, Some(100));
    /// assert_eq!(book.balance_at("eve", 5), None);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn balance_at(&self, name: &str, timestamp: i64) -> Option<Answer> {
        Some(self.shard(name).get(name)?.balance_at(timestamp))
    }

    /// An account, to ask anything; `None` if there is none of this name. O(1); if the account is
    /// packed, a copy is unpacked.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft, Record};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Carry)?;
    /// book.ingest(&[("ada", Record::grant("march", 100, 0, 30))])?;
    /// let ada = book.get("ada").unwrap();
    /// assert_eq!(ada.remainders_at(5)[0].amount, 100);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, GpuCredit>> {
        Some(self.shard(name).get(name)?.read(self.options))
    }

    /// An account, to post to it and to correct it; `None` if there is none of this name. O(1); if
    /// the account is packed, it is unpacked, and stays so.
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// let ada = book.get_mut("ada").unwrap();
    /// let job = ada.next_usage_id(10);
    /// ada.subtract(4, 10).unwrap();
    /// ada.retract_usage(job).unwrap();
    /// assert_eq!(book.get("ada").unwrap().used(), 0);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn get_mut(&mut self, name: &str) -> Option<&mut GpuCredit> {
        let options = self.options;
        Some(self.shard_mut(name).get_mut(name)?.whole(options))
    }

    /// Takes an account out of the book; `None` if there is none of this name. O(1)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// let ada = book.remove("ada").unwrap();
    /// assert_eq!((ada.overdraft(), book.len()), (Overdraft::Forfeit, 0));
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    pub fn remove(&mut self, name: &str) -> Option<GpuCredit> {
        let options = self.options;
        let account = self.shard_mut(name).remove(name)?;
        Some(account.into_whole(options))
    }

    /// Bytes on the heap and in the book itself: accounts, names and the maps of them, room that
    /// is not in use included. O(a)
    ///
    /// ```
    /// use gpu_credit::{CreditBook, Overdraft};
    ///
    /// let mut book = CreditBook::new();
    /// book.open("ada", Overdraft::Forfeit)?;
    /// assert!(book.memory_used() < 100_000);
    /// # Ok::<(), gpu_credit::BookError>(())
    /// ```
    #[must_use]
    pub fn memory_used(&self) -> usize {
        let accounts = self.shards.iter().flatten();
        let held = accounts.map(|(name, account)| name.len() + account.memory_used());
        let maps = self.shards.iter().map(map_bytes);
        size_of::<Self>() + size_of_val(&*self.shards) + maps.sum::<usize>() + held.sum::<usize>()
    }

    fn shard(&self, name: &str) -> &Shard {
        &self.shards[shard_of(name)]
    }

    fn shard_mut(&mut self, name: &str) -> &mut Shard {
        &mut self.shards[shard_of(name)]
    }
}

/// Heap bytes of a map: a power of two of places, of which it fills seven in eight, each with a byte
/// beside it.
fn map_bytes(shard: &Shard) -> usize {
    let places = (shard.capacity() * 8 / 7).next_power_of_two();
    let place = size_of::<(Box<str>, Account)>() + 1;
    if shard.capacity() == 0 {
        0
    } else {
        places * place
    }
}

/// The shard of a name: less than [`SHARDS`].
fn shard_of(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    usize::from(hasher.finish().to_le_bytes()[0]) % SHARDS
}

impl Account {
    /// Settles it, and packs it if it is small.
    fn pack(&mut self) {
        if let Account::Whole(account) = self {
            account.settle();
            if let Some(packed) = Packed::of(account) {
                *self = Account::Packed(packed);
            }
        }
    }

    fn balance_at(&self, timestamp: i64) -> Answer {
        match self {
            Account::Packed(packed) => packed.balance_at(timestamp),
            Account::Whole(account) => account.balance_at(timestamp),
        }
    }

    fn read(&self, options: Options) -> Cow<'_, GpuCredit> {
        match self {
            Account::Packed(packed) => Cow::Owned(packed.unpack(options)),
            Account::Whole(account) => Cow::Borrowed(account),
        }
    }

    fn whole(&mut self, options: Options) -> &mut GpuCredit {
        if let Account::Packed(packed) = self {
            *self = Account::Whole(Box::new(packed.unpack(options)));
        }
        match self {
            Account::Whole(account) => account,
            Account::Packed(_) => unreachable!("it has been unpacked"),
        }
    }

    fn into_whole(self, options: Options) -> GpuCredit {
        match self {
            Account::Packed(packed) => packed.unpack(options),
            Account::Whole(account) => *account,
        }
    }

    /// Heap bytes.
    fn memory_used(&self) -> usize {
        match self {
            Account::Packed(packed) => packed.memory_used(),
            Account::Whole(account) => account.memory_used(),
        }
    }
}
