//! A journal in memory that several stores share, and everything that can happen to it.

mod journal;
mod servers;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};

use gpu_credit_store::{
    AccountKey, Append, Appended, Deletion, Entry, Have, Head, JournalError, LookedUp, News,
    Reader, RecordId, Revision, Sequence, SharedJournal, Snapshots, Transaction, Wanted,
};
use gpu_credit_workload::random::Random;

use journal::Journal;
use servers::{Next, Servers};

/// What is left out of the protocol, to see that it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Nothing,
    /// An append is written whatever the heads are.
    HeadCheck,
    /// A connection does not begin with a write.
    Barrier,
    /// The primary does not wait for its standby.
    AsynchronousStandby,
    /// Some questions go to the standby.
    ReadsFromStandby,
    /// Nothing is confirmed before it is answered, although a deposed primary lives on.
    StrictReads,
}

/// What is asked of reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// A primary that is deposed is dead, and nobody ends the wait of a commit.
    Trusting,
    /// Neither.
    Strict,
}

/// How often it did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Happened {
    pub(crate) conflicts: u64,
    pub(crate) held: u64,
    pub(crate) unknown: u64,
    pub(crate) delayed: u64,
    pub(crate) unreplicated: u64,
    pub(crate) lost: u64,
    pub(crate) promoted: u64,
    /// Answers of a deposed primary.
    pub(crate) past: u64,
    pub(crate) errors: u64,
    pub(crate) interrupted: u64,
    pub(crate) round_trips: u64,
}

impl Happened {
    /// Together with what happened elsewhere.
    pub(crate) fn add(&mut self, other: Happened) {
        self.conflicts += other.conflicts;
        self.held += other.held;
        self.unknown += other.unknown;
        self.delayed += other.delayed;
        self.unreplicated += other.unreplicated;
        self.lost += other.lost;
        self.promoted += other.promoted;
        self.past += other.past;
        self.errors += other.errors;
        self.interrupted += other.interrupted;
        self.round_trips += other.round_trips;
    }

    /// Whether all of it did, but what strict reads rule out.
    pub(crate) fn is_everything(&self) -> bool {
        let each = [
            self.conflicts,
            self.held,
            self.unknown,
            self.delayed,
            self.unreplicated,
            self.lost,
            self.promoted,
            self.errors,
            self.interrupted,
        ];
        each.iter().all(|count| *count > 0) && self.past == 0
    }
}

/// Something that somebody else does meanwhile.
type Deed = Box<dyn FnOnce() + Send>;

/// The journal and its servers, as one client sees them.
#[derive(Clone)]
pub(crate) struct World {
    shared: Arc<Shared>,
    client: usize,
}

struct Shared {
    servers: Mutex<Servers>,
    deeds: Mutex<VecDeque<Deed>>,
    /// New entries of an account that come with its head.
    news_max: usize,
}

impl World {
    pub(crate) fn new(seed: u64, reads: Reads, control: Control) -> Self {
        let mut random = Random::new(seed);
        let news_max = 1 + random.below(20) as usize;
        let mut servers = Servers::new(random, reads, control);
        let client = servers.admit();
        let shared = Shared {
            servers: Mutex::new(servers),
            deeds: Mutex::default(),
            news_max,
        };
        World {
            shared: Arc::new(shared),
            client,
        }
    }

    /// The same for another client.
    pub(crate) fn client(&self) -> Self {
        World {
            shared: Arc::clone(&self.shared),
            client: self.servers().admit(),
        }
    }

    /// Does something between two round trips of the next operation, perhaps.
    pub(crate) fn meanwhile(&self, deed: impl FnOnce() + Send + 'static) {
        let mut deeds = self.shared.deeds.lock().unwrap();
        deeds.push_back(Box::new(deed));
    }

    /// What was not done meanwhile is not done.
    pub(crate) fn end_of_operation(&self) {
        self.shared.deeds.lock().unwrap().clear();
    }

    /// How much was written and cannot be lost.
    pub(crate) fn written_count(&self) -> usize {
        self.servers().kept().len()
    }

    /// What was written and cannot be lost, after the first so many appends.
    pub(crate) fn written_since(&self, count: usize) -> Vec<Append> {
        let servers = self.servers();
        let kept = servers.kept();
        kept[count.min(kept.len())..].to_vec()
    }

