//! Copies a store into another, whatever each is kept in.

use std::hash::Hasher;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::{iter, mem, vec};

use xxhash_rust::xxh3::Xxh3;

use crate::lane::Appended;
use crate::{
    AccountKey, Deletion, Entry, Error, Head, JournalError, Part, Reader, Revision, Sequence,
    Storage, StorageProblem, Store,
};

/// Entries that are read and written together.
const PART_ENTRIES: usize = if cfg!(test) { 5 } else { 16_384 };

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Accounts.
    pub accounts: u64,
    /// Entries of all accounts.
    pub entries: u64,
    /// Deletions that are known of accounts that are gone.
    pub deletions: u64,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyStep {
    /// So many entries are written; durable is what is written once all are.
    Written(u64),
    /// So many entries of the copy are compared with what was copied.
    Compared(u64),
}

impl<S: Storage> Store<S> {
    /// Copies all of this store into one that holds nothing: accounts with their entries, in order, under
    /// their ids and with their times, deletions, the unit of time, and what is known of files without ids. Then
    /// reads all of the copy, and compares it with what was copied. All of it is written or nothing.
    ///
    /// Of entries of different accounts no order is kept: in a file, those of an account come after those of the
    /// accounts before it by name. Snapshots are not copied. Each account is copied as it stands at some moment:
    /// if others post to this store meanwhile, the copy is not as of one moment.
    ///
    /// One part of the entries is held in memory at a time, and 100 bytes an account. `progress` is told how
    /// far it is.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::Store;
    /// let (from, to) = (Store::in_memory()?, Store::in_memory()?);
    /// from.open_account("acme", Overdraft::Carry)?;
    /// let copied = from.copy_into(&to, |_| ())?;
    /// assert_eq!((copied.accounts, copied.entries), (1, 1));
    /// assert_eq!(to.history("acme")?, from.history("acme")?);
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if the other store holds anything, an account is deleted meanwhile, the copy is not
    /// what was copied, or a storage fails.
    pub fn copy_into<T: Storage>(
        &self,
        to: &Store<T>,
        mut progress: impl FnMut(CopyStep),
    ) -> Result<Copied, Error> {
        let (from, storage) = (self.reader(), to.storage()?);
        let notes = from.notes("")?;
        let deletions = from.deletions()?;
        refuse_what_is_not_empty(storage.reader())?;
        let mut copying = Copying::new(from, storage, self.accounts()?);
        let mut is_appended = false;
        let is_written = storage.alone(&[], &mut |alone| {
            if alone.last() != Sequence::START || is_appended {
                return Ok(Appended::Nothing);
            }
            is_appended = true;
            let mut at_end = Some(Part {
                notes: &notes,
                deletions: &deletions,
                ..Part::default()
            });
            let mut failure = None;
            let mut parts = iter::from_fn(|| match copying.part() {
                Ok(Some(part)) => {
                    progress(CopyStep::Written(copying.copied.entries));
                    Some(Ok(part))
                }
                Ok(None) => at_end.take().map(Ok),
                Err(error) => {
                    let problem = StorageProblem::Io(Arc::new(io::Error::other(error.to_string())));
                    failure = Some(error);
                    Some(Err(JournalError::new("the store to copy", problem)))
                }
            });
            let appended = alone.append(&mut parts);
            failure.map_or(Ok(()), Err)?;
            appended?;
            Ok(Appended::ToAccounts {
                names: Vec::new(),
                last: copying.last,
            })
        })?;
        if !is_written || !is_appended {
            return Err(Error::NotEmpty);
        }
        let copied = Copied {
            deletions: deletions.len() as u64,
            ..copying.copied
        };
        copying.compare(&mut progress)?;
        let is_same = storage.reader().notes("")? == notes
            && sorted(storage.reader().deletions()?) == sorted(deletions);
        match is_same {
            true => Ok(copied),
            false => Err(differs("what it keeps about itself")),
        }
    }
}

fn refuse_what_is_not_empty(to: &dyn Reader) -> Result<(), Error> {
    let holds_nothing =
        to.accounts()?.is_empty() && to.deletions()?.is_empty() && to.notes("")?.is_empty();
    match holds_nothing {
        true => Ok(()),
        false => Err(Error::NotEmpty),
    }
}

fn sorted(mut deletions: Vec<Deletion>) -> Vec<Deletion> {
    deletions.sort_unstable();
    deletions
}

fn differs(what: &str) -> Error {
    let problem = format!("the copy differs from what was copied: {what}");
    JournalError::new("the copy", StorageProblem::Damaged(problem)).into()
}

/// An account on its way.
struct Account {
    /// As it is in the store that is copied.
    head: Head,
    /// As it is in the copy.
    key: AccountKey,
    /// The last entry that is read.
    after: Revision,
    digest: Xxh3,
}

