//! Three stores that share a journal, and everything that can happen to it; every answer is compared with the
//! reference.
//!
//! One store acts at a time, and others between its round trips. What an operation tells must be true at a
//! moment between its beginning and its end: of the prefix of the journal that was written then. So it is
//! known that real time is respected, and nothing has to be searched.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use gpu_credit_replay::Replay;
use gpu_credit_store::{
    Account, Append, Change, Entry, Error, Outcome, Posting, RecordId, Revision, Shared, Storage,
    Store,
};
use gpu_credit_workload::random::Random;

use crate::support::backend::Disk;
use crate::support::model::{Model, ModelAccount};
use crate::support::workload::Workload;
use crate::support::world::{Control, Happened, Reads, World};
use crate::support::{assert_sound, count, everything, store_in_memory};

/// What is asked of a store.
#[derive(Clone, Debug)]
enum Operation {
    Post(Vec<Posting>),
    Try(Vec<Posting>),
    Ask {
        names: Vec<String>,
        at: i64,
    },
    AsRecorded {
        name: String,
        revision: Revision,
        at: i64,
    },
    History(String),
    Entry(String, RecordId),
    Accounts,
}

impl Operation {
    /// What a store tells, as text, and what it acknowledges.
    fn perform<S: Storage>(&self, store: &Store<S>) -> Result<(String, Vec<Outcome>), Error> {
        let told = match self {
            Operation::Post(batch) => {
                let outcomes = store.post_all(batch.clone())?;
                return Ok((told(&outcomes), outcomes));
            }
            Operation::Try(batch) => told(&store.dry_run(batch.clone())?),
            Operation::Ask { names, at } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let answers = store.with_accounts(&names, |accounts| {
                    let answer = |account: &&Account| of_account(account, *at);
                    accounts.iter().map(answer).collect::<Vec<_>>()
                });
                answers?.join(", ")
            }
            Operation::AsRecorded { name, revision, at } => {
                of_account(&store.as_recorded(name, *revision)?, *at)
            }
            Operation::History(name) => format!("{:?}", contents(&store.history(name)?)),
            Operation::Entry(name, id) => {
                let entry = store.entry(name, id)?;
                format!("{:?}", contents(entry.as_slice()))
            }
            Operation::Accounts => {
                let accounts = store.accounts()?.into_iter();
                accounts.map(|key| format!("{} ", key.name)).collect()
            }
        };
        Ok((told, Vec::new()))
    }
}

/// What came of a request, whether it came of it now or before.
fn told(outcomes: &[Outcome]) -> String {
    let revisions = outcomes.iter().map(|outcome| outcome.revision());
    format!("{:?}", revisions.collect::<Vec<_>>())
}

fn of_account(account: &Account, at: i64) -> String {
    let answer = account.balance_at(at).ok();
    let answer = answer.map(|answer| (answer.balance, answer.status.as_str(), answer.deficit));
    format!("{} {answer:?}", account.revision())
}

fn contents(entries: &[Entry]) -> Vec<(Revision, &RecordId, &Change)> {
    let entries = entries.iter();
    let contents = entries.map(|entry| (entry.revision, &entry.id, &entry.change));
    contents.collect()
}

/// An operation that has ended.
struct Done {
    operation: Operation,
    /// Appends that were written when it began, and when it ended.
    from: usize,
    until: usize,
    told: Result<(String, Vec<Outcome>), Error>,
}

/// What is true of a journal's prefix.
struct Reference {
    /// A store of its own, to which all is posted that is written, one by one.
    store: (Disk, Store),
    model: Model,
    /// Every account as it stood at every revision.
    past: BTreeMap<(String, Revision), ModelAccount>,
    /// How often each id was written.
    written: BTreeMap<RecordId, u64>,
}

