//! A journal in memory that several stores share, and everything that can happen to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};

use gpu_credit_store::{
    AccountKey, Append, Appended, Change, Deletion, Entry, Have, Head, JournalError, LookedUp,
    News, Reader, RecordId, Revision, Sequence, SharedJournal, Snapshots, StorageProblem,
    Transaction, Wanted,
};
use gpu_credit_workload::random::Random;

/// What is left out of the protocol, to see that it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Nothing,
    /// An append is written whatever the heads are.
    HeadCheck,
    /// What a crash has left visible can be read before it is replicated.
    Barrier,
}

/// The journal and its server. A clone is the same.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

struct State {
    random: Random,
    control: Control,
    /// Whether anything goes wrong.
    is_faulty: bool,
    journal: Journal,
    /// All that was written.
    log: Vec<Append>,
    /// What was sent and is not written yet, by clients that have gone away.
    delayed: Vec<Append>,
    /// What was there before an append that a crash has left visible.
    unreplicated: Option<(Journal, usize)>,
    /// New entries of an account that come with its head.
    news_max: usize,
    happened: Happened,
}

#[derive(Clone, Default)]
struct Journal {
    accounts: BTreeMap<Arc<str>, (Head, Vec<Entry>)>,
    numbers: BTreeSet<Sequence>,
    deletions: BTreeSet<(String, RecordId)>,
}

/// How often it did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Happened {
    pub(crate) conflicts: u64,
    pub(crate) held: u64,
    pub(crate) unknown: u64,
    pub(crate) delayed: u64,
    pub(crate) lost: u64,
    pub(crate) errors: u64,
    pub(crate) round_trips: u64,
}

impl World {
    pub(crate) fn new(seed: u64, control: Control) -> Self {
        let mut random = Random::new(seed);
        World(Arc::new(Mutex::new(State {
            news_max: 1 + random.below(20) as usize,
            random,
            control,
            is_faulty: true,
            journal: Journal::default(),
            log: Vec::new(),
            delayed: Vec::new(),
            unreplicated: None,
            happened: Happened::default(),
        })))
    }

    /// What was written and cannot be lost, after the first so many appends.
    pub(crate) fn written_since(&self, count: usize) -> Vec<Append> {
        let state = self.0.lock().unwrap();
        let end = state.unreplicated.as_ref();
        let end = end.map_or(state.log.len(), |(_, end)| *end);
        state.log[count.min(end)..end].to_vec()
    }

    pub(crate) fn happened(&self) -> Happened {
        self.0.lock().unwrap().happened
    }

    /// From now on nothing goes wrong, and nothing is on its way.
    pub(crate) fn calm_down(&self) {
        let mut state = self.0.lock().unwrap();
        state.settle();
        state.is_faulty = false;
        for append in std::mem::take(&mut state.delayed) {
            state.write(&append);
        }
    }

    /// Does something while the server answers nobody.
    pub(crate) fn while_it_is_slow<R>(&self, act: impl FnOnce() -> R) -> R {
        let _held = self.0.lock().unwrap();
        act()
    }

    /// A new connection, if there is one.
    fn connect(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        let mut state = self.0.lock().unwrap();
        state.happened.round_trips += 1;
        if state.control != Control::Barrier || state.random.chance(1, 3) {
            state.settle();
        }
        if state.is_faulty && state.random.chance(1, 60) {
            state.happened.errors += 1;
            return Err(error("no connection"));
        }
        if !state.delayed.is_empty() && state.random.chance(1, 8) {
            let count = state.delayed.len() as u64;
            let place = state.random.below(count) as usize;
            let append = state.delayed.swap_remove(place);
            state.happened.delayed += u64::from(state.write(&append));
        }
        Ok(state)
    }
}

impl State {
    /// What a crash has left visible is replicated, or lost.
    fn settle(&mut self) {
        if let Some((journal, count)) = self.unreplicated.take()
            && self.random.chance(1, 2)
        {
            self.journal = journal;
            self.log.truncate(count);
            self.happened.lost += 1;
        }
    }

