//! The accounts in memory: each question reads the heads, and takes in what others wrote.
//!
//! Those who ask at the same time share one read of the journal. An account is held for writing while it
//! is loaded or takes entries in, so that it is loaded once however many wait.

mod slots;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use parking_lot::RwLockWriteGuard;

use super::journal::{Have, News, SharedJournal};
use crate::folding::{apply, fold_on, load};
use crate::group::{Abandoned, GroupCommit};
use crate::memory::Memory;
use crate::snapshot::{Keeper, cold};
use crate::{Account, AccountKey, Error, Head, JournalError, Revision, Sequence, StoreOptions};
use slots::{Place, Slot, Slots};

/// An account that takes in so many entries at once is settled at once.
const SETTLED_FROM: usize = 64;

pub(super) struct Accounts {
    pub(super) keeper: Keeper,
    pub(super) memory: Arc<Memory>,
    slots: Slots,
    news: GroupCommit<Known, Result<Option<Arc<News>>, JournalError>>,
}

/// What one who asks knows.
#[derive(Clone)]
struct Known {
    name: Arc<str>,
    account: Option<(AccountKey, Revision)>,
}

impl Known {
    fn new(name: &str, account: Option<&Account>) -> Self {
        Known {
            name: name.into(),
            account: account.map(|account| (account.key().clone(), account.revision())),
        }
    }

    fn after(&self) -> Revision {
        let known = self.account.as_ref();
        known.map_or(Revision::START, |(_, revision)| *revision)
    }

    fn have(&self) -> Have<'_> {
        Have {
            name: &self.name,
            after: self.after(),
        }
    }
}

impl Accounts {
    pub(super) fn new(options: StoreOptions) -> Self {
        let slots = Slots::new(options);
        Accounts {
            keeper: Keeper::new(options),
            memory: Arc::clone(&slots.memory),
            slots,
            news: GroupCommit::new(),
        }
    }

    /// Asks an account as it stands at some moment from now on.
    pub(super) fn ask(
        &self,
        journal: &dyn SharedJournal,
        name: &str,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        let slot = self.slots.get(name);
        let known = Known::new(name, slot.account.read().account.as_ref());
        let news = self.news(journal, &known)?;
        self.ask_with(journal, &slot, &known, &news, question)
    }

    /// The same for a question about the balance at an instant: if the account is not loaded, its snapshot may
    /// tell that, and then the question gets an account that has that balance alone.
    pub(super) fn ask_balance(
        &self,
        journal: &dyn SharedJournal,
        name: &str,
        timestamp: i64,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        let slot = self.slots.get(name);
        // Whoever loads it makes nobody wait who asks a snapshot.
        let known = match slot.account.try_read() {
            Some(place) => Known::new(name, place.account.as_ref()),
            None => Known::new(name, None),
        };
        let news = self.news(journal, &known)?;
        if known.account.is_none()
            && let Some(cold) = self.cold(journal, &slot, &news.head, timestamp)
        {
            question(&cold);
            return Ok(());
        }
        self.ask_with(journal, &slot, &known, &news, question)
    }

    /// What a snapshot tells of the balance at an instant. What follows the snapshot is read after the head was.
    fn cold(
        &self,
        journal: &dyn SharedJournal,
        slot: &Slot,
        head: &Head,
        timestamp: i64,
    ) -> Option<Account> {
        let read = slot.read_cold.load(Ordering::Relaxed);
        let tail_max = |revision| self.keeper.tail_max(revision, read);
        if !self.keeper.is_large(head.revision) {
            return None;
        }
        // Whoever loads the account finds what is odd.
        let cold = cold::at(journal, &head.account, timestamp, Sequence::END, tail_max);
        let cold = cold.ok()??;
        let read = self.keeper.has_answered(cold.tail);
        slot.read_cold.fetch_add(read, Ordering::Relaxed);
        Some(cold.account)
    }

