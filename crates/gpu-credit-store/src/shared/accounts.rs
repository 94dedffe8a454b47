//! The accounts in memory: each question reads the heads, and takes in what others wrote.
//!
//! Those who ask at the same time share one read of the journal. An account is held for writing while it
//! is loaded or takes entries in, so that it is loaded once however many wait.

use std::cell::Cell;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{RwLock, RwLockWriteGuard};

use super::journal::{Have, News, SharedJournal};
use crate::folding::{apply, fold_on};
use crate::group::{Abandoned, GroupCommit};
use crate::{Account, AccountKey, Error, Head, JournalError, Revision, Sequence};

/// An account that takes in so many entries at once is settled at once.
const SETTLED_FROM: usize = 64;

#[derive(Default)]
pub(super) struct Accounts {
    slots: RwLock<HashMap<Arc<str>, Arc<Slot>>>,
    news: GroupCommit<Known, Result<Option<Arc<News>>, JournalError>>,
}

/// The place of an account; `None` until it is loaded, and after a failure.
type Slot = RwLock<Option<Account>>;

/// What one who asks knows.
#[derive(Clone)]
struct Known {
    name: Arc<str>,
    account: Option<(AccountKey, Revision)>,
}

impl Known {
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
    /// Asks an account as it stands at some moment from now on.
    pub(super) fn ask(
        &self,
        journal: &dyn SharedJournal,
        name: &str,
        question: &mut dyn FnMut(&Account),
    ) -> Result<(), Error> {
        let slot = self.slot(name);
        let known = known(name, slot.read().as_ref());
        let asked = self
            .news
            .submit(known.clone(), false, |group| ask_for(journal, &group));
        let Some(news) = asked.map_err(|Abandoned| Error::Interrupted)?? else {
            self.forget(name);
            return Err(Error::NoSuchAccount(name.to_owned()));
        };
        if let Some(account) = &*slot.read()
            && is_at_least(account, &news)
        {
            question(account);
            return Ok(());
        }
        let mut held = slot.write();
        take_in(journal, &mut held, &known, &news)?;
        let held = RwLockWriteGuard::downgrade(held);
        question(held.as_ref().expect("it was brought up to date"));
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
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let slots: Vec<Arc<Slot>> = sorted.iter().map(|name| self.slot(name)).collect();
        // Loaded one by one, so that none is held while another is loaded.
        for (name, slot) in sorted.iter().zip(&slots) {
            let is_loaded = slot.read().is_some();
            if !is_loaded {
                self.ask(journal, name, &mut |_| ())?;
            }
        }
        // In one order, so that no two who hold several wait for each other.
        let mut held: Vec<_> = slots.iter().map(|slot| slot.write()).collect();
        let each = sorted.iter().zip(&held);
        let known: Vec<Known> = each
            .map(|(name, held)| known(name, held.as_ref()))
            .collect();
        let haves: Vec<Have<'_>> = known.iter().map(Known::have).collect();
        let news = journal.news(&haves)?;
        for (((name, held), known), news) in sorted.iter().zip(&mut held).zip(&known).zip(news) {
            let Some(news) = news else {
                return Err(Error::NoSuchAccount((*name).to_owned()));
            };
            take_in(journal, held, known, &news)?;
        }
        let held: Vec<_> = held.into_iter().map(RwLockWriteGuard::downgrade).collect();
        let in_order = names.iter().filter_map(|name| {
            let place = sorted.binary_search(name).ok()?;
            held[place].as_ref()
        });
        question(&in_order.collect::<Vec<&Account>>());
        Ok(())
    }

    /// Asks an account as it is in memory, if it is there.
    pub(super) fn ask_loaded(&self, name: &str, question: &mut dyn FnMut(&Account)) {
        let slot = self.slots.read().get(name).map(Arc::clone);
        if let Some(account) = slot.as_ref().map(|slot| slot.read())
            && let Some(account) = &*account
        {
            question(account);
        }
    }

    fn slot(&self, name: &str) -> Arc<Slot> {
        if let Some(slot) = self.slots.read().get(name) {
            return Arc::clone(slot);
        }
        let mut slots = self.slots.write();
        let slot = slots.entry(name.into());
        Arc::clone(slot.or_insert_with(Arc::default))
    }

    fn forget(&self, name: &str) {
        self.slots.write().remove(name);
    }
}

fn known(name: &str, account: Option<&Account>) -> Known {
    Known {
        name: name.into(),
        account: account.map(|account| (account.key().clone(), account.revision())),
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

/// Brings an account to where the news say. `known` is what they were asked with.
fn take_in(
    journal: &dyn SharedJournal,
    slot: &mut Option<Account>,
    known: &Known,
    news: &News,
) -> Result<(), Error> {
    let key = &news.head.account;
    if slot
        .as_ref()
        .is_some_and(|account| is_at_least(account, news))
    {
        return Ok(());
    }
    // While it is out, a failure leaves nothing half-done behind: it is loaded anew.
    let mut account = slot.take().filter(|account| account.key() == key);
    let is_same = known.account.as_ref().is_none_or(|(known, _)| known == key);
    // What was asked for another account of the name begins nowhere.
    if is_same {
        let is_first = account.is_none();
        account = apply(journal, key, account, &news.entries)?;
        if let Some(account) = &mut account
            && (is_first || news.entries.len() >= SETTLED_FROM)
        {
            account.settle();
        }
    }
    let at = account.as_ref().map(Account::revision);
    if at != Some(news.head.revision) {
        account = Some(fold_on(
            journal,
            key,
            account,
            news.head.revision,
            Sequence::END,
        )?);
    }
    *slot = account.filter(|account| is_at_least(account, news));
    match slot {
        Some(_) => Ok(()),
        None => Err(Error::NotApplicable {
            account: key.name.to_string(),
            revision: news.head.revision,
            problem: "it is missing".to_owned(),
        }),
    }
}