    fn append(&mut self, append: &Append) -> Result<Appended, JournalError> {
        if !self.is_faulty {
            return Ok(self.written_or_not(append));
        }
        match self.random.below(40) {
            0 => Err(error("refused")),
            1 => Ok(Appended::Conflict),
            2 | 3 => {
                self.happened.unknown += 1;
                Ok(Appended::Unknown)
            }
            4 | 5 => {
                self.happened.unknown += 1;
                self.write(append);
                Ok(Appended::Unknown)
            }
            6 | 7 => {
                self.delayed.push(append.clone());
                Ok(Appended::Unknown)
            }
            8 | 9 => {
                self.settle();
                let before = (self.journal.clone(), self.log.len());
                if self.write(append) {
                    self.unreplicated = Some(before);
                }
                Ok(Appended::Unknown)
            }
            _ => Ok(self.written_or_not(append)),
        }
    }

    fn written_or_not(&mut self, append: &Append) -> Appended {
        match self.write(append) {
            true => Appended::Written,
            false => {
                self.happened.conflicts += 1;
                Appended::Conflict
            }
        }
    }

    /// Writes all or nothing; whether it was all.
    fn write(&mut self, append: &Append) -> bool {
        if !self.journal.admits(append, self.control) {
            return false;
        }
        self.journal.write(append);
        self.log.push(append.clone());
        true
    }
}

impl Journal {
    fn admits(&self, append: &Append, control: Control) -> bool {
        let stand = append.accounts.iter().all(|change| {
            let key = &change.head.account;
            let present = self.accounts.get(&key.name);
            if change.expected == Revision::START {
                return present.is_none() && !self.numbers.contains(&key.opened);
            }
            present.is_some_and(|(head, _)| {
                let is_checked = control != Control::HeadCheck;
                head.account == *key && (!is_checked || head.revision == change.expected)
            })
        });
        let is_free = |entry: &Entry| {
            let present = self.accounts.get(&entry.account.name);
            present.is_none_or(|(_, entries)| entries.iter().all(|other| other.id != entry.id))
        };
        stand && append.entries.iter().all(is_free)
    }

    fn write(&mut self, append: &Append) {
        for change in &append.accounts {
            let key = &change.head.account;
            self.numbers.insert(key.opened);
            let (head, _) = self
                .accounts
                .entry(Arc::clone(&key.name))
                .or_insert_with(|| (change.head.clone(), Vec::new()));
            *head = change.head.clone();
        }
        for entry in &append.entries {
            let name = &entry.account.name;
            if entry.change == Change::DeleteAccount {
                self.accounts.remove(name);
                self.deletions.insert((name.to_string(), entry.id.clone()));
            } else {
                let account = self.accounts.get_mut(name);
                let (_, entries) = account.expect("every account of an entry is among those");
                entries.push(entry.clone());
            }
        }
    }

    fn of(&self, account: &AccountKey) -> Option<&Vec<Entry>> {
        let (head, entries) = self.accounts.get(&account.name)?;
        (head.account == *account).then_some(entries)
    }
}

fn error(text: &str) -> JournalError {
    let problem = StorageProblem::Io(Arc::new(io::Error::other(text)));
    JournalError::new("the world", problem)
}

impl Snapshots for World {}

impl Reader for World {
    fn note(&self, _: &str) -> Result<Option<u64>, JournalError> {
        Ok(None)
    }

    fn notes(&self, _: &str) -> Result<Vec<(String, u64)>, JournalError> {
        Ok(Vec::new())
    }

    fn heads(&self, names: &[&str]) -> Result<Vec<Option<Head>>, JournalError> {
        let state = self.connect()?;
        let head = |name: &&str| Some(state.journal.accounts.get(*name)?.0.clone());
        Ok(names.iter().map(head).collect())
    }

    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError> {
        let state = self.connect()?;
        let accounts = state.journal.accounts.values();
        Ok(accounts.map(|(head, _)| head.account.clone()).collect())
    }