    /// What is new of an account, read from now on.
    fn news(&self, journal: &dyn SharedJournal, known: &Known) -> Result<Arc<News>, Error> {
        let asked = self
            .news
            .submit(known.clone(), false, |group| ask_for(journal, &group));
        let news = asked.map_err(|Abandoned| Error::Interrupted)??;
        news.ok_or_else(|| {
            self.slots.forget(&known.name);
            Error::NoSuchAccount(known.name.to_string())
        })
    }

    /// Asks an account that is brought to where the news say, or stands there.
    fn ask_with(
        &self,
        journal: &dyn SharedJournal,
        slot: &Arc<Slot>,
        known: &Known,
        news: &News,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        {
            let place = slot.account.read();
            if let Some(account) = &place.account
                && is_at_least(account, news)
            {
                question(account);
                return Ok(());
            }
        }
        {
            let mut place = slot.account.write();
            self.take_in(journal, slot, &mut place, known, news)?;
            let place = RwLockWriteGuard::downgrade(place);
            question(place.account.as_ref().expect("it was brought up to date"));
        }
        // This one stays, however large it is, until another is loaded.
        self.slots.make_room(&self.keeper);
        Ok(())
    }

    /// Asks an account as it stands at a head; whether it stands there.
    pub(super) fn ask_at(
        &self,
        journal: &dyn SharedJournal,
        head: &Head,
        question: &mut dyn FnMut(&Account),
    ) -> Result<bool, Error> {
        let is_there = Cell::new(false);
        let name = &head.account.name;
        let mut ask = |account: &Account| {
            let is_at = account.revision() == head.revision;
            is_there.set(is_at && *account.key() == head.account);
            if is_there.get() {
                question(account);
            }
        };
        self.ask_loaded(name, &mut ask);
        if !is_there.get() {
            match self.ask(journal, name, &mut ask) {
                Ok(()) | Err(Error::NoSuchAccount(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(is_there.get())
    }

    /// Asks several accounts, all at one moment from now on. They are held while their heads are read, so
    /// that none goes on before the others.
    pub(super) fn ask_all(
        &self,
        journal: &dyn SharedJournal,
        names: &[&str],
        question: &mut dyn FnMut(&[&Account]),
    ) -> Result<(), Error> {
        let asked = self.ask_held(journal, names, question);
        // What was in use may be free.
        self.memory.try_again();
        self.slots.make_room(&self.keeper);
        asked
    }

    fn ask_held(
        &self,
        journal: &dyn SharedJournal,
        names: &[&str],
        question: &mut dyn FnMut(&[&Account]),
    ) -> Result<(), Error> {
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let slots: Vec<Arc<Slot>> = sorted.iter().map(|name| self.slots.get(name)).collect();
        // Loaded one by one, so that none is held while another is loaded.
        for (name, slot) in sorted.iter().zip(&slots) {
            let is_loaded = slot.account.read().account.is_some();
            if !is_loaded {
                self.ask(journal, name, &mut |_| ())?;
            }
        }
        // In one order, so that no two who hold several wait for each other.
        let mut held: Vec<_> = slots.iter().map(|slot| slot.account.write()).collect();
        let each = sorted.iter().zip(&held);
        let known: Vec<Known> = each
            .map(|(name, place)| Known::new(name, place.account.as_ref()))
            .collect();
        let haves: Vec<Have<'_>> = known.iter().map(Known::have).collect();
        let news = journal.news(&haves)?;
        for (place, news) in news.into_iter().enumerate() {
            let Some(news) = news else {
                return Err(Error::NoSuchAccount(sorted[place].to_owned()));
            };
            self.take_in(
                journal,
                &slots[place],
                &mut held[place],
                &known[place],
                &news,
            )?;
        }
        let held: Vec<_> = held.into_iter().map(RwLockWriteGuard::downgrade).collect();
        let in_order = names.iter().filter_map(|name| {
            let place = sorted.binary_search(name).ok()?;
            held[place].account.as_ref()
        });
        question(&in_order.collect::<Vec<&Account>>());
        Ok(())
    }

    /// Asks an account as it is in memory, if it is there.
    pub(super) fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        if let Some(slot) = self.slots.find(name)
            && let Some(account) = &slot.account.read().account
        {
            question(account);
        }
    }

    /// Brings an account to where the news say. `known` is what they were asked with.
    fn take_in(
        &self,
        journal: &dyn SharedJournal,
        slot: &Slot,
        place: &mut Place,
        known: &Known,
        news: &News,
    ) -> Result<(), Error> {
        let present = place.account.as_ref();
        if present.is_some_and(|account| is_at_least(account, news)) {
            return Ok(());
        }
        let key = &news.head.account;
        // While it is out, a failure leaves nothing half-done behind: it is loaded anew.
        let present = place.account.take().filter(|account| account.key() == key);
        slot.count(place);
        let account = match present {
            Some(account) => bring_up(journal, account, known, news)?,
            None => self.load(journal, known, news)?,
        };
        if !is_at_least(&account, news) {
            return Err(Error::NotApplicable {
                account: key.name.to_string(),
                revision: news.head.revision,
                problem: "it is missing".to_owned(),
            });
        }
        place.account = Some(account);
        slot.count(place);
        Ok(())
    }

    /// Loads an account: from the news if they are all of it.
    fn load(
        &self,
        journal: &dyn SharedJournal,
        known: &Known,
        news: &News,
    ) -> Result<Account, Error> {
        let Head {
            account: key,
            revision,
            ..
        } = &news.head;
        let _room = self.memory.begin_loading(revision.get());
        self.slots.make_room(&self.keeper);
        // What was asked for another account of the name begins nowhere.
        let is_all = !self.keeper.is_large(*revision)
            && known.after() == Revision::START
            && news.entries.last().map(|entry| entry.revision) == Some(*revision);
        if is_all && let Some(mut account) = apply(journal, key, None, &news.entries)? {
            account.settle();
            return Ok(account);
        }
        let loaded = load(journal, key, *revision, Sequence::END, &self.keeper)?;
        (self.keeper).has_entries(journal, key, loaded.revision());
        Ok(loaded)
    }
}

/// An account with what the news say.
fn bring_up(
    journal: &dyn SharedJournal,
    account: Account,
    known: &Known,
    news: &News,
) -> Result<Account, Error> {
    let (key, revision) = (&news.head.account, news.head.revision);
    // What was asked for another account of the name is of no use.
    let is_same = known.account.as_ref().is_none_or(|(known, _)| known == key);
    let mut account = Some(account);
    if is_same {
        account = apply(journal, key, account, &news.entries)?;
        if let Some(account) = &mut account
            && news.entries.len() >= SETTLED_FROM
        {
            account.settle();
        }
    }
    match account {
        Some(account) if account.revision() == revision => Ok(account),
        account => fold_on(journal, key, account, revision, Sequence::END),
    }
}

/// Asks for all who wait at once: of an account that several ask, from where the first is that knows least.
fn ask_for(
    journal: &dyn SharedJournal,
    group: &[Known],
) -> Vec<Result<Option<Arc<News>>, JournalError>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut haves: Vec<Have<'_>> = Vec::new();
    for known in group {
        let have = known.have();
        let place = *places.entry(have.name).or_insert(haves.len());
        match haves.get_mut(place) {
            Some(least) => least.after = least.after.min(have.after),
            None => haves.push(have),
        }
    }
    match journal.news(&haves) {
        Ok(news) => {
            let news: Vec<Option<Arc<News>>> =
                news.into_iter().map(|news| news.map(Arc::new)).collect();
            let of = |known: &Known| Ok(news[places[&*known.name]].clone());
            group.iter().map(of).collect()
        }
        Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Whether an account stands where the news say, or later.
fn is_at_least(account: &Account, news: &News) -> bool {
    *account.key() == news.head.account && account.revision() >= news.head.revision
}