    pub(crate) fn happened(&self) -> Happened {
        self.servers().happened
    }

    /// From now on nothing goes wrong, and nothing is on its way.
    pub(crate) fn calm_down(&self) {
        self.servers().calm_down();
    }

    /// The next append comes late, if at all: its client goes on without it.
    pub(crate) fn delay_next(&self) {
        self.servers().next = Some(Next::Delayed);
    }

    /// The next append is written, and the answer lost.
    pub(crate) fn lose_next_answer(&self) {
        self.servers().next = Some(Next::AnswerLost);
    }

    /// Does something while the server answers nobody.
    pub(crate) fn while_it_is_slow<R>(&self, act: impl FnOnce() -> R) -> R {
        let _held = self.servers();
        act()
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.shared.servers.lock().unwrap()
    }

    /// Lets others act.
    fn wait(&self) {
        let deed = self.shared.deeds.lock().unwrap().pop_front();
        if let Some(deed) = deed {
            self.servers().happened.interrupted += 1;
            deed();
        }
    }

    fn read<R>(&self, read: impl FnOnce(&Journal) -> R) -> Result<R, JournalError> {
        let read = self.servers().read(self.client, read);
        self.wait();
        read
    }
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
        self.read(|journal| journal.heads(names))
    }

    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError> {
        self.read(|journal| {
            let accounts = journal.accounts.values();
            accounts.map(|(head, _)| head.account.clone()).collect()
        })
    }

    fn entries(
        &self,
        account: &AccountKey,
        after: Revision,
        _: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let entries = self.read(|journal| journal.of(account).cloned())?;
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
        self.read(|journal| {
            let find = |(account, id): &(AccountKey, RecordId)| {
                let mut entries = journal.of(account)?.iter();
                entries.find(|entry| entry.id == *id).cloned()
            };
            ids.iter().map(find).collect()
        })
    }

    fn is_deleted(&self, name: &str, id: &RecordId) -> Result<bool, JournalError> {
        let key = (name.to_owned(), id.clone());
        self.read(|journal| journal.deletions.contains(&key))
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

    fn look_up(&self, wanted: &Wanted<'_>) -> Result<LookedUp, JournalError> {
        let heads = |journal: &Journal| journal.heads(&wanted.names);
        let (mut heads_there, found) = self.read(|journal| {
            let ids = wanted.ids.iter();
            let found = ids.map(|(name, id)| journal.find(wanted.names[*name], id));
            (heads(journal), found.collect())
        })?;
        let is_deleted = match wanted.deletion {
            Some((name, id)) => self.is_deleted(name, id)?,
            None => false,
        };
        if is_deleted {
            heads_there = self.read(heads)?;
        }
        Ok(LookedUp {
            heads: heads_there,
            found,
            is_deleted,
        })
    }

    fn news(&self, accounts: &[Have<'_>]) -> Result<Vec<Option<News>>, JournalError> {
        self.read(|journal| {
            let news = |have: &Have<'_>| {
                let (head, entries) = journal.accounts.get(have.name)?;
                let new = entries.iter().filter(|entry| entry.revision > have.after);
                Some(News {
                    head: head.clone(),
                    entries: new.take(self.shared.news_max).cloned().collect(),
                })
            };
            accounts.iter().map(news).collect()
        })
    }

    fn append(&self, _: usize, append: &Append) -> Result<Appended, JournalError> {
        self.wait();
        let appended = self.servers().append(self.client, append);
        self.wait();
        appended
    }

    fn append_held(
        &self,
        _: usize,
        wanted: &Wanted<'_>,
        draft: &mut dyn FnMut(LookedUp) -> Option<Append>,
    ) -> Result<Option<Appended>, JournalError> {
        // Nobody else is on his way while it holds them, but for those who went away before.
        let others = std::mem::take(&mut *self.shared.deeds.lock().unwrap());
        let looked_up = self.look_up(wanted);
        *self.shared.deeds.lock().unwrap() = others;
        let looked_up = looked_up?;
        self.servers().happened.held += 1;
        match draft(looked_up) {
            Some(append) => Ok(Some(self.servers().append(self.client, &append)?)),
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
            true => {
                self.wait();
                let mut servers = self.servers();
                let appended = servers.append_whole(self.client, &gathered.whole);
                drop(servers);
                self.wait();
                appended
            }
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
