//! The store: what is posted goes to the journal, what is asked comes from memory.

mod opening;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit::{Answer, Overdraft};

use crate::asking::Asking;
use crate::draft::{Answered, Request};
use crate::folding::is_still_open;
use crate::lane::Lane;
use crate::owned::Owned;
use crate::{
    Account, AccountKey, Entry, Error, Head, MemoryStatistics, Outcome, Posting, Reader, RecordId,
    RedbJournal, Revision, SnapshotStatistics, Storage, StoreStatistics,
};

/// Many accounts, durable: every method can be called from any thread, and a clone is the same store.
///
/// Posting returns once what was posted is durable, and shows it to readers at that moment. Threads
/// that post at the same time share one sync. Questions are answered from memory and wait for no
/// write to the disk; an account is loaded when it is first needed.
///
/// ```
/// use gpu_credit::Overdraft;
/// use gpu_credit_store::{Outcome, Posting, Revision, Store};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("credit.redb");
/// let store = Store::create(path)?;
/// store.open_account("acme", Overdraft::Carry)?;
/// store.post(Posting::grant("acme", "invoice-1", "march", 100, 0, 30))?;
/// let posted = store.post(Posting::usage("acme", "job-17", 20, 12))?;
/// assert_eq!(posted, Outcome::Posted(Revision::new(3)));
///
/// // A retry does nothing, and says so.
/// let again = store.post(Posting::usage("acme", "job-17", 20, 12))?;
/// assert_eq!(again, Outcome::AlreadyPosted(Revision::new(3)));
/// assert_eq!(store.get_balance("acme", 12)?, Some(80));
///
/// // A correction names what it corrects; what was answered before it can still be asked.
/// store.post(Posting::change_usage("acme", "fix-1", "job-17", 15))?;
/// assert_eq!(store.get_balance("acme", 12)?, Some(85));
/// let before = store.as_recorded("acme", Revision::new(3))?;
/// assert_eq!(before.get_balance(12)?, Some(80));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Store<S: Storage = Lane<RedbJournal>> {
    storage: Arc<Owned<S>>,
}

/// The id under which [`Store::open_account`] opens.
pub(crate) const OPENING_ID: &str = "open";

impl<S: Storage> Clone for Store<S> {
    fn clone(&self) -> Self {
        Store {
            storage: Arc::clone(&self.storage),
        }
    }
}

/// How far it is. O(1)
impl<S: Storage> fmt::Debug for Store<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("visible", &self.storage.peek().visible())
            .finish_non_exhaustive()
    }
}

