//! What must be known to draft requests, and what is known.
//!
//! Facts are gathered outside the commit lane, by whoever posts: what is slow about it (pages that are
//! not in memory, accounts that have to be loaded, readers that hold one) makes nobody else wait.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::directory::Directory;
use crate::draft::{OfHolds, Request};
use crate::recent::{Pin, Recent};
use crate::standing::Standing;
use crate::{
    Account, AccountKey, Change, Entry, Error, Funds, Head, Hold, Posting, Reader, RecordId,
    Revision, Sequence, Wanted,
};

/// Ids that are looked up in one read: a long one makes whoever posts wait when it ends, as the journal
/// keeps till then what is replaced.
const LOOKED_UP_AT_ONCE: usize = 8_192;

/// Times that it is believed that the lane keeps an account.
const KEPT_IS_TRUSTED: usize = 2;

/// An entry of an account: its revision, and what it does.
pub(crate) type Record = (Revision, Change);

/// What the drafting of postings will ask for.
pub(crate) struct Needs<'r> {
    /// The accounts by name, each with the first posting that names it.
    pub(crate) accounts: Vec<(&'r str, usize)>,
    pub(crate) ids: Vec<Lookup<'r>>,
    /// The accounts that are folded: their books are closed, or they are deleted.
    pub(crate) folded: Vec<usize>,
    closes_books: bool,
    deletion: Option<(&'r str, &'r RecordId)>,
}

pub(crate) struct Lookup<'r> {
    pub(crate) account: usize,
    pub(crate) id: &'r RecordId,
    /// Whether it is asked how the record stands.
    pub(crate) is_corrected: bool,
}

impl<'r> Needs<'r> {
    pub(crate) fn of(postings: impl IntoIterator<Item = &'r Posting>) -> Self {
        let postings = postings.into_iter();
        let mut needs = Needs {
            accounts: Vec::new(),
            ids: Vec::with_capacity(postings.size_hint().0),
            folded: Vec::new(),
            closes_books: false,
            deletion: None,
        };
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, posting) in postings.enumerate() {
            let name = posting.account.as_str();
            let account = *places.entry(name).or_insert_with(|| {
                needs.accounts.push((name, index));
                needs.accounts.len() - 1
            });
            let lookup = |id, is_corrected| Lookup {
                account,
                id,
                is_corrected,
            };
            needs.ids.push(lookup(&posting.id, false));
            if let Some(of) = posting.change.corrects() {
                needs.ids.push(lookup(of, true));
            }
            match posting.change {
                Change::CloseBooks { .. } => {
                    needs.folded.push(account);
                    needs.closes_books = true;
                }
                Change::DeleteAccount => {
                    needs.folded.push(account);
                    needs.deletion = Some((name, &posting.id));
                }
                _ => {}
            }
        }
        needs.folded.sort_unstable();
        needs.folded.dedup();
        needs
    }

    /// The accounts that are asked about.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'r str> {
        self.accounts.iter().map(|(name, _)| *name)
    }

    /// What a journal that is shared is asked.
    pub(crate) fn wanted(&self) -> Wanted<'r> {
        Wanted {
            names: self.names().collect(),
            ids: self
                .ids
                .iter()
                .map(|lookup| (lookup.account, lookup.id))
                .collect(),
            deletion: self.deletion,
        }
    }

    /// Whether they close the books of an account.
    pub(crate) fn closes_books(&self) -> bool {
        self.closes_books
    }
}

/// What is known. All that was written up to [`as_of`](Self::as_of) is in it; of what was written
/// later, some.
pub(crate) struct Facts {
    pin: Pin,
    /// By name; `None` for one that is not open.
    accounts: HashMap<Arc<str>, Option<AccountFacts>>,
    /// Whether the account that a posting deletes was deleted under the id of that posting.
    pub(crate) is_deleted: bool,
    /// The greatest place in them.
    pub(crate) last: Sequence,
}

pub(crate) struct AccountFacts {
    pub(crate) head: Head,
    found: HashMap<RecordId, Record>,
    standings: HashMap<Revision, Option<Standing>>,
    folded: Option<Account>,
    /// What it has for the hold that is asked for, and at which revision.
    funds: Option<(Revision, Funds)>,
    /// Whether memory stood at the head when it was asked.
    is_of_head: bool,
}