    fn entries(
        &self,
        account: &AccountKey,
        after: Revision,
        _: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let entries = self.connect()?.journal.of(account).cloned();
        let entries = entries.into_iter().flatten();
        for entry in entries.filter(|entry| entry.revision > after) {
            if visit(entry).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn find_many(
        &self,
        ids: &[(AccountKey, RecordId)],
    ) -> Result<Vec<Option<Entry>>, JournalError> {
        let state = self.connect()?;
        let find = |(account, id): &(AccountKey, RecordId)| {
            let mut entries = state.journal.of(account)?.iter();
            entries.find(|entry| entry.id == *id).cloned()
        };
        Ok(ids.iter().map(find).collect())
    }

    fn is_deleted(&self, name: &str, id: &RecordId) -> Result<bool, JournalError> {
        let key = (name.to_owned(), id.clone());
        Ok(self.connect()?.journal.deletions.contains(&key))
    }

    fn deletions(&self) -> Result<Vec<Deletion>, JournalError> {
        Ok(Vec::new())
    }

    fn check(&self) -> Result<Vec<String>, JournalError> {
        Ok(Vec::new())
    }
}

impl SharedJournal for World {
    fn place(&self) -> &'static str {
        "the world"
    }

    fn lanes(&self) -> usize {
        2
    }

    fn news(&self, accounts: &[Have<'_>]) -> Result<Vec<Option<News>>, JournalError> {
        let state = self.connect()?;
        let news = |have: &Have<'_>| {
            let (head, entries) = state.journal.accounts.get(have.name)?;
            let new = entries.iter().filter(|entry| entry.revision > have.after);
            Some(News {
                head: head.clone(),
                entries: new.take(state.news_max).cloned().collect(),
            })
        };
        Ok(accounts.iter().map(news).collect())
    }

    fn append(&self, _: usize, append: &Append) -> Result<Appended, JournalError> {
        self.connect()?.append(append)
    }

    fn append_held(
        &self,
        _: usize,
        wanted: &Wanted<'_>,
        draft: &mut dyn FnMut(LookedUp) -> Option<Append>,
    ) -> Result<Option<Appended>, JournalError> {
        // Nobody else is on his way while it holds them, but for those who went away before.
        let looked_up = self.look_up(wanted)?;
        self.0.lock().unwrap().happened.held += 1;
        match draft(looked_up) {
            Some(append) => Ok(Some(self.connect()?.append(&append)?)),
            None => Ok(None),
        }
    }

    fn transact(
        &self,
        names: &[&str],
        act: &mut dyn FnMut(&mut dyn Transaction) -> bool,
    ) -> Result<Appended, JournalError> {
        let heads = self.heads(names)?;
        let whole = Append {
            accounts: Vec::new(),
            entries: Vec::new(),
        };
        let mut gathered = Gathered { heads, whole };
        match act(&mut gathered) {
            true => self.connect()?.append(&gathered.whole),
            false => Ok(Appended::Conflict),
        }
    }

    fn keep_note(&self, _: &str, number: u64) -> Result<u64, JournalError> {
        Ok(number)
    }
}

/// What a transaction has gathered: whether others were faster shows at its end.
struct Gathered {
    heads: Vec<Option<Head>>,
    whole: Append,
}

impl Transaction for Gathered {
    fn heads(&self) -> &[Option<Head>] {
        &self.heads
    }

    fn append(&mut self, append: &Append) -> Result<Appended, JournalError> {
        let Append { accounts, entries } = append.clone();
        self.whole.accounts.extend(accounts);
        self.whole.entries.extend(entries);
        Ok(Appended::Written)
    }

    fn keep_notes(&mut self, _: &[(String, u64)]) -> Result<(), JournalError> {
        Ok(())
    }

    fn keep_deletions(&mut self, _: &[Deletion]) -> Result<(), JournalError> {
        Ok(())
    }
}