/// An account that is copied.
struct Done {
    head: Head,
    digest: u64,
}

struct Copying<'c> {
    from: &'c dyn Reader,
    to: &'c dyn Storage,
    accounts: vec::IntoIter<AccountKey>,
    /// The account that is being read.
    current: Option<Account>,
    done: Vec<Done>,
    last: Sequence,
    copied: Copied,
}

impl<'c> Copying<'c> {
    fn new(from: &'c dyn Reader, to: &'c dyn Storage, accounts: Vec<AccountKey>) -> Self {
        Copying {
            from,
            to,
            accounts: accounts.into_iter(),
            current: None,
            done: Vec::new(),
            last: Sequence::START,
            copied: Copied::default(),
        }
    }

    /// Some entries, and the heads of the accounts that end with them; `None` if there are no more.
    fn part(&mut self) -> Result<Option<Part<'static>>, Error> {
        let (mut entries, mut heads) = (Vec::new(), Vec::new());
        while entries.len() < PART_ENTRIES {
            if self.current.is_none() && !self.begin()? {
                break;
            }
            self.read(&mut entries)?;
            heads.extend(self.end());
        }
        if entries.is_empty() {
            return Ok(None);
        }
        self.copied.entries += entries.len() as u64;
        Ok(Some(Part {
            prepared: self.to.prepare(&entries)?.into(),
            heads: heads.into(),
            ..Part::default()
        }))
    }

    /// Goes on to the next account; whether there is one.
    fn begin(&mut self) -> Result<bool, Error> {
        let Some(account) = self.accounts.next() else {
            return Ok(false);
        };
        let head = self.from.heads(&[&account.name])?.pop().flatten();
        let head = head.filter(|head| head.account == account);
        let head = head.ok_or_else(|| Error::NoSuchAccount(account.name.to_string()))?;
        let opened = self.to.account_number(self.last.next());
        self.current = Some(Account {
            key: AccountKey {
                opened,
                name: account.name,
            },
            after: Revision::START,
            digest: Xxh3::new(),
            head,
        });
        Ok(true)
    }

    /// Reads entries of the account, as many as there is room for.
    fn read(&mut self, entries: &mut Vec<Entry>) -> Result<(), Error> {
        let account = self.current.as_mut().expect("one has begun");
        let (end, before) = (account.head.revision, account.after);
        let key = account.head.account.clone();
        let mut take = |mut entry: Entry| {
            if entry.revision > end {
                return ControlFlow::Break(());
            }
            digest(&mut account.digest, &entry);
            account.after = entry.revision;
            self.last = self.to.place(self.last.next());
            entry.account = account.key.clone();
            entry.sequence = self.last;
            entries.push(entry);
            match entries.len() < PART_ENTRIES {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        self.from.entries(&key, before, Sequence::END, &mut take)?;
        match account.after == before && before < end {
            true => Err(Error::NoSuchAccount(key.name.to_string())),
            false => Ok(()),
        }
    }

    /// The head of the account in the copy, if all of its entries are read.
    fn end(&mut self) -> Option<Head> {
        let is_read = |account: &mut Account| account.after == account.head.revision;
        let Account {
            head, key, digest, ..
        } = self.current.take_if(is_read)?;
        self.copied.accounts += 1;
        let head = Head {
            account: key,
            last: self.last,
            ..head
        };
        self.done.push(Done {
            head: head.clone(),
            digest: digest.finish(),
        });
        Some(head)
    }

    /// Compares the copy with what was read.
    fn compare(&mut self, progress: &mut impl FnMut(CopyStep)) -> Result<(), Error> {
        let (to, mut compared) = (self.to.reader(), 0);
        let done = mem::take(&mut self.done);
        for Done { head, digest: read } in done {
            let name = &*head.account.name;
            if to.heads(&[name])?.pop().flatten().as_ref() != Some(&head) {
                return Err(differs(&format!("the head of account {name:?}")));
            }
            let (mut copied, mut revision) = (Xxh3::new(), Revision::START);
            to.entries(
                &head.account,
                Revision::START,
                Sequence::END,
                &mut |entry| {
                    digest(&mut copied, &entry);
                    revision = entry.revision;
                    compared += 1;
                    ControlFlow::Continue(())
                },
            )?;
            if revision != head.revision || copied.finish() != read {
                return Err(differs(&format!("the entries of account {name:?}")));
            }
            progress(CopyStep::Compared(compared));
        }
        Ok(())
    }
}

/// Takes in all of an entry but its places.
fn digest(digest: &mut Xxh3, entry: &Entry) {
    let whole = (entry.revision, entry.recorded_at, &entry.id, &entry.change);
    let bytes = postcard::to_allocvec(&whole).expect("memory can be written to");
    digest.write(&bytes);
}