impl Facts {
    /// Gathers what is needed; on an error, it says which posting needs it.
    pub(crate) fn gather(
        needs: &Needs<'_>,
        pin: Pin,
        journal: &dyn Reader,
        directory: &Directory,
    ) -> Result<Self, (usize, Error)> {
        let mut facts = Facts {
            last: pin.as_of(),
            pin,
            accounts: HashMap::new(),
            is_deleted: false,
        };
        facts
            .look_up(needs, journal)
            .map_err(|error| (0, error.into()))?;
        for lookup in needs.ids.iter().filter(|lookup| lookup.is_corrected) {
            let (name, first) = needs.accounts[lookup.account];
            let Some(Some(account)) = facts.accounts.get_mut(name) else {
                continue;
            };
            let asked = account.ask(lookup.id, journal, directory);
            asked.map_err(|error| (first, error))?;
        }
        for account in &needs.folded {
            let (name, first) = needs.accounts[*account];
            let Some(Some(account)) = facts.accounts.get_mut(name) else {
                continue;
            };
            match directory.read(journal, name, Account::clone) {
                Ok(folded) => {
                    account.is_of_head &= folded.revision() == account.head.revision;
                    account.folded = Some(folded);
                }
                // Deleted since, which whoever drafts knows.
                Err(Error::NoSuchAccount(_)) => {}
                // What is damaged can be deleted.
                Err(_) if !needs.closes_books => {}
                Err(error) => return Err((first, error)),
            }
        }
        Ok(facts)
    }

    /// Gathers what accounts have for the hold that is asked for. If they went on meanwhile, once or twice
    /// already, whole accounts are gathered, but for those that the lane keeps.
    pub(crate) fn gather_funds(
        &mut self,
        needs: &Needs<'_>,
        request: &Request,
        attempts: usize,
        is_kept: impl Fn(&AccountKey) -> bool,
        journal: &dyn Reader,
        directory: &Directory,
    ) -> Result<(), (usize, Error)> {
        for (name, first) in &needs.accounts {
            let Some(Some(account)) = self.accounts.get_mut(*name) else {
                continue;
            };
            let key = account.head.account.clone();
            let Some(asked) = asked_for(request, account) else {
                continue;
            };
            if attempts < KEPT_IS_TRUSTED && is_kept(&key) {
                continue;
            }
            let mut gather = |known: &Account| {
                if *known.key() != key {
                    return;
                }
                if attempts > 0 {
                    let mut folded = known.clone();
                    folded.prepare_holds();
                    account.folded = Some(folded);
                } else if let Ok(funds) = known.funds(asked) {
                    account.add_funds(known.revision(), funds);
                }
            };
            match directory.read(journal, name, &mut gather) {
                // Deleted since, which whoever drafts knows.
                Ok(()) | Err(Error::NoSuchAccount(_)) => {}
                Err(error) => return Err((*first, error)),
            }
        }
        Ok(())
    }

    /// Those of somebody who need not gather them.
    pub(crate) fn known(pin: Pin, accounts: HashMap<Arc<str>, Option<AccountFacts>>) -> Self {
        Facts {
            last: pin.as_of(),
            pin,
            accounts,
            is_deleted: false,
        }
    }