impl Reference {
    fn new() -> Self {
        Reference {
            store: store_in_memory(),
            model: Model::default(),
            past: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    fn take_in(&mut self, append: &Append) {
        let posting = |entry: &Entry| {
            Posting::new(&*entry.account.name, entry.id.clone(), entry.change.clone())
        };
        let postings: Vec<Posting> = append.entries.iter().map(posting).collect();
        let posted = self.store.1.post_all(postings.clone());
        let posted = posted.expect("what is written was admitted");
        for ((entry, outcome), posting) in append.entries.iter().zip(posted).zip(&postings) {
            *self.written.entry(entry.id.clone()).or_default() += 1;
            self.model.post(posting);
            let name = &posting.account;
            match self.model.accounts.get(name) {
                Some(account) => {
                    assert_eq!(outcome, Outcome::Posted(entry.revision), "{posting:?}");
                    let key = (name.clone(), entry.revision);
                    self.past.insert(key, account.clone());
                }
                None => self.past.retain(|(of, _), _| of != name),
            }
        }
    }

    /// What a store should tell that stands where the reference stands.
    fn tells(&self, operation: &Operation) -> String {
        let store = &self.store.1;
        let told = match operation {
            Operation::Post(batch) => Operation::Try(batch.clone()).perform(store),
            Operation::Ask { names, at } => {
                let answer = |name: &String| {
                    let head = store.head(name)?;
                    self.answer(name, head.revision, *at)
                };
                let answers: Result<Vec<_>, _> = names.iter().map(answer).collect();
                answers.map(|answers| (answers.join(", "), Vec::new()))
            }
            Operation::AsRecorded { name, revision, at } => {
                let answer = self.answer(name, *revision, *at);
                answer.map(|answer| (answer, Vec::new()))
            }
            operation => operation.perform(store),
        };
        as_text(&told)
    }

    /// The replay of the prefix that a revision names.
    fn answer(&self, name: &str, revision: Revision, at: i64) -> Result<String, Error> {
        let key = (name.to_owned(), revision);
        let account = match self.past.get(&key) {
            Some(account) if !account.is_beyond_records => account,
            _ => return Ok(of_account(&self.store.1.as_recorded(name, revision)?, at)),
        };
        let answer = (at >= account.closed).then(|| {
            let answer = account.replay().balance_at(at);
            (answer.balance, answer.status.as_str(), answer.deficit)
        });
        Ok(format!("{revision} {answer:?}"))
    }
}

/// Of several accounts that are missing, a store may name any.
fn as_text(told: &Result<(String, Vec<Outcome>), Error>) -> String {
    match told {
        Ok((told, _)) => told.clone(),
        Err(Error::NoSuchAccount(_)) => "there is no such account".to_owned(),
        Err(error) => error.to_string(),
    }
}

type SharedStore = Store<Shared<World>>;

struct Simulation {
    world: World,
    stores: [SharedStore; 3],
    random: Random,
    workload: Workload,
    reference: Reference,
    /// Appends that the reference knows.
    known: usize,
    done: Arc<Mutex<Vec<Done>>>,
    acknowledged: Vec<(Posting, Revision)>,
    /// How often each id may have been written: by each request that was acknowledged, or whose outcome nobody
    /// knows.
    allowed: BTreeMap<RecordId, u64>,
    /// What nobody knows the outcome of.
    unsettled: Vec<Vec<Posting>>,
}

impl Simulation {
    fn new(seed: u64, reads: Reads, control: Control) -> Self {
        let world = World::new(seed, reads, control);
        Simulation {
            stores: [(); 3].map(|()| Store::with_shared_journal(world.client())),
            world,
            random: Random::new(seed),
            workload: Workload::new(seed, 3),
            reference: Reference::new(),
            known: 0,
            done: Arc::default(),
            acknowledged: Vec::new(),
            allowed: BTreeMap::new(),
            unsettled: Vec::new(),
        }
    }

    fn step(&mut self) {
        let first = self.random.below(3) as usize;
        if self.random.chance(1, 12) {
            // It is killed, and another takes its place.
            self.stores[first] = Store::with_shared_journal(self.world.client());
        }
        for other in 1..=self.random.below(3) as usize {
            let deed = self.deed((first + other) % 3);
            self.world.meanwhile(deed);
        }
        self.deed(first)();
        self.world.end_of_operation();
        self.compare();
    }

    /// Something that a store does.
    fn deed(&mut self, store: usize) -> impl FnOnce() + Send + 'static {
        let operation = self.operation();
        let store = self.stores[store].clone();
        let (world, done) = (self.world.clone(), Arc::clone(&self.done));
        move || {
            let from = world.written_count();
            let told = operation.perform(&store);
            let until = world.written_count();
            done.lock().unwrap().push(Done {
                operation,
                from,
                until,
                told,
            });
        }
    }

    fn operation(&mut self) -> Operation {
        let at = self.random.between(-5, 150);
        match self.random.below(17) {
            0..4 => {
                let names = self.reference.model.accounts.keys();
                let count = 1 + self.random.below(3) as usize;
                let mut names: Vec<String> = names.take(count).cloned().collect();
                if names.is_empty() || self.random.chance(1, 20) {
                    names.push("aaa".to_owned());
                    names.dedup();
                }
                Operation::Ask { names, at }
            }
            4 => {
                let name = self.name();
                let head = self.reference.store.1.head(&name);
                let head = head.map_or(0, |head| head.revision.get());
                let revision = Revision::new(self.random.below(head + 3));
                Operation::AsRecorded { name, revision, at }
            }
            5 => Operation::History(self.name()),
            6 if !self.acknowledged.is_empty() => {
                let place = self.random.below(self.acknowledged.len() as u64) as usize;
                let (posting, _) = &self.acknowledged[place];
                Operation::Entry(posting.account.clone(), posting.id.clone())
            }
            7 => Operation::Try(self.workload.batch()),
            16 => Operation::Accounts,
            8..10 if !self.unsettled.is_empty() => {
                let place = self.random.below(self.unsettled.len() as u64) as usize;
                Operation::Post(self.unsettled.swap_remove(place))
            }
            _ => Operation::Post(self.workload.batch()),
        }
    }

    fn name(&mut self) -> String {
        "a".repeat(1 + self.random.below(3) as usize)
    }

    /// Compares what was told with what is true of a prefix that was there at the time.
    fn compare(&mut self) {
        let mut done = std::mem::take(&mut *self.done.lock().unwrap());
        let mut written = self.world.written_since(self.known).into_iter();
        let mut missed = Vec::new();
        done.retain(|done| self.is_told(done));
        loop {
            let here = self.known;
            let is_now = |done: &Done| (done.from..=done.until).contains(&here);
            for each in std::mem::take(&mut done) {
                let expected = is_now(&each).then(|| self.reference.tells(&each.operation));
                match expected.map(|expected| expected == as_text(&each.told)) {
                    Some(true) => self.acknowledge(each),
                    Some(false) => {
                        missed.push(self.reference.tells(&each.operation));
                        done.push(each);
                    }
                    None => done.push(each),
                }
            }
            let Some(append) = written.next() else { break };
            self.take_in(&append);
        }
        if let Some(false_one) = done.first() {
            let told = as_text(&false_one.told);
            panic!(
                "{:?}: {told}, and not one of {missed:?}",
                false_one.operation
            );
        }
    }

    /// Whether anything was told.
    fn is_told(&mut self, done: &Done) -> bool {
        let is_told = !matches!(done.told, Err(Error::Journal(_)));
        if let Operation::Post(batch) = &done.operation {
            if !is_told {
                self.unsettled.push(batch.clone());
            }
            if !is_told || done.told.is_ok() {
                for posting in batch {
                    *self.allowed.entry(posting.id.clone()).or_default() += 1;
                }
            }
        }
        is_told
    }

    /// What a request that was posted says is there.
    fn acknowledge(&mut self, done: Done) {
        if let (Operation::Post(batch), Ok((_, outcomes))) = (done.operation, done.told) {
            let revisions = outcomes.iter().filter_map(|outcome| outcome.revision());
            self.acknowledged.extend(batch.into_iter().zip(revisions));
        }
    }

    fn take_in(&mut self, append: &Append) {
        self.known += 1;
        self.reference.take_in(append);
        for entry in &append.entries {
            if entry.change == Change::DeleteAccount {
                let name = &*entry.account.name;
                self.acknowledged
                    .retain(|(posting, _)| posting.account != name);
            }
        }
    }

    fn end(mut self) -> Happened {
        self.world.calm_down();
        self.compare();
        for batch in std::mem::take(&mut self.unsettled) {
            let place = self.random.below(3) as usize;
            let store = self.stores[place].clone();
            let from = self.world.written_count();
            let operation = Operation::Post(batch);
            let told = operation.perform(&store);
            let until = self.world.written_count();
            self.done.lock().unwrap().push(Done {
                operation,
                from,
                until,
                told,
            });
            self.compare();
        }
        assert_eq!(self.unsettled, Vec::<Vec<Posting>>::new());
        let all = everything(&self.stores[0]);
        for (posting, revision) in &self.acknowledged {
            let entry = &all[&posting.account][revision.get() as usize - 1];
            assert_eq!((&entry.id, &entry.change), (&posting.id, &posting.change));
        }
        let expected = everything(&self.reference.store.1);
        assert!(all.keys().eq(expected.keys()));
        for (entries, expected) in all.values().zip(expected.values()) {
            assert_eq!(contents(entries), contents(expected));
        }
        for (id, written) in &self.reference.written {
            let allowed = self.allowed.get(id).copied().unwrap_or_default();
            assert!(
                *written <= allowed,
                "{id} was posted {allowed} times and written {written} times"
            );
        }
        for store in &self.stores {
            assert_sound(store);
        }
        self.world.happened()
    }
}

fn simulate(seed: u64, steps: u64, reads: Reads, control: Control) -> Happened {
    let mut simulation = Simulation::new(seed, reads, control);
    for _ in 0..steps {
        simulation.step();
    }
    simulation.end()
}

/// Half of the seeds have a deposed primary that lives on, and strict reads.
fn reads(seed: u64) -> Reads {
    match seed % 2 {
        0 => Reads::Trusting,
        _ => Reads::Strict,
    }
}

/// With `GPU_CREDIT_STORE_SIMULATIONS=2500` these are 1,000,000 steps.
#[test]
fn whatever_happens_stores_that_share_a_journal_answer_like_the_reference() {
    let mut all = Happened::default();
    for seed in 0..count("GPU_CREDIT_STORE_SIMULATIONS", 50) {
        match catch_unwind(|| simulate(seed, 400, reads(seed), Control::Nothing)) {
            Ok(happened) => all.add(happened),
            Err(panic) => {
                eprintln!("seed {seed}");
                resume_unwind(panic);
            }
        }
    }
    eprintln!("{all:?}");
    assert!(all.is_everything(), "{all:?}");
}

/// A posting to an account that is known, and a question to one that is loaded, cost one round trip each; those
/// who wait share it.
#[test]
fn what_is_known_costs_one_round_trip_and_those_who_wait_share_it() {
    let world = World::new(0, Reads::Trusting, Control::Nothing);
    world.calm_down();
    let store = Store::with_shared_journal(world.clone());
    store
        .open_account("a", gpu_credit::Overdraft::Carry)
        .unwrap();
    let since = |before: Happened| world.happened().round_trips - before.round_trips;
    for number in 0..3 {
        let before = world.happened();
        store
            .post(Posting::usage("a", format!("u{number}"), 1, 0))
            .unwrap();
        assert_eq!(since(before), 1);
    }
    store.get_balance("a", 0).unwrap();
    let before = world.happened();
    store.get_balance("a", 0).unwrap();
    assert_eq!(since(before), 1);
    let (before, readers) = (world.happened(), 200);
    let started = std::sync::Barrier::new(readers + 1);
    std::thread::scope(|scope| {
        world.while_it_is_slow(|| {
            for _ in 0..readers {
                scope.spawn(|| {
                    started.wait();
                    store.get_balance("a", 0).unwrap();
                });
            }
            started.wait();
            std::thread::sleep(std::time::Duration::from_millis(300));
        });
    });
    let trips = since(before);
    assert!(
        trips <= readers as u64 / 10,
        "{readers} readers take {trips} round trips"
    );
}

/// A checker that finds nothing has proved nothing.
#[test]
fn what_is_left_out_of_the_protocol_is_found() {
    let left_out = [
        (Reads::Trusting, Control::HeadCheck),
        (Reads::Trusting, Control::Barrier),
        (Reads::Trusting, Control::AsynchronousStandby),
        (Reads::Trusting, Control::ReadsFromStandby),
        (Reads::Strict, Control::StrictReads),
    ];
    for (reads, control) in left_out {
        let finds = |seed: &u64| {
            let run = AssertUnwindSafe(|| simulate(*seed, 400, reads, control));
            catch_unwind(run).is_err()
        };
        let found = (0..20).filter(finds).count();
        eprintln!("{control:?}: found with {found} of 20 seeds");
        assert!(found > 0, "{control:?}");
    }
}