impl<S: Storage> Store<S> {
    /// Opens an account under the id `open`: opening it again with the same policy does nothing.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn open_account(&self, name: &str, policy: Overdraft) -> Result<Outcome, Error> {
        self.post(Posting::open_account(name, OPENING_ID, policy))
    }

    /// Posts one change. On return it is durable.
    ///
    /// # Errors
    /// If it is refused, and then nothing has changed; or if the storage fails, and then posting
    /// it again, once the store is open again, settles whether it was written.
    pub fn post(&self, posting: Posting) -> Result<Outcome, Error> {
        let outcomes = self.post_all(vec![posting])?;
        outcomes.first().copied().ok_or(Error::Interrupted)
    }

    /// Posts many changes, in their order: all of them or none. On return they are durable, and no
    /// reader has seen some without the others.
    ///
    /// # Errors
    /// As [`post`](Self::post), for the first that is refused.
    pub fn post_all(&self, postings: Vec<Posting>) -> Result<Vec<Outcome>, Error> {
        let request = Request {
            postings,
            ..Request::default()
        };
        self.submit(request).map_err(|(_, error)| error)
    }

    /// What would come of [`post_all`](Self::post_all), without posting anything: the revisions are those
    /// that the entries would have now, and others may get them first.
    ///
    /// # Errors
    /// As [`post_all`](Self::post_all).
    pub fn dry_run(&self, postings: Vec<Posting>) -> Result<Vec<Outcome>, Error> {
        let request = Request {
            postings,
            is_trial: true,
            ..Request::default()
        };
        self.submit(request).map_err(|(_, error)| error)
    }

    pub(crate) fn submit(&self, request: Request) -> Answered {
        let storage = self.storage().map_err(|error| (0, error))?;
        storage.submit(request)
    }

    /// Deletes an account: its entries are dropped from the journal, and its name can be given again.
    /// Sent again, the deletion does nothing, as long as no other account of the name is open: if one is,
    /// it is refused, and that account stays as it is.
    ///
    /// Only the id of the deletion and a digest of the name are kept, so that a retry does nothing. What the file's free pages still hold is gone once it is
    /// [copied](RedbJournal::copy_to).
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn delete_account(&self, name: &str, id: impl Into<RecordId>) -> Result<Outcome, Error> {
        self.post(Posting::delete_account(name, id))
    }

    /// What the store has done since it was opened. O(1)
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// use gpu_credit_store::Store;
    ///
    /// let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// assert_eq!(store.statistics().groups, 1);
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn statistics(&self) -> StoreStatistics {
        self.storage.peek().statistics()
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// If the journal fails.
    pub fn accounts(&self) -> Result<Vec<AccountKey>, Error> {
        let storage = self.storage()?;
        let visible = storage.visible();
        let mut accounts = storage.reader().accounts()?;
        accounts.retain(|account| account.opened <= visible);
        Ok(accounts)
    }

    /// The first accounts by name whose names begin with a prefix and come after another name, so many at most:
    /// the next page comes after the last of them. O(log accounts) for each in a file.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::Store;
    /// # let store = Store::in_memory()?;
    /// for name in ["a", "b/1", "b/2", "b/3", "c"] {
    ///     store.open_account(name, Overdraft::Carry)?;
    /// }
    /// let page = store.accounts_page("b/", "b/1", 10)?;
    /// assert_eq!(page.len(), 2);
    /// assert_eq!(&*page[0].name, "b/2");
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the journal fails.
    pub fn accounts_page(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<AccountKey>, Error> {
        let storage = self.storage()?;
        let visible = storage.visible();
        let mut page = Vec::new();
        let mut after = after.to_owned();
        while page.len() < limit {
            let wanted = limit - page.len();
            let mut accounts = storage.reader().accounts_page(prefix, &after, wanted)?;
            let is_last = accounts.len() < wanted;
            if let Some(last) = accounts.last() {
                after = last.name.to_string();
            }
            accounts.retain(|account| account.opened <= visible);
            page.append(&mut accounts);
            if is_last {
                break;
            }
        }
        Ok(page)
    }

    /// The balance of an account at an instant; see [`GpuCredit::get_balance`] for the rules and the
    /// cost.
    ///
    /// [`GpuCredit::get_balance`]: gpu_credit::GpuCredit::get_balance
    ///
    /// # Errors
    /// If there is no such account, its books are closed up to a later instant, or it cannot be
    /// loaded.
    pub fn get_balance(&self, account: &str, timestamp: i64) -> Result<Option<u64>, Error> {
        Ok(self.at(account, timestamp, |account| account.get_balance(timestamp))??)
    }

    /// The balance of an account at an instant, and why it is what it is.
    ///
    /// # Errors
    /// As [`get_balance`](Self::get_balance).
    pub fn balance_at(&self, account: &str, timestamp: i64) -> Result<Answer, Error> {
        Ok(self.at(account, timestamp, |account| account.balance_at(timestamp))??)
    }

    /// Asks for the balance at an instant alone.
    fn at<R>(
        &self,
        name: &str,
        timestamp: i64,
        question: impl FnOnce(&Account) -> R,
    ) -> Result<R, Error> {
        let storage = self.storage()?;
        let (mut question, mut answer) = (Some(question), None);
        storage.ask_at(name, timestamp, &mut |account| {
            answer = question.take().map(|question| question(account));
        })?;
        Ok(answer.expect("a question is asked once"))
    }

    /// The balances of an account at many instants, all at one point of the journal.
    ///
    /// # Errors
    /// As [`get_balance`](Self::get_balance).
    pub fn get_balances(
        &self,
        account: &str,
        timestamps: &[i64],
    ) -> Result<Vec<Option<u64>>, Error> {
        Ok(self.with_account(account, |account| account.get_balances(timestamps))??)
    }

    /// Asks an account anything. Threads that post do not wait for the question. A thread that asks the
    /// same account after something was posted to it does.
    ///
    /// The question cannot use the store: it would wait for itself, so there that is an error. Nor must it
    /// wait for another thread that uses the store, which is not noticed and may never end.
    ///
    /// # Errors
    /// If there is no such account, or it cannot be loaded.
    /// Within a question to the same store: [`Error::WithinQuestion`].
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Error, Posting, Store};
    /// # let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// let bill = |spendable| Posting::usage("acme", "job-17", spendable, 12);
    /// let nested = store.with_account("acme", |acme| store.post(bill(acme.spendable(12)?)))?;
    /// assert!(matches!(nested, Err(Error::WithinQuestion)));
    /// let spendable = store.with_account("acme", |acme| acme.spendable(12))??;
    /// store.post(bill(spendable))?;
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn with_account<R>(
        &self,
        account: &str,
        question: impl FnOnce(&Account) -> R,
    ) -> Result<R, Error> {
        self.with_accounts(&[account], |accounts| question(accounts[0]))
    }

    /// Asks an account if that needs no waiting; `None` if it is to be asked by
    /// [`with_account`](Self::with_account): it is not in memory, somebody posts to it, or other
    /// processes may have. It never waits for the storage or for another thread: async code may call it on its own
    /// threads, if the question is short. The question cannot use the store.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Posting, Store};
    /// # let store = Store::in_memory()?;
    /// store.open_account("acme", Overdraft::Carry)?;
    /// let balance = |at| store.try_with_account("acme", |acme| acme.get_balance(at));
    /// assert!(balance(12).is_none()); // it is not loaded yet
    /// store.with_account("acme", |_| ())?;
    /// assert_eq!(balance(12), Some(Ok(None)));
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn try_with_account<R>(
        &self,
        account: &str,
        question: impl FnOnce(&Account) -> R,
    ) -> Option<R> {
        let storage = self.storage().ok()?;
        let (mut question, mut answer) = (Some(question), None);
        storage.ask_now(account, &mut |account| {
            let _asking = Asking::begin(storage.address());
            answer = question.take().map(|question| question(account));
        });
        answer
    }

    /// Asks several accounts, all at one point of the journal; the question gets them in the order of
    /// the names. Threads that post do not wait for the question, which cannot use the store: see
    /// [`with_account`](Self::with_account).
    ///
    /// # Errors
    /// As [`with_account`](Self::with_account).
    pub fn with_accounts<R>(
        &self,
        accounts: &[&str],
        question: impl FnOnce(&[&Account]) -> R,
    ) -> Result<R, Error> {
        let storage = self.storage()?;
        let (mut question, mut answer) = (Some(question), None);
        storage.ask(accounts, &mut |accounts| {
            let _asking = Asking::begin(storage.address());
            answer = question.take().map(|question| question(accounts));
        })?;
        Ok(answer.expect("a question is asked once"))
    }

    /// An account at a revision: as it stood when that entry was its last one. Any question is answered as
    /// it would have been answered then. O(n log n) for the n entries up to there: of an account that has a
    /// snapshot they are read from the last one up to there and the entries after it. That of
    /// [`head`](Self::head) is the account as it stands.
    ///
    /// # Errors
    /// If there is no such account, it has not so many revisions, or its journal is damaged.
    pub fn as_recorded(&self, account: &str, revision: Revision) -> Result<Account, Error> {
        let no_such_revision = |last| Error::NoSuchRevision {
            account: account.to_owned(),
            revision,
            last,
        };
        let head = self.head(account)?;
        if revision == Revision::START || revision > head.revision {
            return Err(no_such_revision(head.revision));
        }
        // What is durable: a head may be a moment ahead of what other questions see.
        let recorded = self.storage()?.load(&head.account, revision)?;
        match recorded.revision() == revision {
            true => Ok(recorded),
            false => Err(Error::NotApplicable {
                account: account.to_owned(),
                revision: recorded.revision().next(),
                problem: "it is missing".to_owned(),
            }),
        }
    }

    /// What is durable of an account, in a few numbers. O(log accounts): nothing is loaded.
    ///
    /// # Errors
    /// If there is no such account, or what is kept of it is damaged.
    pub fn head(&self, account: &str) -> Result<Head, Error> {
        let head = self.storage()?.reader().heads(&[account])?.pop().flatten();
        head.ok_or_else(|| Error::NoSuchAccount(account.to_owned()))
    }

    /// The same of several accounts, all at one moment, in the order of the names; `None` of one that is not
    /// open.
    ///
    /// # Errors
    /// If what is kept of them is damaged.
    pub fn heads(&self, accounts: &[&str]) -> Result<Vec<Option<Head>>, Error> {
        Ok(self.storage()?.reader().heads(accounts)?)
    }

    /// All entries of an account, in order.
    ///
    /// # Errors
    /// If there is no such account, or its journal is damaged.
    pub fn history(&self, account: &str) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.visit_history(account, Revision::START, |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    }

    /// Shows the entries of an account that come after the revision `after`, in order, without holding them,
    /// until the visitor breaks off. O(log n) to find the first of them. What is posted meanwhile is not among them. As long as it lasts, the file
    /// keeps the pages that others replace.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Posting, Revision, Store};
    /// use std::ops::ControlFlow;
    ///
    /// # let store = Store::in_memory()?;
    /// # store.open_account("acme", Overdraft::Carry)?;
    /// # store.post(Posting::usage("acme", "job-17", 20, 12))?;
    /// // A page of two; the next one begins after the revision of its last entry.
    /// let mut page = Vec::new();
    /// store.visit_history("acme", Revision::START, |entry| {
    ///     page.push(entry);
    ///     if page.len() < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    /// })?;
    /// # assert_eq!(page.len(), 2);
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn visit_history(
        &self,
        account: &str,
        after: Revision,
        mut visit: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let storage = self.storage()?;
        let (key, through) = (storage.key(account)?, storage.visible());
        let mut is_broken_off = false;
        let mut visit = |entry| {
            let flow = visit(entry);
            is_broken_off = flow.is_break();
            flow
        };
        let reader = storage.reader();
        reader.entries(&key, after, through, &mut visit)?;
        match is_broken_off {
            true => Ok(()),
            false => is_still_open(reader, &key),
        }
    }

    /// The entry of an id; `None` if there is none.
    ///
    /// # Errors
    /// If there is no such account, or its journal is damaged.
    pub fn entry(&self, account: &str, id: &RecordId) -> Result<Option<Entry>, Error> {
        let storage = self.storage()?;
        let key = storage.key(account)?;
        let found = storage.reader().find_many(&[(key.clone(), id.clone())])?;
        let found = found.into_iter().next().flatten();
        if found.is_none() {
            is_still_open(storage.reader(), &key)?;
        }
        Ok(found.filter(|entry| entry.sequence <= storage.visible()))
    }

    /// What accounts take of memory, and how they came and went since the store was opened. O(1)
    pub fn memory_statistics(&self) -> MemoryStatistics {
        self.storage.peek().statistics().memory
    }

    /// What became of snapshots since the store was opened. O(1)
    pub fn snapshot_statistics(&self) -> SnapshotStatistics {
        self.storage.peek().statistics().snapshots
    }

    /// The way to all that a store can do. Within a question to it there is none.
    pub(crate) fn storage(&self) -> Result<&S, Error> {
        let storage = self.storage.get()?;
        match Asking::is_asking(storage.address()) {
            true => Err(Error::WithinQuestion),
            false => Ok(storage),
        }
    }

    /// The entries that are durable; no questions are asked of accounts by it.
    pub(crate) fn reader(&self) -> &dyn Reader {
        self.storage.peek().reader()
    }
}