    fn look_up(
        &mut self,
        needs: &Needs<'_>,
        journal: &dyn Reader,
    ) -> Result<(), crate::JournalError> {
        let names: Vec<&str> = needs.names().collect();
        let heads = journal.heads(&names)?;
        if let Some((name, id)) = needs.deletion {
            self.is_deleted = journal.is_deleted(name, id)?;
        }
        let key = |lookup: &Lookup<'_>| {
            let head = heads[lookup.account].as_ref()?;
            Some((head.account.clone(), lookup.id.clone()))
        };
        let ids: Vec<(AccountKey, RecordId)> = needs.ids.iter().filter_map(key).collect();
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(LOOKED_UP_AT_ONCE) {
            found.append(&mut journal.find_many(some)?);
        }
        for (name, head) in names.iter().zip(heads) {
            self.last = self
                .last
                .max(head.as_ref().map_or(self.last, |head| head.last));
            self.accounts
                .insert((*name).into(), head.map(AccountFacts::new));
        }
        for Entry {
            revision,
            account,
            id,
            change,
            ..
        } in found.into_iter().flatten()
        {
            if let Some(Some(account)) = self.accounts.get_mut(&account.name) {
                account.found.insert(id, (revision, change));
            }
        }
        Ok(())
    }

    /// All that was written up to here is in them.
    pub(crate) fn as_of(&self) -> Sequence {
        self.pin.as_of()
    }

    pub(crate) fn account(&self, name: &str) -> Option<&AccountFacts> {
        self.accounts.get(name)?.as_ref()
    }

    pub(crate) fn account_mut(&mut self, name: &str) -> Option<&mut AccountFacts> {
        self.accounts.get_mut(name)?.as_mut()
    }

    /// What is known of an account.
    pub(crate) fn of(&self, key: &AccountKey) -> Option<&AccountFacts> {
        self.account(&key.name)
            .filter(|account| account.head.account == *key)
    }

    /// The account as it was folded, which it is once.
    pub(crate) fn take_folded(&mut self, key: &AccountKey) -> Option<Account> {
        let account = self.accounts.get_mut(&key.name)?.as_mut()?;
        account.folded.take_if(|folded| folded.key() == key)
    }

    /// Whether they still hold, by all that was written since they were gathered.
    pub(crate) fn are_unchanged(&self, recent: &Recent) -> bool {
        self.accounts.iter().all(|(name, known)| {
            let known = known.as_ref().map(|known| &known.head);
            recent.account(name).is_none_or(|touched| {
                let now = (!touched.is_deleted).then_some(&touched.head);
                now == known
            })
        })
    }

    /// Whether they are those of one moment of the journal: nothing they tell of has changed since the
    /// heads were read.
    pub(crate) fn are_of_one_moment(
        &self,
        needs: &Needs<'_>,
        journal: &dyn Reader,
    ) -> Result<bool, crate::JournalError> {
        let names: Vec<&str> = needs.names().collect();
        let heads = journal.heads(&names)?;
        let mut same = names.iter().zip(heads).map(|(name, head)| {
            let known = self.account(name);
            known.map(|known| &known.head) == head.as_ref()
                && known.is_none_or(|known| known.is_of_head)
        });
        Ok(same.all(|same| same))
    }
}

/// The hold that a request asks for, if an account is to decide on it: if it has not before.
pub(crate) fn asked_for<'r>(request: &'r Request, account: &AccountFacts) -> Option<&'r Hold> {
    let posting = request.postings.first()?;
    match (request.of_holds, &posting.change) {
        (OfHolds::Asks(_), Change::Hold(asked)) if account.find(&posting.id).is_none() => {
            Some(asked)
        }
        _ => None,
    }
}

impl AccountFacts {
    pub(crate) fn new(head: Head) -> Self {
        AccountFacts {
            head,
            found: HashMap::new(),
            standings: HashMap::new(),
            folded: None,
            funds: None,
            is_of_head: true,
        }
    }

    pub(crate) fn add(&mut self, id: RecordId, record: Record) {
        self.found.insert(id, record);
    }

    /// How an entry stands; `None` for one that is no record.
    pub(crate) fn add_standing(&mut self, revision: Revision, standing: Option<Standing>) {
        self.standings.insert(revision, standing);
    }

    /// What the account has at a revision for the hold that is asked for.
    pub(crate) fn add_funds(&mut self, revision: Revision, funds: Funds) {
        self.funds = Some((revision, funds));
    }

    /// What it has, if it stands there.
    pub(crate) fn funds_at(&self, revision: Revision) -> Option<Funds> {
        let (at, funds) = self.funds?;
        (at == revision).then_some(funds)
    }

    pub(crate) fn has_folded(&self) -> bool {
        self.folded.is_some()
    }

    /// The account, if it is to be folded.
    pub(crate) fn add_folded(&mut self, folded: Account) {
        self.folded = Some(folded);
    }

    pub(crate) fn find(&self, id: &RecordId) -> Option<&Record> {
        self.found.get(id)
    }

    /// How a record stood that was found, and is to be corrected.
    pub(crate) fn standing(&self, revision: Revision) -> Option<Standing> {
        let standing = self.standings.get(&revision);
        *standing.expect("how a record stands is asked before it is corrected")
    }

    /// Asks the account how a record stands.
    fn ask(
        &mut self,
        id: &RecordId,
        journal: &dyn Reader,
        directory: &Directory,
    ) -> Result<(), Error> {
        let Some((revision, posted)) = self.found.get(id) else {
            return Ok(());
        };
        let key = &self.head.account;
        let asked = directory.read(journal, &key.name, |account| {
            let standing = || (account.standing(*revision, posted), account.revision());
            (account.key() == key).then(standing)
        });
        match asked {
            Ok(Some((standing, at))) => {
                self.is_of_head &= at == self.head.revision;
                self.standings.insert(*revision, standing);
                Ok(())
            }
            // Deleted since, which whoever drafts knows.
            Ok(None) | Err(Error::NoSuchAccount(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
