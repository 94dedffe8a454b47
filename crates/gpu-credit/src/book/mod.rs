//! The book: many accounts by name.

mod account;
mod batch;
mod directory;
mod ingest;
mod iter;
mod packed;

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};

use crate::account::GpuCredit;
use crate::answer::Answer;
use crate::options::{Options, Overdraft};
use account::Account;
pub use batch::Total;
use directory::{Hash, SHARDS, Shard};
pub use ingest::BookError;
pub use iter::{Accounts, Names};

/// Accounts by name, each with its own policy: small ones in less than a kilobyte each.
///
/// An account of at most 64 grants, 1,024 usage records and 512 jobs, if nothing was ever retracted or
/// revoked, is *packed*: its records and levels stand in as few bytes as they need. It answers
/// [`balance_at`](Self::balance_at), and takes records by [`ingest`](Self::ingest), as it is; for any
/// other question [`get`](Self::get) unpacks a copy, which costs a pass over its records. What is taken out
/// to be changed, with [`get_mut`](Self::get_mut), stays as it is taken out until
/// [`pack`](Self::pack), or until records of it are next ingested. Packing changes cost, never an answer.
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
    /// What names are hashed with.
    seed: u64,
    options: Options,
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
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            seed: RandomState::new().build_hasher().finish(),
            options,
        }
    }

    /// Opens an account, without records. Any text is a name, the empty one too, of any length; the store
    /// takes names of 1 to 1,024 bytes. O(1)
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
        let hash = self.hash(name);
        let options = self.options.overdraft(overdraft);
        let shard = &mut self.shards[hash.shard()];
        if shard.find(name, hash.tag()).is_some() {
            return Err(BookError::AlreadyOpen {
                account: name.to_owned(),
            });
        }
        shard.insert(Account::open(hash.tag(), name, options));
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
        self.len() == 0
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
        self.account(name).is_some()
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
        Some(self.account(name)?.overdraft())
    }

    /// The balance of an account at an instant, and why it is what it is; `None` if there is no
    /// account of this name. O(1), and as [`GpuCredit::balance_at`]. Of many questions
    /// [`balances_at`](Self::balances_at) has several wait for memory together.
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
        Some(self.account(name)?.balance_at(timestamp))
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
        Some(self.account(name)?.read(self.options))
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
        let hash = self.hash(name);
        let shard = &mut self.shards[hash.shard()];
        let place = shard.find(name, hash.tag())?;
        Some(shard.at_mut(place).unpacked(self.options))
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
        let hash = self.hash(name);
        let shard = &mut self.shards[hash.shard()];
        let place = shard.find(name, hash.tag())?;
        Some(shard.remove(place).into_unpacked(self.options))
    }

    /// Bytes on the heap and in the book itself: accounts, names and what finds them, room that
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
        let held = self.shards.iter().map(Shard::memory_used);
        size_of::<Self>() + size_of_val(&*self.shards) + held.sum::<usize>()
    }

    fn hash(&self, name: &str) -> Hash {
        Hash::new(name, self.seed)
    }

    #[inline]
    fn account(&self, name: &str) -> Option<&Account> {
        let hash = self.hash(name);
        self.shards[hash.shard()].get(name, hash.tag())
    }
}
