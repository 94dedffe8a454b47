//! The storage under stores that share it: what it must do, whatever it is made of.

use crate::{Deletion, Entry, Head, JournalError, Reader, RecordId, Revision};

/// A journal that several stores write to, in several processes.
///
/// The revisions of an account are the whole protocol: an entry at revision n + 1 can be written only by who
/// knows the entries up to n, and each id of an account is there once. Entries of different accounts have
/// no order: their [`sequence`](Entry::sequence) is [`Sequence::START`](crate::Sequence::START), and so is
/// the [`last`](Head::last) of a head. The number of an account is that of its first entry's account, at
/// random, and never given again.
///
/// All may be called from any thread at any time, and waits for its answer. What it reads is what is
/// durable at some moment after the call.
pub trait SharedJournal: Reader + 'static {
    /// Its server and database, for errors.
    fn place(&self) -> &str;

    /// Ways by which entries are appended at the same time, at least 1.
    fn lanes(&self) -> usize;

    /// Whether a text can be kept as a name or an id. What cannot be is refused before it is looked up.
    fn keeps(&self, text: &str) -> bool {
        let _ = text;
        true
    }

    /// Looks up accounts and entries, all as of one moment: an id that is not found was not there while its
    /// account stood at the head that was found. Of an account that was deleted under the id, the head is
    /// looked up after that is known: an account that is open then is another.
    ///
    /// # Errors
    /// If the storage fails, or what it holds is damaged.
    fn look_up(&self, wanted: &Wanted<'_>) -> Result<LookedUp, JournalError>;

    /// What is new of accounts, all as of one moment, in the order of the names; `None` for one that is not
    /// open.
    ///
    /// # Errors
    /// As [`look_up`](Self::look_up).
    fn news(&self, accounts: &[Have<'_>]) -> Result<Vec<Option<News>>, JournalError>;

    /// Appends if every account stands as expected and no id is taken: all of it or nothing.
    ///
    /// # Errors
    /// If the storage fails, and nothing is written. If that cannot be told, it is
    /// [`Appended::Unknown`] and not an error.
    fn append(&self, lane: usize, append: &Append) -> Result<Appended, JournalError>;

    /// Looks up what is wanted with the accounts held, so that they cannot change, and appends what is
    /// drafted from that; nothing if it is `None`.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn append_held(
        &self,
        lane: usize,
        wanted: &Wanted<'_>,
        draft: &mut dyn FnMut(LookedUp) -> Option<Append>,
    ) -> Result<Option<Appended>, JournalError>;

    /// Holds the accounts of these names, so that they cannot change, and writes what is appended meanwhile:
    /// all of it, if `act` says so, or nothing. As long as it lasts, others who write to these accounts wait.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn transact(
        &self,
        names: &[&str],
        act: &mut dyn FnMut(&mut dyn Transaction) -> bool,
    ) -> Result<Appended, JournalError>;

    /// Keeps a number under a name, unless there is one: the one that is there stays and is returned.
    /// On return it is durable.
    ///
    /// # Errors
    /// If the storage fails.
    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError>;
}

/// What is written while accounts are held: see [`SharedJournal::transact`].
pub trait Transaction {
    /// The heads of the accounts that are held, in the order of the names; `None` for one that is not open.
    fn heads(&self) -> &[Option<Head>];

    /// Appends entries of accounts that are held or opened here. The heads of the accounts may come with the
    /// last of them.
    ///
    /// # Errors
    /// As [`SharedJournal::append`]: then nothing of it all is written.
    fn append(&mut self, append: &Append) -> Result<Appended, JournalError>;

    /// Keeps numbers under names.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn keep_notes(&mut self, notes: &[(String, u64)]) -> Result<(), JournalError>;

    /// Keeps deletions of accounts that were never here.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn keep_deletions(&mut self, deletions: &[Deletion]) -> Result<(), JournalError>;
}

/// What is looked up.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'w> {
    /// Accounts, without repetition.
    pub names: Vec<&'w str>,
    /// Ids, each in the account of that name.
    pub ids: Vec<(usize, &'w RecordId)>,
    /// Whether an account of this name was deleted under this id.
    pub deletion: Option<(&'w str, &'w RecordId)>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct LookedUp {
    /// Of each name; `None` if no such account is open.
    pub heads: Vec<Option<Head>>,
    /// Of each id; `None` if there is none.
    pub found: Vec<Option<Entry>>,
    /// Whether the account was deleted under that id.
    pub is_deleted: bool,
}

/// How far an account is known.
#[derive(Clone, Copy, Debug)]
pub struct Have<'h> {
    /// Its name.
    pub name: &'h str,
    /// What is wanted is after this revision.
    pub after: Revision,
}

/// What is new of an account.
#[derive(Clone, Debug)]
pub struct News {
    /// As it stands.
    pub head: Head,
    /// The entries after the revision that is known, in order; not all if they are many.
    pub entries: Vec<Entry>,
}

/// What is to be appended.
#[derive(Clone, Debug)]
pub struct Append {
    /// By ascending number, without repetition: every account that has entries, and those that must
    /// not change meanwhile.
    pub accounts: Vec<HeadChange>,
    /// Those of an account in ascending revision. An account that is deleted has no entry after that.
    pub entries: Vec<Entry>,
}

/// What an append makes of an account.
#[derive(Clone, Debug)]
pub struct HeadChange {
    /// The revision at which it has to stand; [`Revision::START`] if it is opened.
    pub expected: Revision,
    /// As it stands afterwards.
    pub head: Head,
    /// Whether it is deleted: the head is the last it has.
    pub is_deleted: bool,
}

/// What came of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// All of it is durable.
    Written,
    /// Nothing was written: an account does not stand as expected, its name is taken, or an id is.
    Conflict,
    /// It is not known whether all of it was written or nothing, now or yet to come.
    Unknown,
}
